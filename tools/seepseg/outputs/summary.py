"""The last words of a prediction: where things are, what was found, how long it took, what failed."""

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from seepseg.outputs.place import JOURNAL, PROOF, TABLES
from seepseg.outputs.request import Ready
from seepseg.outputs.run import Outcome
from seepseg.outputs.tables import SUMMARY, Totals
from seepseg.predict.engine import Model
from seepseg.predict.network import CLASSIFY
from seepseg.wording import align, count

MOST = 10
"""Failures and notes that the terminal shows; summary.csv has them all."""


def render(out: Path, ready: Ready, outcome: Outcome) -> str:
    """For people."""
    model, totals = ready.model, outcome.totals
    lines = [f"{out}: {_images(outcome)}"]
    if totals.worked:
        lines.append(_verdicts(totals, objects=model.task != CLASSIFY))
        lines.append(align(_holding(ready, totals) if model.task == CLASSIFY else _table(model.names, totals)))
    lines.append(f"written: {', '.join(list_written(out))}")
    if outcome.predicted and totals.worked:
        lines.append(_speed(outcome))
    lines.append(name_engine(model))
    lines.append(f"thresholds: {_limits(ready)} ({ready.confidence.source})")
    if totals.blank:
        lines.append(f"{count(totals.blank, 'detection')} without a pixel left out of all files")
    lines += [f"note: {note}" for note in _shorten([*beside_engine(ready), *totals.notes], PROOF)]
    lines += [f"failed: {name}: {reason}" for name, reason in totals.failed[:MOST]]
    if len(totals.failed) > MOST:
        lines.append(f"... and {len(totals.failed) - MOST:,} more: see {out / SUMMARY}")
    # Names of files may hold bytes that no terminal can show.
    return "\n".join(lines).encode(errors="replace").decode()


def name_engine(model: Model) -> str:
    """And why it is this one, where there was a choice."""
    why = f" ({model.choice})" if model.choice else ""
    return f"engine: {model.engine} on {model.device}{why}, images at {model.imgsz} px"


def list_written(out: Path) -> list[str]:
    """The folders, the tables, and how many files of each kind lie beside them."""
    found = sorted(path for path in out.iterdir() if path.name not in (PROOF, JOURNAL))
    tables = [path.name for path in found if path.name in TABLES]
    others = Counter(path.suffix for path in found if not path.is_dir() and path.name not in TABLES)
    return [
        *(f"{path.name}/" for path in found if path.is_dir()),
        *tables,
        *(f"{number:,} {suffix}" for suffix, number in sorted(others.items())),
    ]


def as_json(out: Path, ready: Ready, outcome: Outcome) -> dict[str, Any]:
    """For programs."""
    model, totals = ready.model, outcome.totals
    return {
        "out": str(out),
        "images": totals.images,
        "scenes": totals.scenes,
        "finished_before": outcome.before,
        "failed": [{"image": name, "reason": reason} for name, reason in totals.failed],
        "present": totals.present,
        "with_objects": None if model.task == CLASSIFY else totals.with_objects,
        "classes": {
            name: {
                "objects": None if model.task == CLASSIFY else totals.counts[index],
                "images": totals.holding[index],
                "area_px": None if model.task == CLASSIFY else totals.area_px[index],
                "area_km2": totals.area_km2[index] if any(totals.area_km2) else None,
                "confidence": ready.confidence.limits[index],
            }
            for index, name in enumerate(model.names)
        },
        "thresholds_from": ready.confidence.source,
        "engine": model.engine,
        "device": model.device,
        "imgsz": model.imgsz,
        "seconds": outcome.seconds,
        "ms_per_image": 1000 * outcome.seconds / outcome.predicted if outcome.predicted else None,
        "speed_ms": outcome.speed_ms,
        "notes": [*ready.notes, *totals.notes],
    }


def _verdicts(totals: Totals, *, objects: bool) -> str:
    """Whether an image holds something and what is drawn have thresholds of their own, so both are told."""
    above = "" if totals.threshold is None else f" (presence above {totals.threshold:.3g})"
    drawn = f"; objects in {totals.with_objects:,}" if objects else ""
    return f"verdict yes for {totals.present:,} of {count(totals.worked, 'image')}{above}{drawn}"


def _table(names: Sequence[str], totals: Totals) -> list[list[str]]:
    """A line a class, with areas on the ground where any are known."""
    on_ground = any(totals.area_km2)
    rows = [["class", "objects", "images", "pixels", "share"] + ["km2"] * on_ground]
    for index, name in enumerate(names):
        counted = (totals.counts[index], totals.holding[index], totals.area_px[index])
        share = f"{totals.area_px[index] / max(totals.pixels, 1):.2%}"
        rows.append([name, *(f"{one:,}" for one in counted), share] + [f"{totals.area_km2[index]:,.4g}"] * on_ground)
    return rows


def _holding(ready: Ready, totals: Totals) -> list[list[str]]:
    """Of a classifier, which counts no objects."""
    return [["class", "images"], *([name, f"{n:,}"] for name, n in zip(ready.model.names, totals.holding, strict=True))]


def _images(outcome: Outcome) -> str:
    totals = outcome.totals
    text = count(totals.images, "image")
    if totals.scenes:
        text += f", {count(totals.scenes, 'scene')} among them"
    if outcome.before:
        text += f"; {outcome.before:,} finished before"
    return text + (f"; {len(totals.failed):,} failed" if totals.failed else "")


def _speed(outcome: Outcome) -> str:
    """Of scenes an image is a tile to the model, and no two are alike: a mean would say nothing."""
    whole = f"{1000 * outcome.seconds / outcome.predicted:.1f} ms per image"
    if outcome.totals.scenes:
        whole = f"{outcome.seconds:.1f} s in all"
    steps = [f"{step} {value:.1f}" for step, value in outcome.speed_ms.items()]
    return f"{whole} (of the model per {'tile' if outcome.totals.scenes else 'image'}: {', '.join(steps)} ms)"


def beside_engine(ready: Ready) -> list[str]:
    """The notes without the one that the line on the engine repeats."""
    return [note for note in ready.notes if not (ready.model.choice and note.endswith(f"({ready.model.choice})"))]


def _limits(ready: Ready) -> str:
    limits = ready.confidence.limits
    if len(set(limits)) == 1:
        return f"{limits[0]:.3g}"
    return ", ".join(f"{name} {limit:.3g}" for name, limit in zip(ready.model.names, limits, strict=True))


def _shorten(notes: list[str], where: str) -> list[str]:
    notes = list(dict.fromkeys(notes))
    left = len(notes) - MOST
    return notes if left <= 0 else [*notes[:MOST], f"... and {left:,} more, in {where}"]
