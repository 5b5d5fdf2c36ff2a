"""A bundle: an exported model with everything needed to run it, in a folder or a .zip of one; numpy alone at most.

bundle.json says what the model is and lists every other file with its size and sha256. Its format has a version: an
older one stays readable, a newer one is refused. Entries that a reader does not know are no fault, files are.
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from seepseg.edge.packing import list_folder, list_zip, open_file, stays_inside
from seepseg.errors import UsageError
from seepseg.predict.letterbox import BORDER

FORMAT = 1
MANIFEST, THRESHOLDS = "bundle.json", "thresholds.json"
MODELS = {
    "torchscript": ("model.torchscript",),
    "onnx": ("model.onnx",),
    "openvino": ("model_openvino/model.xml", "model_openvino/model.bin", "model_openvino/metadata.yaml"),
}
"""The files of each format."""
FULL = "fp32"
FEWER = {
    "onnx": ("model_{}.onnx",),
    "openvino": ("model_openvino_{}/model.xml", "model_openvino_{}/model.bin", "model_openvino_{}/metadata.yaml"),
}
"""Those of a model of fewer bits, which may stand beside it for `--fast`."""
PRECISIONS = ("fp16", "int8")
LETTERBOX = {"square": True, "enlarge": True, "centre": True, "border": BORDER, "interpolation": "bilinear"}
"""How images are laid into the input: the only way there is so far."""
KINDS = ("db", "percentile", "minmax", "none")
"""Of rules that make 8-bit pixels of values."""
LARGEST_INPUT = 16_384
MOST_BYTES, MOST_MANIFEST_BYTES = 4 * 2**30, 2**22


@dataclass(frozen=True, slots=True)
class Bundle:
    """A bundle whose files were all there and as listed when it was opened."""

    path: Path
    """The folder, or the .zip."""
    inside: str
    """What stands before names within a .zip: '', or the one folder that was packed."""
    facts: Mapping[str, Any]
    """All of bundle.json."""
    names: tuple[str, ...]
    task: str
    background: int | None
    imgsz: int
    stride: int
    dynamic: bool
    formats: tuple[str, ...]
    fast: Mapping[str, str]
    """The formats that hold a model of fewer bits too, and its precision."""

    def read(self, name: str) -> bytes:
        """A file of it, checked once more: what was checked is what is used."""
        entry = self.facts["files"][name]
        with open_file(self.path, self.inside + name) as stream:
            data = stream.read(entry["bytes"] + 1)
        _compare(self.path / name, entry, len(data), hashlib.sha256(data).hexdigest())
        return data

    def tell_fast(self, model: str) -> str:
        """What the model of fewer bits is, and what it cost where it was exported."""
        entry = self.facts["fast"][model]
        file = files_of(model, entry["precision"])[0]
        return f"{file} is used, as --fast asks: {entry.get('told') or 'what it loses was not measured'}"

    def sha256(self, model: str, precision: str = FULL) -> str:
        """Of the model in this format; of several files, of all but the metadata, one after the other."""
        return digest_of([self.read(name) for name in files_of(model, precision)])

    def size_bytes(self, model: str, precision: str = FULL) -> int:
        """Of the same files."""
        return sum(self.facts["files"][name]["bytes"] for name in files_of(model, precision)[:2])


def files_of(model: str, precision: str = FULL) -> tuple[str, ...]:
    """Within a bundle, the metadata last."""
    return MODELS[model] if precision == FULL else tuple(name.format(precision) for name in FEWER[model])


def digest_of(contents: list[bytes]) -> str:
    """Of a model's file, or of its files behind each other; a third one tells about it and does not count."""
    digest = hashlib.sha256()
    for content in contents[:2]:
        digest.update(content)
    return digest.hexdigest()


def is_bundle(path: Path) -> bool:
    """By its looks: whether it is whole shows when it is opened."""
    return path.suffix.lower() == ".zip" if path.is_file() else (path / MANIFEST).is_file()


