"""A trained model as a bundle: exported by Ultralytics, with what its run knows of it, and held against the .pt."""

import os
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from seepseg.dataset.staging import check_place, keep_apart, staged
from seepseg.edge.bundle import MANIFEST, MODELS, THRESHOLDS, write_manifest
from seepseg.edge.exporter import check_formats, export_model
from seepseg.edge.packing import pack
from seepseg.edge.parity import LEAST_IOU, MOST_SCORE, Parity, compare_models
from seepseg.edge.samples import find_samples
from seepseg.errors import OutputError, SeepsegError, UsageError, listing
from seepseg.measures.threshold_file import thresholds_as_json, write_thresholds
from seepseg.predict.decode import MARGIN
from seepseg.predict.engine import Model, open_model
from seepseg.predict.letterbox import BORDER
from seepseg.predict.model_files import find_files
from seepseg.train.machine import read_versions
from seepseg.train.record import RECORD, read_record

FORMATS = tuple(MODELS)
IMAGES = 8
"""As many are compared."""
IOU, MAX_DET = 0.7, 300
TOLD = ("licence", "origin", "citation")
"""What a record may say of its data, and a bundle passes on."""


class ParityError(SeepsegError):
    """An exported model gives another answer than the .pt."""


@dataclass(frozen=True, slots=True)
class Exported:
    """A bundle that is in its place."""

    path: Path
    sizes: Mapping[str, int]
    """Bytes of each format."""
    parities: tuple[Parity, ...]
    images: str
    """What was compared on, as a sentence has it."""
    notes: tuple[str, ...]


def export(
    run: Path,
    out: Path,
    formats: Sequence[str] = ("torchscript",),
    *,
    imgsz: int | None = None,
    dynamic: bool = False,
    zipped: bool = False,
    overwrite: bool = False,
    images: int = IMAGES,
) -> Exported:
    """Make a bundle of a run folder or of a .pt; TorchScript is always in it. A fixed size is faster, `dynamic`
    models take images and batches of any. Nothing is left at `out` where an answer differs."""
    wanted = check_formats(formats)
    weights = _weights(run)
    keep_apart(out, [weights], overwrite=overwrite)
    reference = open_model(weights, engine="torch", device="cpu", imgsz=imgsz)
    samples, source = find_samples(weights.parent.parent, reference, images)
    with _told(out), _place(out, zipped=zipped, overwrite=overwrite) as (folder, place):
        for name in wanted:
            export_model(weights, name, folder, imgsz=reference.imgsz, dynamic=dynamic)
        if reference.thresholds is not None:
            write_thresholds(folder / THRESHOLDS, reference.thresholds)
        facts = _facts(weights, reference, wanted, dynamic)
        write_manifest(folder, facts)
        others = [open_model(folder, engine=name, device="cpu") for name in wanted]
        parities = compare_models(reference, others, samples)
        _refuse_unequal(parities, source)
        write_manifest(folder, facts | {"parity": {"images": source, "models": [one.as_json() for one in parities]}})
        sizes = {name: sum((folder / file).stat().st_size for file in MODELS[name]) for name in wanted}
    return Exported(place, sizes, tuple(parities), source, _notes(reference))


def _weights(run: Path) -> Path:
    found = find_files(run).engines.get("torch")
    if found is None:
        raise UsageError(f"{run}: is an exported model already; give the run folder or the .pt that it was made of")
    return found.path


@contextmanager
def _told(out: Path) -> Iterator[None]:
    """A disk that is full, be it that of scratch files, is told by the bundle's name."""
    try:
        yield
    except OSError as error:
        raise OutputError(
            f"{out}: the bundle cannot be written ({error.strerror or error}); nothing of it was kept: make room there "
            f"and in {tempfile.gettempdir()}, and export again"
        ) from None


@contextmanager
def _place(out: Path, *, zipped: bool, overwrite: bool) -> Iterator[tuple[Path, Path]]:
    """A folder to fill, and where it will be found: as it is, or packed."""
    if not zipped:
        with staged(out, overwrite=overwrite, proof=MANIFEST) as folder:
            yield folder, out
        return
    place = out if out.suffix == ".zip" else out.with_name(f"{out.name}.zip")
    if place.exists() and not (overwrite and place.is_file()):
        raise OutputError(f"{place} is already there; give another name, or --overwrite to replace it")
    check_place(place.with_name(f"{place.name}.unpacked"), overwrite=False, proof=MANIFEST)
    place.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=f".{place.name}.", dir=place.parent) as scratch:
        folder = Path(scratch, "bundle")
        folder.mkdir()
        yield folder, place
        pack(folder, Path(scratch, "packed"))
        os.replace(Path(scratch, "packed"), place)


def _facts(weights: Path, model: Model, formats: Sequence[str], dynamic: bool) -> dict[str, Any]:
    rule, chosen = model.input.rule, model.thresholds
    said = thresholds_as_json(chosen) if chosen is not None else {}
    return {
        "task": model.task,
        "names": list(model.names),
        "background": model.background,
        "imgsz": model.imgsz,
        "stride": model.stride,
        "dynamic": dynamic,
        "letterbox": {"square": True, "enlarge": True, "centre": True, "border": BORDER, "interpolation": "bilinear"},
        "scale": rule.as_json() if rule else None,
        "bands": list(rule.bands) if rule else None,
        "metres_per_pixel": model.input.metres_per_pixel,
        "tile": model.input.tile,
        "iou": IOU,
        "margin": MARGIN,
        "max_det": MAX_DET,
        "confidence": said.get("confidence"),
        "presence": said.get("presence"),
        "models": {name: {"precision": "fp32"} for name in formats},
        "weights": {"file": weights.name, "sha256": model.sha256},
        **_origin(weights.parent.parent),
        "versions": read_versions(),
    }


def _origin(run: Path) -> dict[str, Any]:
    """Which data the model was trained on, where its record says so."""
    if not (run / RECORD).is_file():
        return {"run": None, "training": None}
    record = read_record(run)
    data = record.get("dataset")
    data = data if isinstance(data, dict) else {}
    told = {key: source[key] for key in TOLD for source in (data, record) if key in source}
    training = {"data_hash": data.get("hash"), "images": data.get("images"), "commit": record.get("git"), **told}
    return {"run": run.resolve().name, "training": training}


def _notes(model: Model) -> tuple[str, ...]:
    notes = list(model.notes)
    if model.thresholds is None:
        notes.append(
            "the bundle has no thresholds: 'seepseg eval RUN DATA.yaml --split val' chooses them; then export again"
        )
    elif model.declared_imgsz not in (None, model.imgsz):
        notes.append(
            f"the thresholds were chosen at imgsz {model.declared_imgsz}, the bundle takes {model.imgsz}: "
            "evaluate the bundle on val before they count"
        )
    return tuple(notes)


def _refuse_unequal(parities: Sequence[Parity], images: str) -> None:
    wrong = [
        f"{one.engine}: {one.differing} of {one.instances} instances differ, scores by {one.score:.1e}"
        for one in parities
        if not one.equal
    ]
    if wrong:
        raise ParityError(
            f"the exported model does not give the answer of the .pt on {images} (mask IoU >= {LEAST_IOU}, "
            f"score within {MOST_SCORE:g}), so nothing was kept:\n{listing(wrong)}"
        )
