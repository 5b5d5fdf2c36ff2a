"""COCO: a Roboflow export, a folder with `annotations/` and images, or one JSON.

What can be left out or mended by rule is counted (Skip): missing and unlisted files, broken and double annotations,
what lies outside the image. What would make the dataset wrong is an error that lists all of it.
"""

from collections import defaultdict
from collections.abc import Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from seepseg import instances
from seepseg.errors import SourceError, UsageError, listing
from seepseg.labels.coco_classes import Classes, resolve_classes
from seepseg.labels.coco_files import Layout, Part, find_folder, find_layout, name_stems, unlisted
from seepseg.labels.coco_json import Annotation, CocoFile, Id, locate, read_json
from seepseg.labels.coco_shapes import Runs, read_polygons
from seepseg.labels.polygons import fit_polygons
from seepseg.values import Instance, Item, LabelledImage, Skip, Source, Tally

MISSING = "image file missing"
UNLISTED = "image file not in the JSON"
ORPHAN = "annotation of a missing image file"
NO_IMAGE = "annotation of an image that the JSON does not list"
DUPLICATE = "annotation given twice"
RUNS_SIZE = "run lengths of another size than the image"
EMPTY_RUNS = "empty run lengths"
SCALED = "scaled from the size in the JSON"


@dataclass(frozen=True, slots=True)
class Listed:
    """What a worker needs to know of one image. The size is the JSON's, if it gives one."""

    json: str
    size: tuple[int, int] | None
    annotations: tuple[tuple[int, Annotation], ...]
    """Class id and annotation."""


@dataclass(frozen=True, slots=True)
class _Opened:
    """A JSON, the folder of its images, and which of them are there."""

    part: Part
    file: CocoFile
    folder: Path | None
    held: set[str]


def read_coco(
    source: Path,
    *,
    images: Path | None = None,
    crowd: str = "skip",
    boxes: str = "refuse",
    merge: Sequence[str] = (),
) -> Source:
    """Crowd regions are skipped or kept, boxes without a mask refused or made box-shaped masks.

    `merge` holds "" where categories of one name are one class, and "NEW=a,b" for others.
    """
    if crowd not in ("skip", "keep") or boxes not in ("refuse", "box"):
        raise UsageError(f"--crowd {crowd}, --boxes {boxes}: choose skip or keep, and refuse or box")
    layout = find_layout(source, images)
    opened = [_open(part, crowd, boxes) for part in layout.parts]
    classes = resolve_classes([one.file for one in opened], merge)
    if faults := [*_faults(opened), *classes.faults]:
        raise SourceError(f"{source} cannot be converted as it is:\n{_describe(faults)}")
    items, skipped = _list_items(layout.root, opened, classes)
    return Source(
        "coco",
        layout.root,
        classes.names,
        items,
        read_image,
        settings={"crowd": crowd, "boxes": boxes, "merge": list(merge), "files": [part.name for part in layout.parts]},
        skipped=skipped,
        notes=(*_notes(layout, opened), *classes.notes),
    )


def _open(part: Part, crowd: str, boxes: str) -> _Opened:
    file = read_json(part.json, part.name, keep_crowd=crowd == "keep", box_masks=boxes == "box")
    folder, held = find_folder(part, [row.path for row in file.images])
    return _Opened(part, file, folder, held)


def _faults(opened: Sequence[_Opened]) -> Iterator[Skip]:
    first: dict[str, str] = {}
    for one in opened:
        yield from one.file.faults
        if not one.file.images and not one.file.faults:
            yield Skip("lists no images", one.part.name)
        elif one.file.images and one.folder is None:
            looked = ", ".join(map(str, one.part.folders)) or "no folder"
            place = (
                f"{one.part.name} lists {len(one.file.images):,} such as {one.file.images[0].path}; looked in {looked}"
            )
            yield Skip("none of the listed images is there; --images DIR says where they are", place)
        ids: set[Id] = set()
        for row in one.file.images:
            place = f"{one.part.name}: image {row.id} ({row.path})"
            if row.id in ids:
                yield Skip("image id given twice", place)
            ids.add(row.id)
            other = first.setdefault(f"{one.folder or one.part.json}/{row.path}", place)
            if other is not place:
                yield Skip("image listed twice; keep one of the two", f"{place} and {other}")


def _describe(faults: Iterable[Skip]) -> str:
    tally = Tally()
    tally.add(faults)
    lines = []
    for reason, count in tally.counts.items():
        places = tally.places[reason]
        more = f"; and {count - len(places):,} more" if count > len(places) else ""
        lines.append(f"- {reason}: {'; '.join(places)}{more}")
    return listing(lines)


