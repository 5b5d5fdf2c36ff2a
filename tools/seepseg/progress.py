"""A progress bar with count and time left, quiet when nobody watches."""

import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import TypeVar

from tqdm import tqdm

T = TypeVar("T")


def track(items: Iterable[T], total: int | None, label: str, *, unit: str = "image") -> Iterable[T]:
    """The items, with a bar on stderr where that is a terminal."""
    return tqdm(items, total=total, desc=label, unit=f" {unit}", disable=not sys.stderr.isatty(), leave=False)


@contextmanager
def counting(label: str, unit: str) -> Iterator[Callable[[int, int | None], None]]:
    """The same for work that tells by itself how far it is: a function that takes what is done and, where known, of
    how many."""
    with tqdm(desc=label, unit=f" {unit}", disable=not sys.stderr.isatty(), leave=False) as bar:

        def tell(done: int, total: int | None) -> None:
            bar.total = total
            bar.update(done - bar.n)

        yield tell
