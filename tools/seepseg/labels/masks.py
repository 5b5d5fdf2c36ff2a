"""Masks whose values are classes: numbers, two values, greys above a threshold, or colours of a table."""

from collections.abc import Iterator, Sequence
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from seepseg import instances, rle
from seepseg.errors import SourceError, UsageError, listing
from seepseg.labels import mask_values, pairing
from seepseg.labels.mask_colours import read_colour_table
from seepseg.labels.mask_files import JPEG_SPREAD, NAN, check_size, read_colours, read_values, read_whole, refuse_blank
from seepseg.labels.mask_values import IGNORED, UNNAMED, ValueTable
from seepseg.values import Item, LabelledImage, Skip, Source
from seepseg.wording import count, verb

_MOST_VALUES = 8


def read_masks(
    images: Path,
    masks: Path,
    *,
    names: Sequence[str] | None = None,
    values: str | None = None,
    background: str | None = None,
    ignore: str | None = None,
    colours: Path | None = None,
    threshold: float | None = None,
    invert: bool = False,
    pair: tuple[str, str] | None = None,
    unmatched: str = "error",
) -> Source:
    """Images and their masks; each 8-connected component of a class is an instance.

    `values`, `background` and `ignore` are written as on the command line: '1,2,5', '0-4', 'nan', 'none', with
    `colours` names and #rrggbb.
    """
    _refuse_clashes(names, values, background, colours, threshold, invert)
    pairs = pairing.pair(images, masks, names=pair, unmatched=unmatched)
    read: Any
    if threshold is not None:
        left_out = mask_values.parse_values(ignore or "none", "--ignore")
        chosen = tuple(names or ())
        if not invert:
            files = [masks / item.payload for item in pairs.items if item.payload is not None]
            refuse_blank(files, threshold, ignore=left_out, tolerance=JPEG_SPREAD)
        read = partial(_read_threshold, root=masks, threshold=threshold, invert=invert, ignore=left_out)
        sentence = f"a mask value {f'of {threshold:g} or less' if invert else f'above {threshold:g}'} is {chosen[0]}"
    else:
        table = _decide(names, values, background, ignore, colours, invert, partial(_present, masks, pairs.items))
        chosen = table.names
        read = partial(_read_classes, root=masks, table=table)
        sentence = mask_values.describe(table)
    settings = {
        "names": list(chosen), "values": sentence, "threshold": threshold, "invert": invert,
        "pairs": list(pairs.rule), "unmatched": unmatched,
    }  # fmt: skip
    return Source("masks", images, chosen, pairs.items, read, settings, pairs.skipped, (*pairs.notes, sentence))


def _refuse_clashes(
    names: Sequence[str] | None,
    values: str | None,
    background: str | None,
    colours: Path | None,
    threshold: float | None,
    invert: bool,
) -> None:
    problems = []
    if not names and colours is None:
        problems.append("--names is missing: give each class a name, as in --names oil,ship")
    for flag, given in (("--threshold", threshold is not None), ("--invert", invert)):
        if given and names and len(names) != 1:
            problems.append(f"{flag} parts a mask in two, so it goes with one name, not {len(names)}")
        for other, clashes in (("--values", values), ("--colours", colours), ("--background", background)):
            if given and clashes is not None:
                problems.append(f"{flag} and {other} do not go together")
    if values is not None and colours is not None:
        problems.append("--values and --colours do not go together: the table says what each colour is")
    if problems:
        raise UsageError(listing(problems))


def _decide(
    names: Sequence[str] | None,
    values: str | None,
    background: str | None,
    ignore: str | None,
    colours: Path | None,
    invert: bool,
    present: Any,
) -> ValueTable:
    if colours is not None:
        return mask_values.colour_table(read_colour_table(colours), names, background=background, ignore=ignore)
    if invert:
        left_out = mask_values.parse_values(ignore or "none", "--ignore")
        return mask_values.binary_table((names or ())[0], left_out, invert=True)
    return mask_values.index_table(names or (), values=values, background=background, ignore=ignore, found=present())


def _present(root: Path, items: Sequence[Item]) -> Iterator[set[int]]:
    """The values of mask after mask. One that can't be read is told when it is converted, unless that is all."""
    first: SourceError | None = None
    some = False
    for item in items:
        if item.payload is None:
            continue
        try:
            values = read_whole(root / item.payload)
        except SourceError as error:
            first = first or error
            continue
        some = True
        yield set(np.unique(values).tolist())
    if first and not some:
        raise first


