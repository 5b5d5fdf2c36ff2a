"""What a path stands for that a user gives as a model: a run, a .pt, a bundle, or an export of Ultralytics."""

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from seepseg.baselines.weights import is_baseline
from seepseg.edge.bundle import FULL, MANIFEST, Bundle, digest_of, files_of, is_bundle, open_bundle
from seepseg.errors import UsageError
from seepseg.predict.model_input import INPUT, THRESHOLDS, ModelInput, input_of, read_input
from seepseg.predict.network import Network, Wish

FORMS = "a run folder, a .pt, a bundle, or a model that Ultralytics exported (.torchscript, .onnx, _openvino_model/)"
SUFFIXES = {".torchscript": "torchscript", ".onnx": "onnx", ".xml": "openvino"}


@dataclass(frozen=True, slots=True)
class ModelFile:
    """The model in the form that one engine runs."""

    path: Path
    load: Callable[[Wish], Network]
    sha256: Callable[[], str]
    size_bytes: Callable[[], int]
    """Of the same files."""
    imgsz: int | None = None
    """The only size it takes, where that shows before it is loaded."""


@dataclass(frozen=True, slots=True)
class ModelFiles:
    """A model in every form that is there."""

    path: Path
    """As given."""
    engines: Mapping[str, ModelFile]
    imgsz: int | None = None
    """Of the training, or of the export."""
    input: ModelInput = ModelInput()  # noqa: RUF009  # frozen
    thresholds: Path | None = None
    bundle: Bundle | None = None
    notes: tuple[str, ...] = ()


def find_files(path: Path, *, fast: bool = False) -> ModelFiles:
    """Look at what the user named; nothing is loaded yet. `fast` takes models of fewer bits where there are some."""
    if not path.exists():
        raise UsageError(f"{path}: no such file; give {FORMS}")
    if is_bundle(path):
        return of_bundle(path, fast=fast)
    if path.is_dir():
        graphs = sorted(path.glob("*.xml"))
        return _of_export(graphs[0], "openvino") if graphs else _of_run(path, fast=fast)
    if path.suffix == ".pt":
        return _of_weights(path, path)
    if path.suffix not in SUFFIXES:
        raise UsageError(f"{path}: not a model; give {FORMS}")
    return _of_export(path, SUFFIXES[path.suffix])


def of_bundle(path: Path, *, fast: bool = False) -> ModelFiles:
    """Every model of a bundle; its files are checked."""
    bundle = open_bundle(path)
    engines = {engine: _bundled(bundle, engine, fast=fast) for engine in bundle.formats}
    return ModelFiles(path, engines, bundle.imgsz, input_of(bundle.facts, path / MANIFEST), bundle=bundle)


def _bundled(bundle: Bundle, engine: str, *, fast: bool) -> ModelFile:
    """Named after the file that runs."""
    precision = bundle.fast.get(engine, FULL) if fast else FULL
    return ModelFile(
        bundle.path / files_of(engine, precision)[0] if bundle.path.is_dir() else bundle.path,
        partial(_load_bundled, bundle, engine),
        partial(bundle.sha256, engine, precision),
        partial(bundle.size_bytes, engine, precision),
        None if bundle.dynamic else bundle.imgsz,
    )


def _of_run(run: Path, *, fast: bool) -> ModelFiles:
    best, last = run / "weights" / "best.pt", run / "weights" / "last.pt"
    if not best.is_file():
        if not last.is_file():
            raise UsageError(f"{run}: no weights/best.pt in it; give a run folder that training wrote, or a .pt")
        note = f"{best} is missing; {last.name} is used, which is not the best of the run"
        return replace(_of_weights(run, last), notes=(note,))
    found = _of_weights(run, best)
    if not (run / "bundle" / MANIFEST).is_file():
        return found
    bundled = of_bundle(run / "bundle", fast=fast)
    assert bundled.bundle is not None
    source = bundled.bundle.facts.get("weights")
    if not isinstance(source, dict) or source.get("sha256") != _hash(best):
        note = f"{bundled.path} was made of other weights than {best.name}, which is used; run 'seepseg export' again"
        return replace(found, notes=(note,))
    return replace(found, engines={**found.engines, **bundled.engines}, bundle=bundled.bundle)


def _of_weights(path: Path, weights: Path) -> ModelFiles:
    """What the run says holds for its weights alone too."""
    file = ModelFile(weights, partial(_load_torch, weights), partial(_hash, weights), partial(_size, [weights]))
    return _with_account(ModelFiles(path, {"torch": file}), weights.parent.parent, weights.parent)


def _of_export(file: Path, engine: str) -> ModelFiles:
    parts = [file]
    if engine == "openvino":
        parts += [file.with_suffix(".bin"), file.parent / "metadata.yaml"]
    for part in parts:
        if not part.is_file():
            raise UsageError(
                f"{part}: no such file; it belongs to {file.name}: copy the folder again, or export it again"
            )
    read = partial(_read_files, parts)
    found = ModelFile(file, partial(_load, engine, file, read), lambda: digest_of(read()), partial(_size, parts[:2]))
    home = file.parent.parent if engine == "openvino" else file.parent
    return _with_account(ModelFiles(file, {engine: found}), home.parent, home)


def _with_account(files: ModelFiles, *folders: Path) -> ModelFiles:
    """The first folder that holds the account of a run says how the model was trained, and what was chosen for it."""
    said = next((folder for folder in folders if (folder / INPUT).is_file()), None)
    chosen = next((folder / THRESHOLDS for folder in folders if (folder / THRESHOLDS).is_file()), None)
    if said is None:
        return replace(files, thresholds=chosen)
    imgsz, model_input = read_input(said / INPUT)
    return replace(files, thresholds=chosen, imgsz=imgsz, input=model_input)


def _load_bundled(bundle: Bundle, engine: str, wish: Wish) -> Network:
    """With `--fast`, the model of fewer bits where the bundle has one."""
    precision = bundle.fast.get(engine, FULL) if wish.fast else FULL
    names = files_of(engine, precision)
    # The file decides, but for 16-bit weights in OpenVINO, which may compute in 16 bits too.
    plain = wish if precision == FULL or (engine, precision) == ("openvino", "fp16") else replace(wish, fast=False)
    network = _load(engine, bundle.path / names[0], lambda: [bundle.read(name) for name in names], plain)
    return network if precision == FULL else replace(network, notes=(bundle.tell_fast(engine), *network.notes))


def _read_files(files: list[Path]) -> list[bytes]:
    return [file.read_bytes() for file in files]


def _size(files: list[Path]) -> int:
    return sum(file.stat().st_size for file in files)


def _hash(file: Path) -> str:
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _load_torch(weights: Path, wish: Wish) -> Network:
    if is_baseline(weights):
        from seepseg.predict.baseline_network import load_network as load_baseline

        return load_baseline(weights, wish)
    from seepseg.predict.torch_network import load_network

    return load_network(weights, wish)


def _load(engine: str, where: Path, read: Callable[[], list[bytes]], wish: Wish) -> Network:
    files = read()
    if engine == "torchscript":
        from seepseg.predict.torchscript_network import load_network as load_torchscript

        return load_torchscript(where, files[0], wish)
    if engine == "onnx":
        from seepseg.predict.onnx_network import load_network as load_onnx

        return load_onnx(where, files[0], wish)
    from seepseg.predict.openvino_network import load_network as load_openvino

    return load_openvino(where, files[0], files[1], files[2], wish)
