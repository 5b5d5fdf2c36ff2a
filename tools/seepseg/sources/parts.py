"""Several sources made one: sensors, or scenes with and without oil, that lie in folders of their own."""

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from seepseg.errors import UsageError
from seepseg.values import Item, LabelledImage, Skip, Source

Reader = Callable[[Item, int, int], LabelledImage]


@dataclass(frozen=True, slots=True)
class Piece:
    """One of the sources to join, the split that all of it goes to if any, and what tells its files apart."""

    source: Source
    split: str | None
    name: str


def join(pieces: Sequence[Piece]) -> Source:
    """One source of all; stems that two pieces share get the piece's name before them, as folders do elsewhere."""
    names = {piece.source.names for piece in pieces}
    if len(names) > 1:
        lists = "; ".join(f"{piece.name}: {', '.join(piece.source.names)}" for piece in pieces)
        raise UsageError(f"parts of one dataset must have the same classes in the same order: {lists}")
    shared = _shared_stems(pieces)
    items: list[Item] = []
    skipped: list[Skip] = []
    for number, piece in enumerate(pieces):
        items += [_item(item, number, piece, shared) for item in piece.source.items]
        skipped += [replace(skip, where=f"{piece.name}: {skip.where}") for skip in piece.source.skipped]
    return Source(
        kind="+".join(dict.fromkeys(piece.source.kind for piece in pieces)),
        root=Path(os.path.commonpath([piece.source.root.resolve() for piece in pieces])),
        names=pieces[0].source.names,
        items=tuple(items),
        read=partial(_read, tuple(piece.source.read for piece in pieces)),
        settings={piece.name: {**piece.source.settings, **_split(piece)} for piece in pieces},
        skipped=tuple(skipped),
        notes=tuple(f"{piece.name}: {note}" for piece in pieces for note in piece.source.notes),
    )


def _split(piece: Piece) -> dict[str, str]:
    return {"split": piece.split} if piece.split else {}


def _shared_stems(pieces: Sequence[Piece]) -> set[str]:
    seen: set[str] = set()
    shared: set[str] = set()
    for piece in pieces:
        stems = {item.stem.casefold() for item in piece.source.items}
        shared |= stems & seen
        seen |= stems
    return shared


def _item(item: Item, number: int, piece: Piece, shared: set[str]) -> Item:
    stem = f"{piece.name}/{item.stem}" if item.stem.casefold() in shared else item.stem
    group = f"{piece.name}/{item.group}" if item.group else None
    return replace(item, stem=stem, group=group, split=piece.split or item.split, payload=(number, item.payload))


def _read(readers: tuple[Reader, ...], item: Item, width: int, height: int) -> LabelledImage:
    number, payload = item.payload
    read: Reader = readers[number]
    return read(replace(item, payload=payload), width, height)
