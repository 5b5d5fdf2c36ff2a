"""One function over many tasks in worker processes: results in order, the same whatever the number of processes."""

import os
import signal
import sys
from collections import deque
from collections.abc import Callable, Generator, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager, suppress
from importlib import import_module
from multiprocessing import active_children, current_process, get_context, parent_process
from threading import Thread, Timer, current_thread, main_thread
from typing import Any, TypeVar

from seepseg.errors import SeepsegError, UsageError

Task = TypeVar("Task")
Result = TypeVar("Result")

WAITING = 4
"""Tasks a worker that are under way or done and not yet asked for: what bounds the memory."""
STUCK_S = 1.0
"""Far more than the end of workers that are gone takes."""
UNGUARDED = "a script that asks for workers is run anew by each of them: put its calls under if __name__ == '__main__':"
LOST = "a worker process was ended from outside, most likely for want of memory; try --workers 1"


class Crew:
    """Worker processes for one `in_order`, in place of their number. Once `start` has been called they get ready while
    this process is still finding out what there is to do. To be closed, since that work may never come."""

    def __init__(self, count: int) -> None:
        self.count = count
        self._pool: ProcessPoolExecutor | None = None
        self._others = set(active_children())

    def start(self, *modules: str) -> None:
        """Have them start and import these; the function, unknown as yet, will go with every task."""
        if self.count > 1 and self._pool is None:
            self._pool = self._open(None, modules)
            # One that ends at once is told of when there is work.
            with _interrupt_held(), suppress(BrokenProcessPool):
                for _ in range(self.count):
                    self._pool.submit(os.getpid)

    def work(self, function: Callable[[Task], Result], tasks: Sequence[Task]) -> Generator[Result, None, None]:
        """The results in order; the processes end with them."""
        sent = function if self._pool else None
        pool = self._pool = self._pool or self._open(function)
        try:
            yield from _results(pool, sent, tasks, WAITING * self.count)
        except BrokenProcessPool:
            is_script = sys.argv[0].endswith(".py") and getattr(sys.modules["__main__"], "__spec__", None) is None
            raise SeepsegError(f"{LOST}; or {UNGUARDED}" if is_script else LOST) from None
        except BaseException:
            self._signal(signal.SIGINT)
            raise
        finally:
            _shut_down(pool)
            self._pool = None

    def close(self) -> None:
        """End those that no work came for; they are deaf to Ctrl-C until it does."""
        if self._pool:
            self._signal(signal.SIGKILL)
            _shut_down(self._pool)
            self._pool = None

    def _open(self, function: Callable[[Any], Any] | None, modules: Sequence[str] = ()) -> ProcessPoolExecutor:
        # A worker that is still starting runs the script that started it, up to this very call.
        if getattr(current_process(), "_inheriting", False):
            raise UsageError(UNGUARDED)
        return ProcessPoolExecutor(self.count, get_context("spawn"), _start, (function, modules))

    def _signal(self, number: int) -> None:
        for process in set(active_children()) - self._others:
            if process.pid:
                with suppress(ProcessLookupError):
                    os.kill(process.pid, number)


def in_order(
    function: Callable[[Task], Result], tasks: Sequence[Task], workers: int | Crew
) -> Generator[Result, None, None]:
    """Like `map`, in this process where one worker is enough; `function` is sent to each worker once.

    Close it when leaving early (`contextlib.closing`): that ends the workers at once.
    """
    crew = workers if isinstance(workers, Crew) else Crew(min(workers, len(tasks)))
    if min(crew.count, len(tasks)) <= 1:
        yield from map(function, tasks)
    else:
        yield from crew.work(function, tasks)


def _shut_down(pool: ProcessPoolExecutor) -> None:
    """A task larger than a pipe is written for as long as anybody may read it. Before Python 3.11.7 and 3.12.1 the pool
    itself stays such a reader when its workers are gone, and then its own shutdown never ends (CPython gh-94777). One
    that does end closes that reader too, and two at once would close it twice, so it is left alone for a while."""
    reader = getattr(getattr(pool, "_call_queue", None), "_reader", None)
    rescue = Timer(STUCK_S, reader.close if reader else lambda: None)
    rescue.daemon = True
    rescue.start()
    pool.shutdown(cancel_futures=True)
    rescue.cancel()


def _results(
    pool: ProcessPoolExecutor, function: Callable[[Any], Any] | None, tasks: Sequence[Any], most: int
) -> Iterator[Any]:
    waiting: deque[Future[Any]] = deque()
    for task in tasks:
        with _interrupt_held():
            waiting.append(pool.submit(_apply, function, task))
        if len(waiting) > most:
            yield waiting.popleft().result()
    while waiting:
        yield waiting.popleft().result()


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


def _start(function: Callable[[Any], Any] | None, modules: Sequence[str]) -> None:
    import cv2

    global _function
    if function:
        _function = function
    cv2.setNumThreads(1)
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    Thread(target=_end_with_parent, daemon=True).start()
    for module in modules:
        import_module(module)


def _end_with_parent() -> None:
    """A worker whose parent was killed would wait for its next task for ever."""
    parent = parent_process()
    if parent:
        parent.join()
    os._exit(1)


def _apply(function: Callable[[Any], Any] | None, task: Any) -> Any:
    """Ctrl-C ends a worker only in here: of one that ended while sending a result, the pool would await the rest."""
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})
    try:
        return (function or _function)(task)
    finally:
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
