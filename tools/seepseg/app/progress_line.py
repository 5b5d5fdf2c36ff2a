"""How far work on the page is: a bar with what is done, of how many, and the time left."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from time import monotonic

import streamlit as st

_EACH_SECONDS = 0.2


@contextmanager
def showing(label: str, unit: str) -> Iterator[Callable[[int, int | None], None]]:
    """A function that takes what is done and, where known, of how many; the bar goes when the work is over."""
    bar, began, told = st.progress(0.0, f"{label} …"), monotonic(), 0.0

    def tell(done: int, total: int | None) -> None:
        nonlocal told
        now = monotonic()
        if now - told < _EACH_SECONDS and done != total:
            return
        told = now
        bar.progress(min(done / total, 1.0) if total else 0.0, words(label, unit, done, total, now - began))

    try:
        yield tell
    finally:
        bar.empty()


def words(label: str, unit: str, done: int, total: int | None, spent: float) -> str:
    """'Looking: tile 12 of 40, 8 s left'."""
    if not total:
        return f"{label}: {done:,} {unit}s"
    left = spent / max(done, 1) * (total - done)
    time = f"{left / 60:.0f} min" if left >= 90 else f"{left:.0f} s"
    return f"{label}: {unit} {done:,} of {total:,}, {time} left"
