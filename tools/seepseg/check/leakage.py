"""Images that stand on two sides of a split: scenes, copies, turned copies, shifted ones."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from seepseg import raster
from seepseg.check.findings import Ledger
from seepseg.errors import DatasetError
from seepseg.splits.twins import Fingerprint, find_copies


@dataclass(frozen=True, slots=True)
class Tile:
    """What is kept of an image to tell whether it leaks."""

    split: str
    image: Path
    stem: str
    """As the converter knows it: below images/<split>/, without suffix."""
    sha256: str
    group: str | None
    fingerprint: Fingerprint | None


def judge_leakage(tiles: Sequence[Tile], ledger: Ledger) -> None:
    """Groups on two sides, byte-identical images, and turned or flipped copies."""
    _judge_groups(tiles, ledger)
    same = _judge_copies(tiles, ledger)
    marked = [tile for tile in tiles if tile.fingerprint is not None]
    marks = [tile.fingerprint for tile in marked if tile.fingerprint is not None]
    for first, second in find_copies(marks, lambda index: _load(marked[index].image)):
        one, other = marked[first], marked[second]
        if one.split != other.split and (one.sha256 != other.sha256 or one.sha256 not in same):
            ledger.add("leak-turned", _pair(one, other))


def judge_near(tiles: Sequence[Tile], ledger: Ledger) -> dict[str, str]:
    """Shifted and blurred copies across splits, and a group for every image that belongs with another.

    In order of the stems, so that groups don't depend on the split that they are found in.
    """
    from seepseg.splits.near import find_near, propose_groups

    marked = sorted((tile for tile in tiles if tile.fingerprint is not None), key=lambda tile: tile.stem)
    pairs = find_near(lambda index: _load(marked[index].image), len(marked))
    for pair in pairs:
        one, other = marked[pair.i], marked[pair.j]
        if one.split != other.split:
            ledger.add("leak-near", f"{_pair(one, other)} (score {pair.score:.2f})")
    return _join_groups(tiles, [tile.stem for tile in marked], propose_groups(pairs, len(marked)))


def _join_groups(tiles: Sequence[Tile], stems: Sequence[str], near: Sequence[int]) -> dict[str, str]:
    """Stem → group, where two images of one near group bring their scenes together; lone images are left out."""
    root: dict[str, str] = {}

    def find(key: str) -> str:
        while root.setdefault(key, key) != key:
            key = root[key]
        return key

    def join(one: str, other: str) -> None:
        low, high = sorted((find(one), find(other)))
        root[high] = low

    for tile in tiles:
        if tile.group is not None:
            join(f"s:{tile.stem}", f"g:{tile.group}")
    for stem, group in zip(stems, near, strict=True):
        join(f"s:{stem}", f"n:{group}")
    members: dict[str, list[str]] = {}
    for stem in sorted(tile.stem for tile in tiles):
        members.setdefault(find(f"s:{stem}"), []).append(stem)
    return {stem: together[0] for together in members.values() if len(together) > 1 for stem in together}


def _judge_groups(tiles: Sequence[Tile], ledger: Ledger) -> None:
    first: dict[str, Tile] = {}
    told = set()
    for tile in tiles:
        if tile.group is None:
            continue
        other = first.setdefault(tile.group, tile)
        if other.split != tile.split and tile.group not in told:
            told.add(tile.group)
            ledger.add("leak-group", f"{tile.group}: {_pair(other, tile)}")


def _judge_copies(tiles: Sequence[Tile], ledger: Ledger) -> set[str]:
    first: dict[str, Tile] = {}
    same = set()
    for tile in tiles:
        other = first.setdefault(tile.sha256, tile)
        if other is not tile:
            same.add(tile.sha256)
            ledger.add("copy-within" if other.split == tile.split else "leak-copy", _pair(other, tile))
    return same


def _pair(one: Tile, other: Tile) -> str:
    return f"{one.image} = {other.image}"


def _load(image: Path) -> NDArray[np.uint8]:
    pixels = raster.decode(image.read_bytes())
    if pixels is None:
        raise DatasetError(f"{image}: no longer readable; it has changed while it was checked")
    return pixels
