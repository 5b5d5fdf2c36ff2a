"""What tests have workers do: a module of its own, since a worker imports it by name."""

import os
import signal
import time
from pathlib import Path

LONG = 120
"""Seconds that no test takes, on the slowest machine."""


def late_first(task: int) -> tuple[int, int]:
    time.sleep(0.3 if task == 0 else 0)
    return task, os.getpid()


def touch(task: int, folder: Path) -> int:
    (folder / str(task)).touch()
    return task


def refuse(task: int) -> int:
    if task == 3:
        raise ValueError("task 3")
    return task


def end_oneself(task: int) -> int:
    if task == 3:
        os.kill(os.getpid(), signal.SIGKILL)
    return task


def end_at_once(task: bytes) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def sleep_long(task: int, folder: Path) -> int:
    (folder / f"pid{os.getpid()}").touch()
    if task:
        time.sleep(LONG)
    return task
