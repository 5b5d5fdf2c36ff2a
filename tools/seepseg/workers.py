"""One function over many tasks in worker processes: results in order, the same whatever the number of processes."""

import os
import signal
from collections import deque
from collections.abc import Callable, Generator, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager, suppress
from multiprocessing import active_children, get_context, parent_process
from multiprocessing.process import BaseProcess
from threading import Thread, current_thread, main_thread
from typing import Any, TypeVar

from seepseg.errors import SeepsegError

Task = TypeVar("Task")
Result = TypeVar("Result")

WAITING = 4
"""Tasks a worker that are under way or done and not yet asked for: what bounds the memory."""
LOST = "a worker process was ended from outside, most likely for want of memory; try --workers 1"


def in_order(function: Callable[[Task], Result], tasks: Sequence[Task], workers: int) -> Generator[Result, None, None]:
    """Like `map`, in this process where one worker is enough; `function` is sent to each worker once.

    Close it when leaving early (`contextlib.closing`): that ends the workers at once.
    """
    workers = min(workers, len(tasks))
    if workers <= 1:
        yield from map(function, tasks)
        return
    others = set(active_children())
    pool = ProcessPoolExecutor(workers, get_context("spawn"), _start, (function,))
    try:
        yield from _results(pool, tasks, WAITING * workers)
    except BrokenProcessPool:
        raise SeepsegError(LOST) from None
    except BaseException:
        _interrupt(set(active_children()) - others)
        raise
    finally:
        pool.shutdown(cancel_futures=True)


def _results(pool: ProcessPoolExecutor, tasks: Sequence[Any], most: int) -> Iterator[Any]:
    waiting: deque[Future[Any]] = deque()
    for task in tasks:
        with _interrupt_held():
            waiting.append(pool.submit(_apply, task))
        if len(waiting) > most:
            yield waiting.popleft().result()
    while waiting:
        yield waiting.popleft().result()


def _interrupt(processes: set[BaseProcess]) -> None:
    for process in processes:
        if process.pid:
            with suppress(ProcessLookupError):
                os.kill(process.pid, signal.SIGINT)


@contextmanager
def _interrupt_held() -> Iterator[None]:
    """Ctrl-C reaches all processes of a terminal; those started here inherit the mask and are deaf to it until a task.

    This one hears it on leaving: a pool left in the middle of starting a worker would have that worker fail aloud. The
    mask does not hold it off here by itself, since threads of numpy may still take it.
    """
    held: list[int] = []
    in_main = current_thread() is main_thread()
    handler = signal.signal(signal.SIGINT, lambda number, _: held.append(number)) if in_main else None
    mask = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, mask)
        if in_main:
            signal.signal(signal.SIGINT, handler)
    if held:
        signal.raise_signal(signal.SIGINT)


_function: Callable[[Any], Any]


def _start(function: Callable[[Any], Any]) -> None:
    import cv2

    global _function
    _function = function
    cv2.setNumThreads(1)
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    """A worker whose parent was killed would wait for its next task for ever."""
    parent = parent_process()
    if parent:
        parent.join()
    os._exit(1)


def _apply(task: Any) -> Any:
    """Ctrl-C ends a worker only in here: of one that ended while sending a result, the pool would await the rest."""
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})
    try:
        return _function(task)
    finally:
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
