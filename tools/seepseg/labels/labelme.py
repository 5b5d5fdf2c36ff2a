"""Folders of LabelMe's JSON files, one beside each image; AnyLabeling and X-AnyLabeling write the same."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path, PurePosixPath

import numpy as np

from seepseg.errors import SourceError, UsageError, listing
from seepseg.labels.boxes import refuse_mere_boxes, tell_unlisted
from seepseg.labels.class_names import tell_cases
from seepseg.labels.labelme_file import AREAS, BOXES, ERASER, IGNORED, Drawing, read_drawing
from seepseg.labels.labelme_image import read_image
from seepseg.labels.pictures import Picture, list_pictures, own_splits, own_stems
from seepseg.values import Item, Skip, Source
from seepseg.wording import count

UNLISTED = ("skip", "background")


def read_labelme(
    source: Path,
    *,
    images: Path | None = None,
    names: Sequence[str] | None = None,
    boxes: str = "refuse",
    unlisted: str = "skip",
) -> Source:
    """Every JSON below `source` with the image that it names; classes in order of their names unless `names` says
    another. Shapes of one label and group are one object."""
    if unlisted not in UNLISTED:
        raise UsageError(f"--unlisted {unlisted}: choose among {', '.join(UNLISTED)}")
    pictures, others = list_pictures(source)
    files = {path: path.lower().endswith(".json") for path in others}
    root = source if images is None else images
    pictures = pictures if images is None else list_pictures(images)[0]
    drawings, skipped = _read_all(source, [path for path, is_json in files.items() if is_json])
    skipped += [Skip("not a picture", path) for path, is_json in files.items() if not is_json]
    owners, missing = _find_pictures(drawings, pictures, root)
    classes = _classes(drawings.values(), names)
    problems = [*_unnamed(drawings, classes), *_boxed(drawings, boxes)]
    if problems:
        raise SourceError(listing(problems))
    rest = [picture for picture in pictures if picture not in owners]
    if unlisted == "skip":
        skipped += [Skip("image without a JSON", picture.path) for picture in rest]
        pictures = [picture for picture in pictures if picture in owners]
    splits, notes = own_splits(pictures)
    items = tuple(
        Item(root / picture.path, stem, owners.get(picture), split)
        for picture, stem, split in zip(pictures, own_stems(pictures), splits, strict=True)
    )
    settings = {"names": list(classes), "boxes": boxes, "unlisted": unlisted}
    read = partial(read_image, root=source, classes=classes)
    told = _notes(classes, len(rest), unlisted) + ([] if names else tell_cases(classes))
    return Source("labelme", source, classes, items, read, settings, (*skipped, *missing), (*told, *notes))


def _read_all(source: Path, files: Sequence[str]) -> tuple[dict[str, Drawing], list[Skip]]:
    drawings, skipped, problems = {}, [], []
    for path in files:
        try:
            drawing = read_drawing(source / path, path)
        except SourceError as error:
            problems.append(str(error))
            continue
        if drawing is None:
            skipped.append(Skip("JSON without shapes, so not LabelMe's", path))
        else:
            drawings[path] = _without_pixels(drawing)
    if problems:
        raise SourceError(listing(problems))
    if not drawings:
        raise SourceError(f"{source}: no JSON of LabelMe in it (one with 'shapes', beside each image)")
    return drawings, skipped


def _without_pixels(drawing: Drawing) -> Drawing:
    """The points and masks of all files at once would fill the memory; those of one are read again with its image."""
    nowhere = np.empty((0, 2))
    return replace(drawing, shapes=tuple(replace(one, points=nowhere, bitmap=None) for one in drawing.shapes))


def _find_pictures(
    drawings: dict[str, Drawing], pictures: Sequence[Picture], root: Path
) -> tuple[dict[Picture, str], list[Skip]]:
    """The JSON of each picture: by the path in it, else by the name alone, else by the JSON's own."""
    known: dict[str, list[Picture]] = {}
    twins: dict[str, list[Picture]] = {}
    for picture in pictures:
        twins.setdefault(_bare(picture.path), []).append(picture)
        for key in {picture.path, picture.stem + picture.extension}:
            known.setdefault(key, []).append(picture)
    owners: dict[Picture, str] = {}
    missing, problems = [], []
    for path, drawing in drawings.items():
        keys = _named(PurePosixPath(path).parent, drawing.image.replace("\\", "/")) if drawing.image else ()
        found = next((known[key] for key in keys if key in known), twins.get(_bare(path), []))
        if not found:
            missing.append(Skip("image file missing", f"{drawing.image or path} ({path})"))
        elif len(found) > 1:
            candidates = ", ".join(picture.path for picture in found)
            problems.append(
                f"{path}: its image may be any of {candidates}; give the folder of the JSON files alone, and with "
                "--images that of the images"
            )
        elif owners.setdefault(found[0], path) != path:
            problems.append(f"{path}: {owners[found[0]]} is of the same image, {found[0].path}; remove one")
    if problems:
        raise SourceError(listing(problems))
    if not owners:
        raise SourceError(
            f"{root}: of {count(len(missing), 'image')} that the JSON files name it holds none; say where they are "
            "with --images"
        )
    return owners, missing


def _named(folder: PurePosixPath, image: str) -> tuple[str, ...]:
    """Where an image may lie: where its path leads from the JSON's folder, beside the JSON, or anywhere."""
    parts: list[str] = []
    for part in (folder / image).parts:
        if part == ".." and parts:
            parts.pop()
        else:
            parts.append(part)
    name = PurePosixPath(image).name
    return "/".join(parts), str(folder / name), name


def _bare(path: str) -> str:
    return str(PurePosixPath(path).with_suffix(""))


def _classes(drawings: Iterable[Drawing], names: Sequence[str] | None) -> tuple[str, ...]:
    found = {shape.label for drawing in drawings for shape in drawing.shapes if shape.kind in AREAS}
    classes = tuple(names or sorted(found - {ERASER, IGNORED}))
    if not classes:
        raise SourceError("no shape has a label and an area; give the classes with --names")
    return classes


def _unnamed(drawings: dict[str, Drawing], classes: Sequence[str]) -> list[str]:
    known = {*classes, ERASER, IGNORED}
    return [
        f"{path}: shape {shape.number} is {shape.label}, which is not in --names"
        for path, drawing in drawings.items()
        for shape in drawing.shapes
        if shape.kind in AREAS and shape.label not in known
    ]


def _boxed(drawings: dict[str, Drawing], boxes: str) -> list[str]:
    if boxes != "refuse":
        return []
    found = [
        f"{path}: shape {shape.number}"
        for path, drawing in drawings.items()
        for shape in drawing.shapes
        if shape.kind in BOXES
    ]
    return refuse_mere_boxes(found, "shape")


def _notes(classes: Sequence[str], rest: int, unlisted: str) -> list[str]:
    return [f"classes: {', '.join(classes)}", *tell_unlisted(rest, "without a JSON", unlisted)]
