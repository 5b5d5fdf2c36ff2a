"""COCO: a Roboflow export, a folder with `annotations/` and images, or one JSON.

What can be left out or mended by rule is counted (Skip): missing and unlisted files, broken and double annotations,
what lies outside the image. What would make the dataset wrong is an error that lists all of it.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from seepseg.errors import SourceError, UsageError, listing
from seepseg.labels.coco_classes import Classes, resolve_classes
from seepseg.labels.coco_files import Layout, Part, find_folder, find_layout, name_stems, unlisted
from seepseg.labels.coco_image import Listed, read_image
from seepseg.labels.coco_json import Annotation, CocoFile, Id, locate, read_json
from seepseg.values import Item, Skip, Source, Tally
from seepseg.wording import count

MISSING = "image file missing"
UNLISTED = "image file not in the JSON"
ORPHAN = "annotation of a missing image file"
NO_IMAGE = "annotation of an image that the JSON does not list"


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
    for reason, number in tally.counts.items():
        places = tally.places[reason]
        more = f"; and {number - len(places):,} more" if number > len(places) else ""
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
            f"iscrowd=1 stands at every run-length mask ({runs:,}), as CVAT marks all brush masks; "
            "if they are single objects, --crowd keep converts them."
        )
    if repeated := sum(one.file.repeated_ids for one in opened):
        yield (f"{count(repeated, 'annotation')} with an id that another of the same JSON has already; all are kept.")