def open_bundle(path: Path) -> Bundle:
    """Check every file, then say what it is."""
    sizes, inside = list_zip(path, MANIFEST) if path.is_file() else (list_folder(path), "")
    facts = _read_manifest(path, sizes.get(MANIFEST), inside)
    where = path / MANIFEST
    _check_files(path, facts, sizes)
    bundle = _bundle(path, inside, facts, where)
    for name, entry in facts["files"].items():
        with open_file(path, inside + name) as stream:
            _compare(path / name, entry, sizes[name], hashlib.file_digest(stream, "sha256").hexdigest())
    _check_thresholds(bundle)
    return bundle


def write_manifest(folder: Path, facts: Mapping[str, Any]) -> None:
    """Turn a folder of files into a bundle: they are listed, and bundle.json is written last."""
    files = {}
    for name, size in sorted(list_folder(folder).items()):
        if name == MANIFEST:
            continue
        with (folder / name).open("rb") as stream:
            files[name] = {"bytes": size, "sha256": hashlib.file_digest(stream, "sha256").hexdigest()}
    text = json.dumps({"format": FORMAT, **facts, "files": files}, indent=2, ensure_ascii=False, allow_nan=False)
    (folder / MANIFEST).write_text(text + "\n", encoding="utf-8")


def _read_manifest(path: Path, size: int | None, inside: str) -> dict[str, Any]:
    where = path / MANIFEST
    if size is None:
        raise UsageError(f"{path}: no {MANIFEST} in it; that is no bundle of 'seepseg export'")
    if size > MOST_MANIFEST_BYTES:
        raise UsageError(f"{where}: too large ({size:,} bytes); that is no bundle of 'seepseg export'")
    with open_file(path, inside + MANIFEST) as stream:
        data = stream.read(MOST_MANIFEST_BYTES)
    try:
        facts = json.loads(data)
        version = facts["format"]
    except (ValueError, KeyError, TypeError, RecursionError):
        raise UsageError(f"{where}: damaged; copy the bundle again, or export it again") from None
    if type(version) is not int or version < 1:
        raise UsageError(f"{where}: format {version!r} is unknown; export the model again")
    if version > FORMAT:
        raise UsageError(
            f"{where}: format {version} is newer than this version of seepseg reads ({FORMAT}); "
            "update seepseg, or export the model again with this version"
        )
    return dict(facts)


def _check_files(path: Path, facts: Mapping[str, Any], sizes: Mapping[str, int]) -> None:
    files = facts.get("files")
    if not isinstance(files, dict) or not all(_is_entry(name, entry) for name, entry in files.items()):
        raise UsageError(f"{path / MANIFEST}: its list of files is damaged; copy the bundle again, or export it again")
    if sum(entry["bytes"] for entry in files.values()) > MOST_BYTES:
        raise UsageError(f"{path}: its files come to more than {MOST_BYTES / 2**30:.0f} GiB; that is no bundle")
    for name in sorted(set(files) - set(sizes)):
        raise UsageError(f"{path / name}: missing; copy the bundle again, or export it again")
    for name, entry in files.items():
        # Before a byte is read: a small .zip can hold a huge file.
        _compare(path / name, entry, sizes[name], entry["sha256"])
    for name in sorted(set(sizes) - set(files) - {MANIFEST}):
        raise UsageError(f"{path / name}: does not belong to the bundle, whose {MANIFEST} does not list it; remove it")


def _is_entry(name: str, entry: Any) -> bool:
    return (
        stays_inside(name)
        and name != MANIFEST
        and isinstance(entry, dict)
        and type(entry.get("bytes")) is int
        and entry["bytes"] >= 0
        and isinstance(entry.get("sha256"), str)
    )


