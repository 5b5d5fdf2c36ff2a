"""A progress bar with count and time left, quiet when nobody watches."""

import sys
from collections.abc import Iterable
from typing import TypeVar

from tqdm import tqdm

T = TypeVar("T")


def track(items: Iterable[T], total: int | None, label: str, *, unit: str = "image") -> Iterable[T]:
    """The items, with a bar on stderr where that is a terminal."""
    return tqdm(items, total=total, desc=label, unit=f" {unit}", disable=not sys.stderr.isatty(), leave=False)
