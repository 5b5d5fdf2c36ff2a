"""One COCO JSON, read record by record, so that a large file never stands in memory as Python numbers."""

import posixpath
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path, PureWindowsPath
from typing import Any, NamedTuple, TypeGuard

from seepseg.errors import SourceError
from seepseg.labels.coco_scan import scan
from seepseg.labels.coco_shapes import Runs, Shape, read_box, read_segmentation
from seepseg.values import Skip

Id = int | str

CROWD = "crowd region (iscrowd=1), left out; --crowd keep takes it in"
NO_SHAPE = "annotation with neither segmentation nor box"


@dataclass(frozen=True, slots=True)
class Category:
    """A row of `categories`."""

    id: Id
    name: str
    parent: str | None


@dataclass(frozen=True, slots=True)
class ImageRow:
    """A row of `images`; the path is relative, with '/'. No size where the JSON gives none."""

    id: Id
    path: str
    size: tuple[int, int] | None


class Annotation(NamedTuple):
    """A row of `annotations` that has a shape; `id` is None where the JSON gives none."""

    id: Id | None
    row: int
    image: Id
    category: Id
    crowd: bool
    shape: Shape


def locate(file: str, identity: Id | None, row: int) -> str:
    """How messages call an annotation."""
    return f"{file}: annotations[{row}]" if identity is None else f"{file}: annotation {identity}"


@dataclass(slots=True)
class CocoFile:
    """What one JSON holds. `faults` are what must be put right first; `skipped` is what can be left out."""

    name: str
    categories: list[Category] = field(default_factory=list)
    images: list[ImageRow] = field(default_factory=list)
    annotations: list[Annotation] = field(default_factory=list)
    used: dict[Id, str] = field(default_factory=dict)
    """Category ids that annotations name, and the first place of each."""
    faults: list[Skip] = field(default_factory=list)
    skipped: list[Skip] = field(default_factory=list)
    runs: int = 0
    crowd_runs: int = 0
    repeated_ids: int = 0


def read_json(path: Path, name: str, *, keep_crowd: bool, box_masks: bool) -> CocoFile:
    """All records of a JSON; `name` is how messages call it."""
    file = CocoFile(name)
    seen: set[Id] = set()
    sinks: dict[str, Callable[[int, Any], None]] = {
        "categories": lambda index, record: _add_category(file, index, record),
        "images": lambda index, record: _add_image(file, index, record),
        "annotations": lambda index, record: _add_annotation(file, index, record, seen, keep_crowd, box_masks),
    }
    try:
        others = scan(path.read_text(encoding="utf-8-sig"), sinks)
    except OSError as error:
        raise SourceError(f"{path}: cannot be read: {error.strerror}") from None
    except (ValueError, RecursionError) as error:
        raise SourceError(f"{path}: not readable as JSON: {error}; export it again") from None
    for key in sinks:
        if key not in others:
            file.faults.append(Skip(f"has no '{key}'; this is not COCO's layout", name))
        elif others[key] is not None:
            file.faults.append(Skip(f"'{key}' is not a list", name))
    return file


def _add_category(file: CocoFile, index: int, record: Any) -> None:
    place = f"{file.name}: categories[{index}]"
    if not isinstance(record, dict) or (identity := _read_id(record.get("id"))) is None:
        file.faults.append(Skip("category without a usable id", place))
        return
    name, parent = record.get("name"), record.get("supercategory")
    if not _is_text(name) or not name.strip():
        file.faults.append(Skip("category without a usable name", place))
    elif any(one.id == identity for one in file.categories):
        file.faults.append(Skip("category id given twice", f"{place} has id {identity}"))
    else:
        file.categories.append(Category(identity, name, parent if isinstance(parent, str) else None))


def _add_image(file: CocoFile, index: int, record: Any) -> None:
    place = f"{file.name}: images[{index}]"
    if not isinstance(record, dict) or (identity := _read_id(record.get("id"))) is None:
        file.faults.append(Skip("image without a usable id", place))
        return
    name = record.get("file_name")
    if not _is_text(name) or "\0" in name or not name.strip():
        file.faults.append(Skip("image without a usable file_name", place))
        return
    path = posixpath.normpath(name.replace("\\", "/"))
    if PureWindowsPath(path).anchor or path == "." or path.split("/")[0] == "..":
        file.faults.append(
            Skip("file_name that leads out of the image folder; make it relative to it", f"{place} {name}")
        )
        return
    size = None
    if record.get("width") is not None and record.get("height") is not None:
        size = _read_side(record["width"]), _read_side(record["height"])
        if not all(size):
            file.faults.append(Skip("width and height that are not whole numbers above 0", f"{place} {name}"))
            return
    file.images.append(ImageRow(identity, path, size))


def _add_annotation(file: CocoFile, index: int, record: Any, seen: set[Id], keep_crowd: bool, box_masks: bool) -> None:
    if not isinstance(record, dict):
        file.faults.append(Skip("annotation that is no record", f"{file.name}: annotations[{index}]"))
        return
    identity, crowd = _read_id(record.get("id")), record.get("iscrowd")
    image, category = _read_id(record.get("image_id")), _read_id(record.get("category_id"))
    if image is None or category is None:
        file.faults.append(
            Skip("annotation without a usable image_id and category_id", locate(file.name, identity, index))
        )
        return
    if crowd not in (0, 1, None):
        file.faults.append(Skip("iscrowd that is neither 0 nor 1", locate(file.name, identity, index)))
        return
    if identity is not None:
        file.repeated_ids += identity in seen
        seen.add(identity)
    if category not in file.used:
        file.used[category] = locate(file.name, identity, index)
    shape, reason = read_segmentation(record.get("segmentation"))
    if isinstance(shape, Runs):
        file.runs += 1
        file.crowd_runs += bool(crowd)
    if crowd and not keep_crowd:
        shape, reason = None, CROWD
    elif shape is None and reason is None:
        if record.get("bbox") in (None, []):
            reason = NO_SHAPE
        elif box_masks:
            shape, reason = read_box(record["bbox"])
        else:
            fault = "annotation with a box and no mask; --boxes box makes box-shaped masks"
            file.faults.append(Skip(fault, locate(file.name, identity, index)))
            return
    if reason:
        file.skipped.append(Skip(reason, locate(file.name, identity, index)))
    if shape is not None:
        file.annotations.append(Annotation(identity, index, image, category, bool(crowd), shape))


def _read_id(value: Any) -> Id | None:
    if type(value) is int or (type(value) is str and _is_text(value)):
        return value
    return int(value) if type(value) is float and value.is_integer() else None


def _read_side(value: Any) -> int:
    """Pixels, or 0 where the value is none."""
    side = _read_id(value)
    return side if isinstance(side, int) and 0 < side < 2**31 else 0


def _is_text(value: Any) -> TypeGuard[str]:
    """A string that can be written: escapes can make ones that cannot."""
    try:
        return isinstance(value, str) and value.encode() is not None
    except UnicodeEncodeError:
        return False
