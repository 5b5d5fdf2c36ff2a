"""thresholds.json, beside the weights: what `predict`, the page and a bundle use."""

import json
import math
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from seepseg.errors import SourceError
from seepseg.measures.calibration import Calibration
from seepseg.measures.thresholds import Choice, PresenceChoice, Rule, Thresholds

FORMAT = 1


def write_thresholds(file: Path, thresholds: Thresholds) -> None:
    """Whole or not at all."""
    temporary = file.with_name(f".{file.name}.part")
    text = json.dumps(thresholds_as_json(thresholds), indent=2, ensure_ascii=False, allow_nan=False)
    temporary.write_text(text + "\n", encoding="utf-8")
    os.replace(temporary, file)


def read_thresholds(file: Path) -> Thresholds:
    """What `write_thresholds` wrote."""
    try:
        text = file.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise SourceError(f"{file}: no such file; evaluate the model on its validation split first") from None
    except ValueError as error:
        raise _no_thresholds(file, error) from None
    return parse_thresholds(text, file)


def parse_thresholds(text: str | bytes, where: Path) -> Thresholds:
    """From what the file holds; `where` is for the sentence alone."""
    try:
        record = json.loads(text)
        if record["format"] != FORMAT:
            raise SourceError(
                f"{where}: format {record['format']}, but this version reads {FORMAT}; "
                "evaluate the model on its validation split again"
            )
        return _from_json(record)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise _no_thresholds(where, error) from None


def thresholds_as_json(thresholds: Thresholds) -> dict[str, Any]:
    """As the file has them."""
    names = thresholds.names
    return {
        "format": FORMAT,
        "chosen_on": {"data": thresholds.data, "split": thresholds.split, "images": thresholds.images},
        "rule": {"goal": thresholds.rule.goal, "least": thresholds.rule.least},
        "confidence": {name: _choice(one) for name, one in zip(names, thresholds.confidence, strict=True)},
        "presence": {
            "any": _presence(thresholds.any_presence),
            "per_class": {name: _presence(one) for name, one in zip(names, thresholds.presence, strict=True)},
        },
    }


def _no_thresholds(where: Path, error: Exception) -> SourceError:
    return SourceError(f"{where}: not a thresholds.json ({error!r}); evaluate the model on its validation split again")


def _from_json(record: Mapping[str, Any]) -> Thresholds:
    chosen, presence = record["chosen_on"], record["presence"]
    names = tuple(record["confidence"])
    return Thresholds(
        names,
        Rule(record["rule"]["goal"], record["rule"]["least"]),
        chosen["data"],
        chosen["split"],
        chosen["images"],
        tuple(_read_choice(record["confidence"][name]) for name in names),
        tuple(_read_presence(presence["per_class"][name]) for name in names),
        _read_presence(presence["any"]),
    )


def _choice(choice: Choice) -> dict[str, Any]:
    figures = {"precision": choice.precision, "recall": choice.recall, "f1": choice.f1}
    return {"threshold": choice.threshold, **figures, "note": choice.note}


def _presence(one: PresenceChoice) -> dict[str, Any]:
    curve = one.calibration
    fitted = {"slope": curve.slope, "offset": curve.offset} if curve else None
    return _choice(one.choice) | {"calibration": fitted, "share": one.share}


def _read_presence(record: Mapping[str, Any]) -> PresenceChoice:
    fields = dict(record)
    curve, share = fields.pop("calibration"), fields.pop("share", None)
    calibration = Calibration(**curve) if curve else None
    if not _is_share(share) or (calibration and not all(map(math.isfinite, (calibration.slope, calibration.offset)))):
        raise ValueError(f"share {share!r}, calibration {curve!r}")
    return PresenceChoice(_read_choice(fields), calibration, share)


def _read_choice(record: Mapping[str, Any]) -> Choice:
    choice = Choice(**record)
    if not all(map(_is_share, (choice.threshold, choice.precision, choice.recall, choice.f1))):
        raise ValueError(f"not numbers from 0 to 1: {dict(record)}")
    return choice


def _is_share(value: object) -> bool:
    return value is None or (isinstance(value, int | float) and 0 <= value <= 1)
