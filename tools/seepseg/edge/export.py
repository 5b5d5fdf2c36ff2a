"""A trained model as a bundle: exported by Ultralytics, with what its run knows of it, and held against the .pt."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from math import isfinite
from pathlib import Path
from typing import Any

from seepseg.dataset.layout import read_dataset
from seepseg.dataset.staging import keep_apart
from seepseg.edge.account import describe, find_metrics, notes_on
from seepseg.edge.bundle import FULL, MODELS, PRECISIONS, THRESHOLDS, files_of, write_manifest
from seepseg.edge.card import CARD, write_card
from seepseg.edge.counterparts import LEAST_IOU, MOST_SCORE
from seepseg.edge.destination import bundle_folder
from seepseg.edge.exporter import check_formats, export_model
from seepseg.edge.loss import Loss, measure_losses
from seepseg.edge.parity import Parity, compare
from seepseg.edge.quantization import check_packages, write_fewer
from seepseg.edge.runners import by_predict, runners_of
from seepseg.edge.samples import Samples, data_of, find_samples, find_training, read_planes
from seepseg.errors import SeepsegError, UsageError, listing
from seepseg.measures.threshold_file import write_thresholds
from seepseg.predict.engine import Model, open_model
from seepseg.predict.model_files import find_files
from seepseg.predict.network import CLASSIFY
from seepseg.progress import track

FORMATS = tuple(MODELS)
IMAGES, CALIBRATION, JUDGED = 8, 128, 400
"""Images that models are compared on, that 8 bits are fitted to, and on which is measured what fewer bits lose."""


class ParityError(SeepsegError):
    """An exported model gives another answer than the .pt."""


@dataclass(frozen=True, slots=True)
class Exported:
    """A bundle that is in its place."""

    path: Path
    sizes: Mapping[str, int]
    """Bytes of each model; one of fewer bits by format and precision."""
    parities: tuple[Parity, ...]
    losses: tuple[Loss, ...]
    images: str
    """What was compared on, as a sentence has it."""
    notes: tuple[str, ...]


def export(
    run: Path,
    out: Path,
    formats: Sequence[str] = ("torchscript",),
    *,
    precision: str = FULL,
    imgsz: int | None = None,
    dynamic: bool = False,
    zipped: bool = False,
    overwrite: bool = False,
    data: Path | None = None,
    images: int = IMAGES,
    calibration: int = CALIBRATION,
    judged: int = JUDGED,
    program: Path | None = None,
) -> Exported:
    """Make a bundle of a run folder or of a .pt; TorchScript is always in it. A fixed size is faster, `dynamic`
    models take images and batches of any. Nothing is left at `out` where an answer in 32 bits differs.

    `precision` fp16 or int8 puts a model of fewer bits beside each in 32 that can be one; 8 bits are fitted to
    `calibration` train images of `data`, in place of which the dataset of the run stands, and what they lose is
    measured on at most `judged` images of its val split. `images` are compared; `program` is the runner in C++, where
    it was built, to be compared too.
    """
    weights = _weights(run)
    # What the run names may have moved since; what the user names has to be there.
    data = data_of(weights.parent.parent) if data is None else read_dataset(data).yaml
    wanted = check_formats(formats)
    fewer = _check_precision(precision, wanted)
    fitted, told = find_training(data, calibration) if precision == "int8" else ([], None)
    if program is not None and not program.is_file():
        raise UsageError(f"{program}: no such file; build the runner in C++: python -m seepseg.edge.cpp {program}")
    keep_apart(out, [weights], overwrite=overwrite)
    reference = open_model(weights, engine="torch", device="cpu", imgsz=imgsz)
    if fewer and reference.task == CLASSIFY:
        raise UsageError(f"precision {precision} is for models with masks, and {weights} is a classifier; leave it out")
    with bundle_folder(out, zipped=zipped, overwrite=overwrite) as (folder, place):
        for name in wanted:
            export_model(weights, name, folder, imgsz=reference.imgsz, dynamic=dynamic)
        for name in fewer:
            write_fewer(folder, name, precision, fitted, partial(read_planes, reference.imgsz))
        if reference.thresholds is not None:
            write_thresholds(folder / THRESHOLDS, reference.thresholds)
        facts = describe(weights, reference, wanted, data, dynamic=dynamic)
        facts["fast"] = {name: {"precision": precision, "fitted_to": told} for name in fewer}
        write_manifest(folder, facts)
        samples = find_samples(data, reference.imgsz, images)
        parities = _compare(reference, folder, samples, program)
        losses, unmeasured = measure_losses(folder, dict.fromkeys(fewer, precision), data, judged)
        sizes = _sizes(folder, facts)
        facts["parity"] = {"images": samples.what, "models": [one.as_json() for one in parities]}
        _write_account(folder, facts, find_metrics(weights.parent.parent, reference.sha256), parities, losses, sizes)
    notes = (*notes_on(reference), *([unmeasured] if unmeasured else []))
    return Exported(place, sizes, tuple(parities), tuple(losses), samples.what, notes)


def _write_account(
    folder: Path,
    facts: dict[str, Any],
    metrics: Mapping[str, Any] | None,
    parities: Sequence[Parity],
    losses: Sequence[Loss],
    sizes: Mapping[str, int],
) -> None:
    """What was measured, for people and for programs."""
    for loss in losses:
        facts["fast"][loss.engine] |= {"told": loss.told, "loss": loss.as_json()}
    (folder / CARD).write_text(write_card(facts, metrics, parities, losses, sizes), encoding="utf-8")
    write_manifest(folder, facts)


def _weights(run: Path) -> Path:
    found = find_files(run).engines.get("torch")
    if found is None:
        raise UsageError(f"{run}: is an exported model already; give the run folder or the .pt that it was made of")
    return found.path


def _check_precision(precision: str, formats: Sequence[str]) -> list[str]:
    """The formats that get a model of fewer bits."""
    if precision == FULL:
        return []
    if precision not in PRECISIONS:
        raise UsageError(f"precision {precision!r} is unknown; give {FULL}, {' or '.join(PRECISIONS)}")
    return check_packages(formats, precision)


def _compare(reference: Model, folder: Path, samples: Samples, program: Path | None) -> list[Parity]:
    images = track(samples, len(samples.readers), "comparing")
    parities = compare(by_predict(reference), runners_of(folder, program=program), images)
    wrong = [_complain(one) for one in parities if one.precision == FULL and not one.equal]
    wrong += [f"{one.engine} in {one.precision}: gives no numbers" for one in parities if not isfinite(_largest(one))]
    if wrong:
        raise ParityError(
            f"the exported model does not give the answer of the .pt on {samples.what} (mask IoU >= {LEAST_IOU}, "
            f"score within {MOST_SCORE:g}), so nothing was kept:\n{listing(wrong)}"
        )
    return parities


def _largest(parity: Parity) -> float:
    return parity.raw.most if parity.raw else 0.0


def _complain(parity: Parity) -> str:
    scores = max(parity.raw_score or 0.0, parity.score.most)
    verdicts = f", {parity.verdicts} verdicts" if parity.verdicts else ""
    return (
        f"{parity.engine} run by {parity.runtime}: {parity.differing} of {parity.instances} instances differ, "
        f"scores by {scores:.1e}{verdicts}"
    )


def _sizes(folder: Path, facts: Mapping[str, Any]) -> dict[str, int]:
    sizes = {name: _bytes(folder, files_of(name)) for name in facts["models"]}
    for name, entry in facts["fast"].items():
        sizes[f"{name} {entry['precision']}"] = _bytes(folder, files_of(name, entry["precision"]))
    return sizes


def _bytes(folder: Path, files: Sequence[str]) -> int:
    return sum((folder / file).stat().st_size for file in files)
