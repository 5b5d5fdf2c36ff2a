"""Union-find: what is linked to what, by way of others too."""

from collections.abc import Iterable


class Links:
    """`count` things, each alone at first."""

    def __init__(self, count: int, pairs: Iterable[tuple[int, int]] = ()) -> None:
        self._parent = list(range(count))
        for one, other in pairs:
            self.join(one, other)

    def root(self, at: int) -> int:
        """The first of those that are linked to this one."""
        parent = self._parent
        while parent[at] != at:
            parent[at] = parent[parent[at]]
            at = parent[at]
        return at

    def joined(self, one: int, other: int) -> bool:
        """Whether a chain of links leads from one to the other."""
        return self.root(one) == self.root(other)

    def join(self, one: int, other: int) -> bool:
        """Link two; False where they were linked already."""
        low, high = sorted((self.root(one), self.root(other)))
        self._parent[high] = low
        return low != high
