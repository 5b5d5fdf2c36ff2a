"""Ctrl-C as a wish to finish early, not as an end in the middle of a file."""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from types import FrameType


@dataclass(slots=True)
class Interruption:
    """Whether somebody pressed Ctrl-C."""

    asked: bool = False


@contextmanager
def finish_on_interrupt() -> Iterator[Interruption]:
    """The first Ctrl-C is noted, the second one ends the program as ever. Outside the main thread signals are none of
    our business."""
    interruption = Interruption()
    if threading.current_thread() is not threading.main_thread():
        yield interruption
        return

    def note(number: int, frame: FrameType | None) -> None:
        if interruption.asked:
            raise KeyboardInterrupt
        interruption.asked = True

    before = signal.signal(signal.SIGINT, note)
    try:
        yield interruption
    finally:
        signal.signal(signal.SIGINT, before)
