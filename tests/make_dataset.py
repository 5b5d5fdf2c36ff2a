"""A small written dataset, as `convert` leaves it, in a folder of the test's own."""

import hashlib
import json
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import yaml

from make import Bitmap, grey_image, write_image
from seepseg import instances, outline

Split = Mapping[str, Bitmap]
"""File name → class map (0 none, class id + 1)."""


def write_dataset(
    root: Path,
    splits: Mapping[str, Split],
    *,
    names: Sequence[str] = ("oil", "ship"),
    imgsz: int = 64,
    truth: bool = True,
    groups: Mapping[str, str] | None = None,
    pixels: Mapping[str, Bitmap] | None = None,
) -> Path:
    """data.yaml, images, labels; with `truth` also annotations and manifest. Images are speckle unless given."""
    rng = np.random.default_rng(0)
    manifest = []
    for split, images in splits.items():
        document: dict[str, Any] = {"images": [], "annotations": [], "categories": []}
        for number, (name, classes) in enumerate(images.items()):
            file = root / "images" / split / name
            write_image(file, (pixels or {}).get(name, grey_image(rng, *classes.shape)))
            found = instances.from_classes(classes)
            _write_labels(
                root / "labels" / split / Path(name).with_suffix(".txt"), classes, found, imgsz, document, number
            )
            height, width = classes.shape
            document["images"].append({"id": number, "file_name": name, "width": width, "height": height})
            counts = Counter(names[one.class_id] for one in found)
            manifest.append(
                {
                    "image": f"images/{split}/{name}",
                    "source": name,
                    "sha256": hashlib.sha256(file.read_bytes()).hexdigest(),
                    "split": split,
                    "group": (groups or {}).get(name, Path(name).stem),
                    "width": width,
                    "height": height,
                    "instances": dict(counts),
                }
            )
        if truth:
            (root / "annotations").mkdir(exist_ok=True)
            (root / "annotations" / f"{split}.json").write_text(json.dumps(document))
    data: dict[str, Any] = {split: f"images/{split}" for split in splits}
    data["names"] = dict(enumerate(names))
    if truth:
        data["seepseg"] = {"imgsz": imgsz}
        (root / "manifest.jsonl").write_text("".join(json.dumps(record) + "\n" for record in manifest))
    (root / "data.yaml").write_text(yaml.safe_dump(data))
    return root


def _write_labels(
    file: Path,
    classes: Bitmap,
    found: Sequence[instances.Instance],
    imgsz: int,
    document: dict[str, Any],
    image_id: int,
) -> None:
    height, width = classes.shape
    lines: list[str] = []
    for one in found:
        placed = outline.place(one.outlines, width, height, imgsz)
        rows = list(range(len(lines), len(lines) + len(placed)))
        lines += outline.format_rows([(one.class_id, polygon) for polygon in placed]).splitlines()
        document["annotations"].append(
            {
                "id": len(document["annotations"]),
                "image_id": image_id,
                "category_id": one.class_id,
                "segmentation": {"size": [height, width], "counts": one.rle.decode()},
                "area": one.area,
                "bbox": list(one.bbox),
                "iscrowd": 0,
                "rows": rows,
            }
        )
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text("".join(line + "\n" for line in lines))
