"""Masks whose values are object ids: Penn-Fudan, Pascal VOC's objects, Cityscapes, COCO panoptic."""

from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from seepseg import instances, rle
from seepseg.errors import SourceError, UsageError, listing
from seepseg.labels import pairing
from seepseg.labels.mask_files import check_size, read_colours, read_whole
from seepseg.labels.mask_values import parse_values, ranges
from seepseg.values import Item, LabelledImage, Skip, Source

_VOID = 255


def read_instances(
    images: Path,
    masks: Path,
    *,
    names: Sequence[str],
    values: str | None = None,
    background: str | None = None,
    ignore: str | None = None,
    rgb_ids: bool = False,
    divisor: int | None = None,
    pair: tuple[str, str] | None = None,
    unmatched: str = "error",
) -> Source:
    """Images and masks whose values are object ids; an object in several parts is one instance.

    With `divisor` an id is class × divisor + number, `values` are the classes of the names, and `background` and
    `ignore` are classes too; otherwise all objects are of the one class.
    """
    if divisor is None and (len(names) != 1 or values is not None):
        raise UsageError(
            "ids alone do not say a class: give one name, or --divisor 1000 where an id is class × 1000 + number"
        )
    wanted = parse_values(values, "--values") if values else tuple(range(1, len(names) + 1))
    if len(wanted) != len(names) or (divisor is not None and divisor < 2):
        raise UsageError("give as many --values as --names, and a --divisor of 2 or more")
    empty = parse_values(background or "0", "--background")
    left_out = None if ignore is None else parse_values(ignore, "--ignore")
    pairs = pairing.pair(images, masks, names=pair, unmatched=unmatched)
    lossy = [item.payload for item in pairs.items if str(item.payload).lower().endswith((".jpg", ".jpeg"))]
    if lossy:
        raise SourceError(f"{masks}: JPEG changes values, so these masks hold no ids to trust:\n{listing(lossy)}")
    classes = dict(zip(wanted, range(len(names)), strict=True)) if divisor else None
    read = partial(
        _read_ids, root=masks, background=empty, ignore=left_out, rgb_ids=rgb_ids, divisor=divisor, classes=classes
    )
    settings = {
        "names": list(names), "values": list(wanted) if divisor else None, "background": list(empty),
        "ignore": list(left_out or ()), "rgb_ids": rgb_ids, "divisor": divisor,
        "pairs": list(pairs.rule), "unmatched": unmatched,
    }  # fmt: skip
    notes = (*pairs.notes, _describe(names, wanted, empty, left_out or (), divisor))
    return Source("instances", images, tuple(names), pairs.items, read, settings, pairs.skipped, notes)


def _describe(
    names: Sequence[str], wanted: Sequence[int], background: Sequence[int], ignore: Sequence[int], divisor: int | None
) -> str:
    if divisor:
        table = ", ".join(f"{value} = {name}" for value, name in zip(wanted, names, strict=True))
        what = f"mask values are class × {divisor} + number: {table}, {ranges(background)} = background"
    else:
        what = f"mask values are objects, all {names[0]}; {ranges(background) or 'none'} = background"
    return f"{what}, {ranges(ignore)} = ignored" if ignore else what


def _read_ids(
    item: Item,
    width: int,
    height: int,
    *,
    root: Path,
    background: tuple[int, ...],
    ignore: tuple[int, ...] | None,
    rgb_ids: bool,
    divisor: int | None,
    classes: dict[int, int] | None,
) -> LabelledImage:
    if item.payload is None:
        return LabelledImage(width, height)
    path = root / item.payload
    ids = _packed_ids(read_colours(path)) if rgb_ids else read_whole(path)
    check_size(ids, path, width, height)
    present, where = np.unique(ids, return_inverse=True)
    where = where.reshape(ids.shape)
    if ignore is None and divisor is None:
        _refuse_stray_void(present, ids, path)
    kinds = present if divisor is None else np.where(present >= divisor, present // divisor, present)
    empty, void = np.isin(kinds, background), np.isin(kinds, ignore or ())
    skipped: tuple[Skip, ...] = ()
    if divisor is not None and classes is not None:
        _refuse_unnamed(kinds[~empty & ~void], classes, path)
        group = (present < divisor) & ~empty & ~void
        void |= group
        skipped = tuple(
            Skip("group of objects without numbers, ignored", f"{item.payload}: {id}") for id in present[group]
        )
    chosen = np.flatnonzero(~empty & ~void)
    numbers = np.zeros(len(present), np.int32)
    numbers[chosen] = np.arange(1, len(chosen) + 1)
    class_ids = [classes[int(kinds[at])] if classes else 0 for at in chosen]
    found = instances.from_regions(numbers[where], class_ids) if class_ids else ()
    named = tuple(replace(one, source_id=int(present[at])) for one, at in zip(found, chosen, strict=True))
    ignored = rle.encode(void[where].astype(np.uint8)) if void.any() else None
    return LabelledImage(width, height, named, ignored, skipped)


def _packed_ids(colours: NDArray[np.uint8]) -> NDArray[np.int32]:
    """COCO panoptic's ids: red + 256 green + 65536 blue."""
    red, green, blue = (colours[..., band].astype(np.int32) for band in range(3))
    return red | green << 8 | blue << 16


def _refuse_stray_void(present: NDArray[Any], ids: NDArray[Any], path: Path) -> None:
    """255 far above the other ids is void in Pascal VOC's masks, and an object in others: only the user knows."""
    others = present[(present != 0) & (present != _VOID)]
    if ids.dtype == np.uint8 and _VOID in present and len(others) and others.max() < _VOID - 1:
        raise SourceError(
            f"{path}: holds {_VOID} beside the ids {ranges(others.tolist())}; "
            f"add --ignore {_VOID} if it is void, or --ignore none if it is an object"
        )


def _refuse_unnamed(kinds: NDArray[Any], classes: dict[int, int], path: Path) -> None:
    odd = sorted(set(kinds.tolist()) - set(classes))
    if odd:
        raise SourceError(
            f"{path}: holds objects of the classes {ranges(odd)}, which have no name; "
            "add them to --names and --values, to --background or to --ignore"
        )