def _compare(where: Path, entry: Mapping[str, Any], size: int, digest: str) -> None:
    if size != entry["bytes"]:
        reason = f"{size:,} bytes instead of {entry['bytes']:,}"
    elif digest != entry["sha256"]:
        reason = "its sha256 is not the one that the bundle lists"
    else:
        return
    raise UsageError(
        f"{where}: is not the file that was exported ({reason}); copy the bundle again, or export it again"
    )


def _bundle(path: Path, inside: str, facts: dict[str, Any], where: Path) -> Bundle:
    def need(key: str, kind: type) -> Any:
        value = facts.get(key)
        if type(value) is not kind:
            raise UsageError(f"{where}: does not say {key!r} as it should; copy the bundle again, or export it again")
        return value

    names = tuple(need("names", list))
    imgsz, stride, background = need("imgsz", int), need("stride", int), facts.get("background")
    formats = tuple(model for model in need("models", dict) if model in MODELS)
    _check_letterbox(facts.get("letterbox"), where)
    _check_scale(facts.get("scale"), where)
    fast = _read_fast(facts.get("fast") or {}, where)
    if not names or not all(isinstance(name, str) for name in names):
        raise UsageError(f"{where}: its names of classes are damaged; copy the bundle again, or export it again")
    if imgsz > LARGEST_INPUT:
        raise UsageError(
            f"{where}: imgsz {imgsz} is more than any model takes ({LARGEST_INPUT}); export the model again"
        )
    if stride < 1 or imgsz < 1 or imgsz % stride or not (background is None or type(background) is int):
        raise UsageError(f"{where}: imgsz {imgsz} and stride {stride} don't go together; export the model again")
    for model, precision in [*((model, FULL) for model in formats), *fast.items()]:
        if not set(files_of(model, precision)) <= set(facts["files"]):
            what = model if precision == FULL else f"{model} in {precision}"
            raise UsageError(f"{where}: says that it holds {what!r}, which it does not; export the model again")
    return Bundle(
        path, inside, facts, names, need("task", str), background, imgsz, stride, need("dynamic", bool), formats, fast
    )


def _check_letterbox(said: Any, where: Path) -> None:
    """Another way would give wrong answers without a word; a bundle that says nothing means the one that there is."""
    if said is not None and not (isinstance(said, dict) and said.items() >= LETTERBOX.items()):
        raise UsageError(
            f"{where}: its 'letterbox' is not the way in which this version of seepseg lays images into the input; "
            "update seepseg, or export the model again"
        )


def _check_scale(said: Any, where: Path) -> None:
    """A kind that is not known would be taken for another; a model of 8-bit images may have none."""
    rule = said if isinstance(said, dict) else {}
    lengths = [len(one) if isinstance(one, list) else 0 for one in map(rule.get, ("bands", "low", "high"))]
    if said is not None and (rule.get("kind") not in KINDS or lengths not in ([1] * 3, [3] * 3)):
        raise UsageError(f"{where}: its 'scale' is no rule that is known; update seepseg, or export the model again")


def _read_fast(said: Any, where: Path) -> dict[str, str]:
    """What later versions may add is passed over."""
    if not isinstance(said, dict) or not all(isinstance(entry, dict) for entry in said.values()):
        raise UsageError(f"{where}: does not say 'fast' as it should; copy the bundle again, or export it again")
    told = {model: entry.get("precision") for model, entry in said.items() if model in FEWER}
    return {model: precision for model, precision in told.items() if precision in PRECISIONS}


def _check_thresholds(bundle: Bundle) -> None:
    """What thresholds.json says, bundle.json repeats for readers that need no more."""
    if THRESHOLDS not in bundle.facts["files"]:
        return
    try:
        chosen = json.loads(bundle.read(THRESHOLDS))
        same = all(chosen[key] == bundle.facts[key] for key in ("confidence", "presence"))
    except (ValueError, KeyError, TypeError):
        same = False
    if not same:
        raise UsageError(f"{bundle.path / THRESHOLDS}: does not agree with {MANIFEST}; export the model again")
