"""An existing YOLO-seg folder, repaired: what Ultralytics would drop or misread is mended by rule and counted."""

from collections.abc import Sequence
from functools import partial
from pathlib import Path

from seepseg import instances
from seepseg.dataset.fidelity import paint_row
from seepseg.errors import SourceError, listing
from seepseg.labels.boxes import refuse_mere_boxes
from seepseg.labels.polygons import fit_polygons
from seepseg.labels.yolo_files import Folder, Found, decide_names, find_folder
from seepseg.labels.yolo_rows import Row, read_rows, survey
from seepseg.values import Instance, Item, LabelledImage, Skip, Source

CROSSING = "polygon that crosses or touches itself: traced as Ultralytics paints it"
BOX = "box taken as the mask"


def read_yolo(source: Path, *, names: Sequence[str] | None = None, boxes: str = "refuse") -> Source:
    """A folder with images and labels, or its data.yaml; a simple polygon passes through unchanged, and rows of a mere
    box are refused or, with `box`, made masks of their own."""
    folder = find_folder(source)
    root = source.parent if source.is_file() else source
    ids, problems = _survey(root, folder, boxes)
    chosen = decide_names(folder, names, sorted(ids)) if not problems else tuple(names or folder.names or ("?",))
    problems += _out_of_range(root, folder, chosen) if ids and max(ids) >= len(chosen) else []
    problems += _shared(folder.found)
    if problems:
        raise SourceError(listing(problems))
    notes = list(folder.notes)
    if folder.names_from and not names:
        notes.append(f"classes from {folder.names_from}: {', '.join(chosen)}")
    items = tuple(Item(root / one.image, one.stem, one.labels, one.split) for one in folder.found)
    read = partial(_read, root=root, painted=folder.painted)
    settings = {"names": list(chosen), "boxes": boxes}
    return Source("yolo", root, chosen, items, read, settings, folder.skipped, tuple(notes))


def _survey(root: Path, folder: Folder, boxes: str) -> tuple[set[int], list[str]]:
    ids: set[int] = set()
    problems: list[str] = []
    refused: list[str] = []
    for one in folder.found:
        if one.labels:
            found, boxed, wrong = survey(root / one.labels, one.labels)
            ids |= found
            refused += boxed
            problems += wrong
    return ids, problems + (refuse_mere_boxes(refused, "row") if boxes == "refuse" else [])


def _out_of_range(root: Path, folder: Folder, names: Sequence[str]) -> list[str]:
    problems = []
    for one in folder.found:
        ids = survey(root / one.labels, one.labels)[0] if one.labels else set()
        beyond = sorted(identity for identity in ids if identity >= len(names))
        if beyond:
            problems.append(
                f"{one.labels}: class {', '.join(map(str, beyond))} is not in names "
                f"(0-{len(names) - 1}: {', '.join(names)})"
            )
    return problems


def _shared(found: Sequence[Found]) -> list[str]:
    """Two images of one stem would both take one label file, and it cannot be told whose it is."""
    first: dict[str, str] = {}
    problems = []
    for one in found:
        if one.labels and first.setdefault(one.labels, one.image) != one.image:
            problems.append(f"{one.labels}: {first[one.labels]} and {one.image} share it; remove or rename one")
    return problems


def _read(item: Item, width: int, height: int, *, root: Path, painted: bool) -> LabelledImage:
    if item.payload is None:
        return LabelledImage(width, height)
    rows, skipped = read_rows(root / item.payload, item.payload)
    found = []
    for row in rows:
        where = f"{item.payload}:{row.line}"
        instance, reason = _make(row, width, height, painted=painted)
        if instance is not None:
            found.append(instance)
        if reason:
            skipped.append(Skip(reason, where))
        if row.is_box and instance is not None:
            skipped.append(Skip(BOX, where))
    return LabelledImage(width, height, tuple(found), None, tuple(skipped))


def _make(row: Row, width: int, height: int, *, painted: bool) -> tuple[Instance | None, str | None]:
    from shapely import Polygon

    if painted and not row.is_box:
        return _trace(row, width, height), None
    if not Polygon(row.polygon).is_valid:
        return _trace(row, width, height), CROSSING
    return fit_polygons([row.polygon * (width, height)], width, height, row.class_id, source_id=row.line)


def _trace(row: Row, width: int, height: int) -> Instance | None:
    """The pixels that `fillPoly` paints at native size are what was learnt so far: the truth from here on."""
    crop, x, y = paint_row(row.polygon, width, height)
    return instances.from_bitmap(crop, row.class_id, x=x, y=y, width=width, height=height, source_id=row.line)
