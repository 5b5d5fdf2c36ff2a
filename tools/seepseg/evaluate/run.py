"""An evaluation from beginning to end: predict, compare with the truth, measure, write."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from seepseg.dataset.identity import dataset_hash
from seepseg.dataset.layout import Dataset, read_dataset
from seepseg.evaluate import fitting
from seepseg.evaluate.findings import Findings, write_findings
from seepseg.evaluate.folder import THRESHOLDS, choose_folder, evaluation_folder, show_path
from seepseg.evaluate.in_force import Given
from seepseg.evaluate.metrics import ALONE
from seepseg.evaluate.observation import observe
from seepseg.evaluate.review import make_review
from seepseg.evaluate.samples import Sample, groups_of, pick_split, read_samples
from seepseg.evaluate.subject import MASKS, Subject, describe_making, open_masks, open_subject
from seepseg.measures.bootstrap import count_units
from seepseg.measures.choosing import refuse_single
from seepseg.measures.levels import make_grid
from seepseg.measures.threshold_file import write_thresholds
from seepseg.measures.thresholds import MAX_F1, Rule, Thresholds
from seepseg.predict.network import CLASSIFY
from seepseg.progress import track
from seepseg.report.report import write_report


@dataclass(frozen=True, slots=True)
class Request:
    """What the user asks of one evaluation: of a model, or of masks."""

    data: Path
    model: Path | None = None
    masks: Path | None = None
    split: str | None = None
    out: Path | None = None
    imgsz: int | None = None
    device: str | None = None
    batch: int | None = None
    conf: Given | None = None
    rule: Rule | None = None
    replicates: int = 1000
    seed: int = 0
    overwrite: bool = False
    report: bool = True
    """Also draw plots, sheets of failures and the page."""
    pictures: bool = True
    """Of the images that failed; without, the report only lists them."""
    worst_by: str = "iou"
    """What the sheets of failures are ranked by."""
    command: str = ""
    """As the user gave it, for the record."""


def evaluate(request: Request) -> dict[str, Any]:
    """Measure and write; what metrics.json says."""
    dataset = read_dataset(request.data)
    split = pick_split(dataset, request.split)
    out = choose_folder(request.model, request.out)
    run = request.model if request.model is not None and request.model.is_dir() else None
    with evaluation_folder(out, run, overwrite=request.overwrite) as folder:
        return evaluate_subject(_open(request, dataset), dataset, split, folder, request)


def evaluate_subject(subject: Subject, dataset: Dataset, split: str, folder: Path, request: Request) -> dict[str, Any]:
    """Into a folder that is there; of the request, what does not say which model, which data and where."""
    samples, notes = read_samples(dataset, split)
    data = dataset_hash(dataset)
    found, chosen = _look(request, subject, dataset, split, samples, data)
    if count_units(found.groups, len(samples)) < 2:
        notes.append(ALONE)
    notes += [*subject.notes, *found.used.notes, *_store(chosen, subject, folder)]
    made = {"data_sha256": data, "seed": request.seed, "replicates": request.replicates, "command": request.command}
    report = write_findings(
        folder,
        found,
        head=_head(subject, dataset, split),
        tail={
            "speed_ms": subject.speed_ms,
            "notes": list(dict.fromkeys(notes)),
            "made": describe_making(subject) | made,
        },
        replicates=request.replicates,
        seed=request.seed,
    )
    if request.report:
        review = make_review(samples, subject.tell, found.used) if request.pictures else None
        write_report(folder, review, figure=request.worst_by)
    return report


def choose_run_thresholds(
    run: Path, data: Path, *, rule: Rule = MAX_F1, device: str | None = None, batch: int | None = None
) -> Thresholds | None:
    """Choose what `predict` will use on the val split of the data, and leave it in the run; None without a val."""
    dataset = read_dataset(data)
    subject = open_subject(run, dataset, device=device, batch=batch)
    chosen = fitting.choose_on_val(subject, dataset, rule=rule, data=dataset_hash(dataset))
    if chosen is not None:
        write_thresholds(run / THRESHOLDS, chosen)
    return chosen


def _open(request: Request, dataset: Dataset) -> Subject:
    if request.masks is not None:
        return open_masks(request.masks, dataset)
    assert request.model is not None
    return open_subject(request.model, dataset, imgsz=request.imgsz, device=request.device, batch=request.batch)


def _look(
    request: Request, subject: Subject, dataset: Dataset, split: str, samples: Sequence[Sample], data: str
) -> tuple[Findings, Thresholds | None]:
    """One pass over the images, thresholds before or after it; and those chosen anew for `predict`."""
    used, chosen = fitting.fit_before(subject, dataset, split, given=request.conf, rule=request.rule, data=data)
    grid = make_grid([] if used is None else used.confidence.ravel())
    names, groups = dataset.names, groups_of(samples)
    places, instances = subject.task != CLASSIFY, subject.task not in (MASKS, CLASSIFY)
    if used is None:
        refuse_single(count_units(groups, len(samples)))
    told = track(subject.tell(samples), len(samples), f"evaluating {split}")
    observations = [observe(*one, len(names), grid, instances=instances) for one in told]
    if used is None:
        used, chosen = fitting.fit_after(
            observations,
            names,
            split,
            groups=groups,
            rule=request.rule,
            data=data,
            grid=grid,
            seed=request.seed,
            places=places,
        )
    return Findings(names, groups, observations, grid, used, places), chosen


def _store(chosen: Thresholds | None, subject: Subject, folder: Path) -> list[str]:
    """Beside the weights where they speak of the run as `predict` uses it, else with the figures; what to tell."""
    if chosen is None:
        return []
    if subject.run is not None and fitting.may_store(subject.run, chosen):
        write_thresholds(subject.run / THRESHOLDS, chosen)
        return []
    write_thresholds(folder / THRESHOLDS, chosen)
    if subject.model is None:
        return []
    if subject.run is not None:
        why = "were chosen on other data than the stored ones"
    elif (subject.path / "weights").is_dir():
        why = "were chosen at another image size than the model's own"
    else:
        why = "lie beside its figures; to use them, evaluate the run folder, and export it anew where it was exported"
    return [f"the thresholds of the model stay as they are: those of this evaluation {why}"]


def _head(subject: Subject, dataset: Dataset, split: str) -> dict[str, Any]:
    return {
        "model": show_path(subject.path),
        "task": subject.task,
        "data": show_path(dataset.yaml),
        "split": split,
        "names": list(dataset.names),
        "imgsz": subject.imgsz,
    }
