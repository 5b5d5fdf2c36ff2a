"""Results that many may want again: the latest stay as long as they fit, whoever asked for them first."""

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import Generic, TypeVar

T = TypeVar("T")


class Shelf(Generic[T]):
    """Bounded by bytes. Two who ask for the same thing at once wait for one making of it."""

    def __init__(self, most_bytes: int, size_of: Callable[[T], int]) -> None:
        self._most = most_bytes
        self._size_of = size_of
        self._kept: OrderedDict[Hashable, tuple[T, int]] = OrderedDict()
        self._making: dict[Hashable, threading.Lock] = {}
        self._lock = threading.Lock()

    def get(self, key: Hashable, make: Callable[[], T]) -> T:
        """What is there under the key, or else what is made now; an error is not kept."""
        with self._lock:
            if key in self._kept:
                self._kept.move_to_end(key)
                return self._kept[key][0]
            making = self._making.setdefault(key, threading.Lock())
        with making:
            with self._lock:
                if key in self._kept:
                    return self._kept[key][0]
            try:
                made = make()
                self._put(key, made)
            finally:
                with self._lock:
                    self._making.pop(key, None)
        return made

    def _put(self, key: Hashable, made: T) -> None:
        size = self._size_of(made)
        with self._lock:
            self._kept[key] = (made, size)
            while len(self._kept) > 1 and sum(one for _, one in self._kept.values()) > self._most:
                self._kept.popitem(last=False)
