"""A progress bar for work that tells by itself how far it is: tiles of a scene, frames of a video."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from tqdm import tqdm


@contextmanager
def counting(label: str, unit: str) -> Iterator[Callable[[int, int | None], None]]:
    """A function that takes what is done and, where known, of how many; quiet where stderr is no terminal."""
    with tqdm(desc=label, unit=f" {unit}", disable=not sys.stderr.isatty(), leave=False) as bar:

        def tell(done: int, total: int | None) -> None:
            bar.total = total
            bar.update(done - bar.n)

        yield tell