def _read_classes(item: Item, width: int, height: int, *, root: Path, table: ValueTable) -> LabelledImage:
    if item.payload is None:
        return LabelledImage(width, height)
    path = root / item.payload
    values = _pack(read_colours(path)) if table.colours is not None else read_whole(path)
    check_size(values, path, width, height)
    codes = mask_values.classify(values, table)
    ignore = None
    if codes.size and codes.max() >= IGNORED:
        _refuse_unnamed(values[codes == UNNAMED], values.size, path, table)
        ignored = codes == IGNORED
        ignore = rle.encode(ignored.astype(np.uint8))
        codes[ignored] = 0
    _refuse_two_ones(values, path, table)
    return LabelledImage(width, height, instances.from_classes(codes), ignore)


def _read_threshold(
    item: Item, width: int, height: int, *, root: Path, threshold: float, invert: bool, ignore: tuple[int, ...]
) -> LabelledImage:
    if item.payload is None:
        return LabelledImage(width, height)
    path = root / item.payload
    values = read_values(path, tolerance=JPEG_SPREAD)
    check_size(values, path, width, height)
    ignored = np.isin(values, [one for one in ignore if one != NAN]) if ignore else None
    missing = np.isnan(values) if values.dtype.kind == "f" else None
    if missing is not None and missing.any():
        if NAN not in ignore:
            raise SourceError(f"{path}: {count(int(missing.sum()), 'pixel')} without a number; add --ignore nan")
        ignored = missing if ignored is None else ignored | missing
    bitmap = (values <= threshold) if invert else (values > threshold)
    if ignored is not None:
        bitmap &= ~ignored
    found = instances.from_classes(bitmap.view(np.uint8))
    void = rle.encode(ignored.view(np.uint8)) if ignored is not None and ignored.any() else None
    return LabelledImage(width, height, found, void, _count_greys(values, threshold, ignored, item.payload))


def _count_greys(
    values: NDArray[Any], threshold: float, ignored: NDArray[np.bool_] | None, where: str
) -> tuple[Skip, ...]:
    """Pixels that are neither 0 nor the largest value there can be: what JPEG or interpolation left, or a threshold
    that does not go with masks of 0 and 1."""
    unsigned = values.dtype.kind == "u"
    full = 1 if threshold < 1 else np.iinfo(values.dtype).max if unsigned else values.max()
    grey = (values != 0) & (values != full)
    if ignored is not None:
        grey &= ~ignored
    pixels = np.count_nonzero(grey)
    return (Skip("greys thresholded", f"{where}: {pixels / values.size:.1%} of pixels"),) if pixels else ()


def _pack(colours: NDArray[np.uint8]) -> NDArray[np.int32]:
    red, green, blue = (colours[..., band].astype(np.int32) for band in range(3))
    return red << 16 | green << 8 | blue


def _refuse_unnamed(odd: NDArray[Any], size: int, path: Path, table: ValueTable) -> None:
    if not odd.size:
        return
    values, counts = np.unique(odd, return_counts=True)
    share = f"{count(odd.size, 'pixel')} ({odd.size / size:.1%})"
    if table.colours is None and len(table.names) == 1 and len(values) > _MOST_VALUES:
        raise SourceError(
            f"{path}: {share} are greys, {len(values)} values from {values[0]} to {values[-1]}, as JPEG or "
            f"interpolation leaves them; add --threshold 127 to take what is brighter as {table.names[0]}, "
            "or with --invert what is darker"
        )
    pairs = zip(values.tolist(), counts.tolist(), strict=True)
    shown = [f"{table.say(value)} ({pixels:,})" for value, pixels in islice(pairs, _MOST_VALUES)]
    if len(values) > len(shown):
        rest = values[len(shown) :].tolist()
        shown.append(f"and {len(rest)} more" if table.colours else f"and {mask_values.ranges(rest)}")
    what = f"{verb(odd.size, 'holds', 'hold')} {'a value' if len(values) == 1 else 'values'}"
    raise SourceError(f"{path}: {share} {what} without a name: {', '.join(shown)}; {_way_out(table)}")


def _way_out(table: ValueTable) -> str:
    if table.colours is not None:
        return "add them to the colour table, or name them in --background or --ignore"
    objects = "; masks whose values are objects go with: convert instances" if len(table.names) == 1 else ""
    return f"say what they are with --names, --values, --background or --ignore{objects}"


def _refuse_two_ones(values: NDArray[Any], path: Path, table: ValueTable) -> None:
    if len(table.single) < 2:
        return
    found = [value for value in table.single if (values == value).any()]
    if len(found) > 1:
        both = " and ".join(map(str, found))
        raise SourceError(
            f"{path}: holds {both}, and one name is given, so only one of them can be {table.names[0]}; "
            f"say which with --values and what the other is with --ignore or --background"
        )
