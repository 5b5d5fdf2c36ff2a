"""The model card: MODEL.md of a bundle, and for a run what its bundle would say without the export's own figures."""

import json
import re
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from seepseg.edge.account import describe, find_metrics
from seepseg.edge.bundle import is_bundle, open_bundle
from seepseg.edge.card import CARD, write_card
from seepseg.edge.samples import data_of
from seepseg.errors import SeepsegError
from seepseg.train.record import RECORD

if TYPE_CHECKING:
    from seepseg.predict.engine import Model

_TITLE = re.compile(r"\A# .*\n+")
_HEADING = re.compile(r"^##(?= )", re.MULTILINE)


def card_of(path: Path, model: "Model") -> str:
    """Markdown below a heading of the page; `model` is the one that was opened at this path."""
    text = _read_card(path, model) or _write_card(model)
    return _HEADING.sub("####", _TITLE.sub("", text))


def read_about(path: Path) -> Mapping[str, Any]:
    """What a run's record says, or nothing."""
    with suppress(OSError, ValueError):
        content = json.loads((path / RECORD).read_text(encoding="utf-8"))
        return content if isinstance(content, dict) else {}
    return {}


def _read_card(path: Path, model: "Model") -> str | None:
    """That of the bundle which the model was opened from; one of a run may be older than its weights."""
    with suppress(SeepsegError, OSError, UnicodeDecodeError):
        place = path if is_bundle(path) else path / "bundle"
        if place == path or model.path.is_relative_to(place):
            bundle = open_bundle(place)
            return bundle.read(CARD).decode("utf-8") if CARD in bundle.facts["files"] else None
    return None


def _write_card(model: "Model") -> str:
    run = model.path.parent.parent
    facts = describe(model.path, model, (), data_of(run), dynamic=True)
    return write_card(facts | {"status": read_about(run).get("status")}, find_metrics(run, model.sha256))
