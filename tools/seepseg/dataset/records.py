"""The files that say what a dataset is: data.yaml, manifest, the COCO blocks, folds and the conversion's record."""

import json
from collections.abc import Sequence
from importlib.metadata import version
from itertools import islice
from pathlib import Path
from typing import Any, TextIO

import yaml

from seepseg import __version__
from seepseg.dataset.build import Built
from seepseg.dataset.layout import SPLITS
from seepseg.scaling import Rule
from seepseg.splits.plan import Plan
from seepseg.values import Source

TRAINING = """\
# seepseg train data.yaml
# or, with Ultralytics alone: yolo segment train data=data.yaml model=yolov8n-seg.pt imgsz={imgsz}
"""
FIDELITY = """\
# The labels are exact at imgsz {imgsz}; at other sizes 'seepseg check data.yaml --imgsz N' says how close they come.
"""


def write_data_yaml(
    folder: Path, names: Sequence[str], plan: Plan, imgsz: int, rule: Rule | None, metres: float | None
) -> None:
    """What Ultralytics reads, and ours under `seepseg:`, which it passes over."""
    present = [split for split in SPLITS if split in plan.splits]
    data: dict[str, Any] = {split: f"images/{split}" for split in present}
    # Ultralytics asks for both; a dataset made with one of them alone says so by naming it twice.
    data.setdefault("train", data[present[0]])
    data.setdefault("val", data["train"])
    ordered = {split: data[split] for split in SPLITS if split in data}
    ours = {
        "imgsz": imgsz,
        "scale": rule.as_json() if rule else None,
        "bands": list(rule.bands) if rule else None,
        "metres_per_pixel": metres,
        "balance": None,
    }
    text = yaml.safe_dump(
        {**ordered, "names": dict(enumerate(names)), "seepseg": ours}, sort_keys=False, allow_unicode=True
    )
    (folder / "data.yaml").write_text((TRAINING + FIDELITY).format(imgsz=imgsz) + text, encoding="utf-8")


def write_folds(folder: Path, names: Sequence[str], built: Sequence[Built], plan: Plan) -> None:
    """folds/<k>.yaml, each validating on fold k and training on the others, by lists beside data.yaml: Ultralytics
    takes the paths in a list from the list's own folder."""
    if not plan.folds:
        return
    (folder / "folds").mkdir()
    for fold in range(max(plan.folds) + 1):
        paths: dict[str, list[str]] = {"train": [], "val": []}
        for one, split, mine in zip(built, plan.splits, plan.folds, strict=True):
            if mine >= 0:
                paths["val" if mine == fold else "train"].append(f"./images/{split}/{one.file}\n")
        data: dict[str, Any] = {}
        for split, lines in paths.items():
            (folder / f"{split}.fold{fold}.txt").write_text("".join(lines), encoding="utf-8")
            data[split] = f"../{split}.fold{fold}.txt"
        text = yaml.safe_dump({**data, "names": dict(enumerate(names))}, sort_keys=False, allow_unicode=True)
        heading = f"# yolo segment train data=folds/{fold}.yaml model=yolov8n-seg.pt name=fold{fold}\n"
        (folder / "folds" / f"{fold}.yaml").write_text(heading + text, encoding="utf-8")


def write_manifest(folder: Path, source: Source, built: Sequence[Built], plan: Plan) -> None:
    """One line an image, in the source's order."""
    with (folder / "manifest.jsonl").open("w", encoding="utf-8") as lines:
        for item, one, split, group in zip(source.items, built, plan.splits, plan.groups, strict=True):
            record = {
                "image": f"images/{split}/{one.file}",
                "source": _relative(item.image, source.root),
                "sha256": one.sha256,
                "split": split,
                "group": group,
                "width": one.width,
                "height": one.height,
                "rendered": one.rendered,
                "instances": dict(zip(source.names, one.counts, strict=True)),
            }
            if item.window is not None:
                window = item.window
                record["window"] = [window.x, window.y, window.width, window.height]
            if one.georeference is not None:
                record["georeference"] = one.georeference
            lines.write(json.dumps(record, ensure_ascii=False) + "\n")


def write_conversion(folder: Path, record: dict[str, Any]) -> None:
    """The record of the conversion; its presence is what marks the folder as ours, so it is written last."""
    packages = ("numpy", "opencv-python", "pycocotools", "pillow", "rasterio", "shapely")
    versions = {"seepseg": __version__, **{name: version(name) for name in packages}}
    text = json.dumps({"versions": versions, **record}, indent=2, ensure_ascii=False)
    (folder / "conversion.json").write_text(text + "\n", encoding="utf-8")


def write_annotations(folder: Path, gathered: Path, built: Sequence[Built], plan: Plan, names: Sequence[str]) -> None:
    """annotations/<split>.json, from a file of all annotations in the order of the images, a line each."""
    (folder / "annotations").mkdir()
    files: dict[str, TextIO] = {}
    try:
        for split in SPLITS:
            if split in plan.splits:
                files[split] = (folder / "annotations" / f"{split}.json").open("w", encoding="utf-8")
                files[split].write(_coco_head(split, built, plan, names))
        with gathered.open(encoding="utf-8") as lines:
            counts = dict.fromkeys(files, 0)
            for image_id, (one, split) in enumerate(zip(built, plan.splits, strict=True), 1):
                first, count = counts[split] + 1, sum(one.counts)
                counts[split] += count
                files[split].writelines(
                    f'{"," if number > 1 else ""}\n{{"id":{number},"image_id":{image_id},{line[1:-1]}'
                    for number, line in enumerate(islice(lines, count), first)
                )
        for file in files.values():
            file.write("\n]}\n")
    finally:
        for file in files.values():
            file.close()


def _coco_head(split: str, built: Sequence[Built], plan: Plan, names: Sequence[str]) -> str:
    """A COCO file up to the opening of its annotations."""
    images = []
    for image_id, (one, mine) in enumerate(zip(built, plan.splits, strict=True), 1):
        if mine == split:
            image: dict[str, Any] = {"id": image_id, "file_name": one.file, "width": one.width, "height": one.height}
            if one.ignore is not None:
                image["ignore"] = {"size": [one.height, one.width], "counts": one.ignore}
            images.append(json.dumps(image, ensure_ascii=False, separators=(",", ":")))
    info = json.dumps({"description": f"{split}: exact truth at native size", "version": __version__})
    categories = json.dumps(
        [{"id": index, "name": name, "supercategory": ""} for index, name in enumerate(names)], ensure_ascii=False
    )
    listed = ",\n".join(images)
    return f'{{"info":{info},\n"licenses":[],\n"categories":{categories},\n"images":[\n{listed}\n],\n"annotations":['


def _relative(path: Path, root: Path) -> str:
    """As seen from the source's own folder; where it lies elsewhere, its name."""
    try:
        return path.relative_to(root).as_posix()
    except ValueError:
        return path.name
