"""The files of a derived dataset that say what it is: data.yaml, truth, manifest and the record of how it was made."""

import json
import shutil
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from seepseg.dataset.layout import SPLITS, Dataset, read_manifest, read_yaml
from seepseg.dataset.places import Place
from seepseg.dataset.records import TRAINING, write_conversion
from seepseg.dataset.truth import annotations_path, stream
from seepseg.dataset.write import PROOF
from seepseg.train.relabel import Added, Classes, rewrite_truth

HEADING = TRAINING + "# Derived from {source}, whose images it shares; conversion.json says how.\n"
APPLIED = ("merge", "paste")
"""Wishes under `balance:` that a derived dataset has been granted."""
REPLACED = ("path", *SPLITS, "validation", "minival", "nc", "names", "download", "seepseg")
"""Keys of the source's data.yaml that don't go over as they stand."""
Splits = Mapping[str, Sequence[Place]]


def read_json(file: Path) -> dict[str, Any]:
    """A record that may be missing or none of ours; empty then."""
    try:
        record = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return record if isinstance(record, dict) else {}


def read_told(folder: Path) -> dict[str, Any]:
    """What whoever derived a dataset had to tell of it."""
    return read_json(folder / PROOF).get("derived", {}).get("told") or {}


def read_settings(home: Path) -> dict[str, Any]:
    """What the data.yaml of a folder has under `seepseg:`; the YAML of a fold has nothing."""
    file = home / "data.yaml"
    settings = read_yaml(file).get("seepseg") if file.exists() else None
    return settings if isinstance(settings, dict) else {}


def write_yaml(
    folder: Path,
    dataset: Dataset,
    same: Mapping[str, str],
    classes: Classes,
    settings: Mapping[str, Any],
    source: str,
) -> None:
    """data.yaml; what is done already is wished for no more. `same` says which split's folder holds each split."""
    others = {key: value for key, value in read_yaml(dataset.yaml).items() if key not in REPLACED}
    splits = {split: f"images/{first}" for split, first in same.items()}
    ours = dict(settings)
    if isinstance(ours.get("balance"), dict):
        ours["balance"] = {key: value for key, value in ours["balance"].items() if key not in APPLIED} or None
    data = {**splits, "names": dict(enumerate(classes.names)), **others, **({"seepseg": ours} if ours else {})}
    heading = HEADING.format(imgsz=ours.get("imgsz", 640), source=source)
    text = yaml.safe_dump(data, sort_keys=False, allow_unicode=True)
    (folder / "data.yaml").write_text(heading + text, encoding="utf-8")


def write_truth(folder: Path, splits: Splits, classes: Classes, added: Sequence[Added]) -> None:
    """annotations/ of the splits that the source has the truth of; of the others an added tile alone would be none."""
    for split, places in splits.items():
        more = added if split == "train" else ()
        wanted: dict[Path, set[str]] = {}
        for place in places:
            if place.home is not None:
                wanted.setdefault(annotations_path(place.root, place.home), set()).add(place.name)
        files = [(file, names) for file, names in wanted.items() if file.exists()]
        if not files:
            continue
        target = annotations_path(folder, split)
        target.parent.mkdir(exist_ok=True)
        if not more and not classes.changed and len(files) == 1 and _is_all(*files[0]):
            shutil.copyfile(files[0][0], target)
        else:
            rewrite_truth(target, split, files, classes, more)


def _is_all(file: Path, names: set[str]) -> bool:
    return {record.get("file_name") for record in stream(file, "images")} == names


def write_manifest(
    folder: Path, splits: Splits, names: Sequence[str], classes: Classes, added: Sequence[Mapping[str, Any]]
) -> None:
    """The source's lines in its order, then those of added tiles; none where it has no manifest."""
    where: dict[tuple[Path, str], list[tuple[str, str]]] = {}
    for split, places in splits.items():
        for place in places:
            where.setdefault((place.root, place.record), []).append((split, f"images/{split}/{place.name}"))
    roots = [root for root in dict.fromkeys(root for root, _ in where) if (root / "manifest.jsonl").exists()]
    if not roots:
        return
    renamed = {name: classes.names[new] for name, new in zip(names, classes.ids, strict=True)}
    with (folder / "manifest.jsonl").open("w", encoding="utf-8") as lines:
        for root in roots:
            for record in read_manifest(root):
                for split, image in where.get((root, record.get("image", "")), ()):
                    lines.write(_line(_moved(record, split, image, renamed)))
        lines.writelines(map(_line, added))


def _moved(record: Mapping[str, Any], split: str, image: str, renamed: Mapping[str, str]) -> dict[str, Any]:
    counts: Counter[str] = Counter()
    for name, count in record.get("instances", {}).items():
        counts[renamed.get(name, name)] += count
    return {**record, "image": image, "split": split, "instances": dict(counts)}


def _line(record: Mapping[str, Any]) -> str:
    return json.dumps(record, ensure_ascii=False) + "\n"


def write_record(
    folder: Path, conversion: Mapping[str, Any], source: str, splits: Splits, derived: Mapping[str, Any]
) -> None:
    """conversion.json, written last: with it the folder counts as ours."""
    record = {
        "source": {"kind": "derived", "dataset": source},
        "derived": dict(derived),
        "settings": conversion.get("settings", {}),
        "images": sum(map(len, splits.values())) + derived["added"],
        "fidelity": conversion.get("fidelity"),
        "skipped": [],
        "notes": [],
    }
    write_conversion(folder, record)
