"""One mask file per object, in the two layouts that are common; objects may overlap."""

from collections.abc import Sequence
from functools import partial
from pathlib import Path

import cv2
import numpy as np

from seepseg import instances
from seepseg.errors import SourceError, UsageError, listing
from seepseg.labels import pairing
from seepseg.labels.mask_files import JPEG_SPREAD, check_size, read_values, refuse_blank
from seepseg.labels.pictures import Picture, list_pictures, own_splits, own_stems
from seepseg.values import Bitmap, Instance, Item, LabelledImage, Skip, Source
from seepseg.wording import count

_IMAGES, _MASKS = "images", "masks"


def read_objects(
    source: Path, *, names: Sequence[str], threshold: float | None = None, unmatched: str = "error"
) -> Source:
    """Images with one mask file per object: `<id>/images/*.png` with `<id>/masks/*.png`, or `images/<stem>.png` with
    `masks/<stem>/*.png`. Objects may overlap."""
    if len(names) != 1:
        raise UsageError(f"files of objects do not say a class: give one name, not {len(names)}")
    if unmatched not in pairing.UNMATCHED:
        raise UsageError(f"--unmatched {unmatched}: choose among {', '.join(pairing.UNMATCHED)}")
    pictures, others = list_pictures(source)
    found, skipped = _objects_of_images(pictures, source)
    skipped += [Skip("not a picture", path) for path in others]
    bare = [image.path for image, files in found if files is None]
    if bare and unmatched == "error":
        raise SourceError(
            f"{source}: images without a folder of object masks; add --unmatched skip or --unmatched background:\n"
            f"{listing(bare)}"
        )
    reason = "image without a mask" if unmatched == "skip" else "image without a mask, taken as background"
    skipped += [Skip(reason, path) for path in bare]
    kept = [(image, files) for image, files in found if files is not None or unmatched == "background"]
    splits, notes = own_splits([image for image, _ in kept])
    stems = own_stems([image for image, _ in kept])
    items = tuple(
        Item(source / image.path, stem, files or (), split)
        for (image, files), stem, split in zip(kept, stems, splits, strict=True)
    )
    masks = [source / file for _, files in kept for file in files or ()]
    if threshold is not None:
        refuse_blank(masks, threshold, tolerance=JPEG_SPREAD)
    settings = {"names": list(names), "threshold": threshold, "unmatched": unmatched}
    note = f"{count(len(items), 'image')} with {count(len(masks), 'object file')}, all {names[0]}"
    read = partial(_read_objects, root=source, threshold=threshold)
    return Source("objects", source, tuple(names), items, read, settings, tuple(skipped), (note, *notes))


_Found = list[tuple[Picture, tuple[str, ...] | None]]


def _objects_of_images(pictures: Sequence[Picture], source: Path) -> tuple[_Found, list[Skip]]:
    """Each image with the paths of its object masks, or None where it has no folder of them."""
    images: dict[str, list[Picture]] = {}
    direct: dict[str, list[str]] = {}
    by_stem: dict[tuple[str, str], list[str]] = {}
    skipped = []
    for one in pictures:
        steps = one.folder.split("/")
        if steps[-1] == _IMAGES:
            images.setdefault("/".join(steps[:-1]), []).append(one)
        elif steps[-1] == _MASKS:
            direct.setdefault("/".join(steps[:-1]), []).append(one.path)
        elif steps[-2:-1] == [_MASKS]:
            by_stem.setdefault(("/".join(steps[:-2]), steps[-1]), []).append(one.path)
        else:
            skipped.append(Skip("outside the image and mask folders", one.path))
    return _joined(images, direct, by_stem, skipped, source), skipped


def _joined(
    images: dict[str, list[Picture]],
    direct: dict[str, list[str]],
    by_stem: dict[tuple[str, str], list[str]],
    skipped: list[Skip],
    source: Path,
) -> _Found:
    found: _Found = []
    problems = []
    for place, here in images.items():
        files = direct.pop(place, None)
        if files is not None and len(here) > 1:
            problems.append(f"{source / place}: {len(here)} images share one folder of object masks")
        for image in here:
            mine = by_stem.pop((place, image.stem), None)
            found.append((image, tuple(files or mine or ()) if files or mine or _has_folder(source, image) else None))
    spare = [path for paths in (*direct.values(), *by_stem.values()) for path in paths]
    skipped += [Skip("mask without an image", path) for path in spare]
    if not found:
        problems.append(
            f"{source}: no images found; expected ID/images/ID.png with ID/masks/*.png, "
            "or images/STEM.png with masks/STEM/*.png"
        )
    if problems:
        raise SourceError(listing(problems))
    return sorted(found, key=lambda one: one[0])


def _has_folder(source: Path, image: Picture) -> bool:
    """Whether there is an empty folder where the object masks would be: an image of nothing."""
    masks = source / Path(image.folder).parent / _MASKS
    if (masks / image.stem).is_dir():
        return True
    return masks.is_dir() and not any(masks.iterdir())


def _read_objects(item: Item, width: int, height: int, *, root: Path, threshold: float | None) -> LabelledImage:
    found: dict[bytes, Instance] = {}
    skipped = []
    for file in item.payload:
        bitmap = _object_bitmap(root / file, width, height, threshold)
        x, y, columns, rows = cv2.boundingRect(bitmap)
        crop = bitmap[y : y + rows, x : x + columns]
        one = (
            instances.from_bitmap(crop, 0, x=x, y=y, width=width, height=height, source_id=Path(file).stem)
            if columns
            else None
        )
        if one is None:
            skipped.append(Skip("empty object mask", file))
        elif one.rle in found:
            skipped.append(Skip("object given twice", file))
        else:
            found[one.rle] = one
    return LabelledImage(width, height, tuple(found.values()), skipped=tuple(skipped))


def _object_bitmap(path: Path, width: int, height: int, threshold: float | None) -> Bitmap:
    values = read_values(path, tolerance=0 if threshold is None else JPEG_SPREAD)
    check_size(values, path, width, height)
    if threshold is None:
        levels = np.unique(values[values != 0])
        if len(levels) > 1:
            raise SourceError(
                f"{path}: holds {len(levels)} values beside 0, and an object's mask holds one; "
                "if they are greys left by JPEG or interpolation, add --threshold 127"
            )
        threshold = 0
    return np.ascontiguousarray(values > threshold).view(np.uint8)