def _list_items(root: Path, opened: Sequence[_Opened], classes: Classes) -> tuple[tuple[Item, ...], tuple[Skip, ...]]:
    rows: list[tuple[_Opened, Path, Listed]] = []
    skipped: list[Skip] = []
    for one, ids in zip(opened, classes.ids, strict=True):
        name, folder = one.part.name, one.folder or root
        skipped += one.file.skipped
        by_image = _by_image(one.file, ids)
        for row in one.file.images:
            mine = by_image.pop(row.id, [])
            if row.path in one.held:
                rows.append((one, folder / row.path, Listed(name, row.size, tuple(mine))))
                continue
            skipped.append(Skip(MISSING, f"{name}: {row.path}"))
            skipped += [
                Skip(ORPHAN, f"{locate(name, annotation.id, annotation.row)} of {row.path}") for _, annotation in mine
            ]
        skipped += [
            Skip(NO_IMAGE, f"{locate(name, annotation.id, annotation.row)} has image_id {annotation.image}")
            for lost in by_image.values()
            for _, annotation in lost
        ]
    paths = [path for _, path, _ in rows]
    folders = [one.folder or root for one, _, _ in rows]
    skipped += [Skip(UNLISTED, _within(path, root)) for path in unlisted(paths)]
    stems = name_stems(paths, folders, root)
    items = [Item(path, stem, listed, one.part.split) for stem, (one, path, listed) in zip(stems, rows, strict=True)]
    return tuple(items), tuple(skipped)


def _by_image(file: CocoFile, ids: Mapping[Id, int]) -> dict[Id, list[tuple[int, Annotation]]]:
    found: dict[Id, list[tuple[int, Annotation]]] = defaultdict(list)
    for annotation in file.annotations:
        found[annotation.image].append((ids[annotation.category], annotation))
    return found


def _within(path: Path, root: Path) -> str:
    return path.relative_to(root).as_posix() if path.is_relative_to(root) else path.name


def _notes(layout: Layout, opened: Sequence[_Opened]) -> Iterator[str]:
    read = []
    for one in opened:
        folder = one.folder or layout.root
        where = "beside it" if folder == one.part.json.parent else f"in {_within(folder, layout.root)}"
        split = f" as {one.part.split}" if one.part.split else ""
        read.append(f"{one.part.name}{split}, images {where}")
    yield f"Read as {layout.kind}: {'; '.join(read)}."
    runs = sum(one.file.runs for one in opened)
    if runs and runs == sum(one.file.crowd_runs for one in opened):
        yield (
            f"All {runs:,} run-length masks have iscrowd=1, as CVAT marks every brush mask; "
            "if they are single objects, --crowd keep converts them."
        )
    if repeated := sum(one.file.repeated_ids for one in opened):
        yield f"{repeated:,} annotation ids are used more than once in a JSON; all these annotations are kept."


def read_image(item: Item, width: int, height: int) -> LabelledImage:
    """The annotations of one image as instances; each that is not, or not as drawn, is told in `skipped`."""
    listed: Listed = item.payload
    scale = _scale(item, width, height)
    skipped = [] if scale is None else [Skip(SCALED, f"{listed.json}: {item.image.name}")]
    found: list[Instance] = []
    seen: set[Hashable] = set()
    for class_id, annotation in listed.annotations:
        place = f"{locate(listed.json, annotation.id, annotation.row)} of {item.image.name}"
        instance, reasons = _make(class_id, annotation, place, width, height, scale, seen)
        if instance:
            found.append(instance)
        skipped += [Skip(reason, place) for reason in reasons if reason]
    return LabelledImage(width, height, tuple(found), skipped=tuple(skipped))


def _make(
    class_id: int,
    annotation: Annotation,
    place: str,
    width: int,
    height: int,
    scale: tuple[float, float] | None,
    seen: set[Hashable],
) -> tuple[Instance | None, tuple[str | None, ...]]:
    shape, crowd, source_id = annotation.shape, annotation.crowd, annotation.id
    try:
        drawn, broken = (shape, None) if isinstance(shape, Runs) else read_polygons(shape)
    except (ValueError, RecursionError) as error:
        raise SourceError(f"{place}: segmentation is not readable as JSON: {error}; export it again") from None
    if not drawn:
        return None, (broken,)
    key = class_id, drawn if isinstance(drawn, Runs) else tuple(part.tobytes() for part in drawn)
    if key in seen:
        return None, (DUPLICATE,)
    seen.add(key)
    if isinstance(drawn, Runs):
        if (drawn.width, drawn.height) != (width, height):
            return None, (RUNS_SIZE,)
        instance = instances.from_rle(drawn.counts, width, height, class_id, crowd=crowd, source_id=source_id)
        return instance, () if instance else (EMPTY_RUNS,)
    parts = [np.frombuffer(part).reshape(-1, 2) for part in drawn]
    if scale is not None:
        with np.errstate(over="ignore"):
            parts = [part * scale for part in parts]
    instance, changed = fit_polygons(parts, width, height, class_id, crowd=crowd, source_id=source_id)
    return instance, (broken, changed)


def _scale(item: Item, width: int, height: int) -> tuple[float, float] | None:
    """From pixels of the JSON to pixels of the file; None where they are the same."""
    listed: Listed = item.payload
    if listed.size is None or listed.size == (width, height):
        return None
    known = (
        f"{listed.json}: {item.image.name} is {width}x{height} px, but {listed.size[0]}x{listed.size[1]} in the JSON"
    )
    across, down = width / listed.size[0], height / listed.size[1]
    if abs(listed.size[1] * across - height) >= 1 and abs(listed.size[0] * down - width) >= 1:
        turned = "it was turned after labelling; " if listed.size == (height, width) else ""
        raise SourceError(f"{known}, and no resized copy of that: {turned}put the file or the JSON right")
    if any(isinstance(annotation.shape, Runs) for _, annotation in listed.annotations):
        raise SourceError(f"{known}, and run lengths are not scaled: resize the file to the JSON's size")
    return across, down
