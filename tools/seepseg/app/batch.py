"""Many images predicted in the background, by the code of `seepseg predict`: how far it is, and how to end it."""

import logging
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal, cast

from seepseg.app.analysis import CHOSEN
from seepseg.app.models import Loaded
from seepseg.cleaning.pipeline import parse_cleaning
from seepseg.errors import SeepsegError
from seepseg.outputs.journal import open_journal
from seepseg.outputs.listing import Entry
from seepseg.outputs.opening import stamp_of
from seepseg.outputs.place import JOURNAL, Place, open_place
from seepseg.outputs.request import Ready, Request, describe
from seepseg.outputs.rescaling import with_rule
from seepseg.outputs.run import Outcome, Plan, predict_images
from seepseg.predict.confidence import Confidence, choose_confidence
from seepseg.predict.engine import Model
from seepseg.wording import count

State = Literal["running", "finished", "cancelled", "failed"]
AT_ONCE = 4
"""Images that go through the model together: few, so that others who share it do not wait long."""
_log = logging.getLogger("seepseg.app")


@dataclass(frozen=True, slots=True)
class Wish:
    """What is to be predicted, and how."""

    entries: tuple[Entry, ...]
    source: Path
    out: Path
    conf: float | None = None
    """None for the thresholds stored with the model."""
    smallest_px: int = 0
    """Smaller objects are left out."""
    scale: str | None = None
    """By which values become 8 bits, for a model without a rule of its own."""


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a batch is."""

    done: int
    total: int
    seconds_left: float | None
    """None before the first image is finished."""

    @property
    def share(self) -> float:
        """From 0 to 1."""
        return self.done / max(self.total, 1)


class Batch:
    """One prediction of many images, in a thread of its own from `start` on. What it found lies in the folder."""

    def __init__(self, loaded: Loaded, wish: Wish) -> None:
        self.wish = wish
        self.state: State = "running"
        self.error: Exception | None = None
        model, told = loaded.model, tuple[str, ...]()
        if wish.scale is not None:
            model, told = with_rule(model, wish.entries, wish.scale)
        self.ready = Ready(model, _confidence(model, wish.conf), (*model.notes, *told))
        self.outcome: Outcome | None = None
        self._asked = Request(
            model=loaded.choice.path,
            source=wish.source,
            out=wish.out,
            conf=wish.conf,
            scale=wish.scale,
            cleaning=parse_cleaning(f"small:{wish.smallest_px}" if wish.smallest_px else ""),
            batch=AT_ONCE,
        )
        self._lock = loaded.lock
        self._stopped = threading.Event()
        self._began = time.monotonic()
        self._lines = _Lines(wish.out / JOURNAL)

    def start(self) -> None:
        """Predict in the background; all that can be wrong with the wish is told at once."""
        made = describe(self._asked, self.ready)
        place, _ = open_place(self.wish.out, self.wish.source, self._asked.model, made, overwrite=False)
        threading.Thread(target=self._work, args=(place, made), name="batch", daemon=True).start()

    def cancel(self) -> None:
        """End before the next images; what is finished is kept."""
        self._stopped.set()

    @property
    def stopping(self) -> bool:
        """It was cancelled, and may still be busy with the last images."""
        return self._stopped.is_set()

    def progress(self) -> Progress:
        """Images that are finished, and the time that the others will take if they are like them."""
        done, total = self._lines.count(), len(self.wish.entries)
        spent = time.monotonic() - self._began
        return Progress(done, total, spent / done * (total - done) if done else None)

    def _work(self, place: Place, made: dict[str, Any]) -> None:
        model = cast(Model, _Shared(self.ready.model, self._lock, self._stopped, place.path))
        plan = Plan(self.ready.confidence, cleaning=self._asked.cleaning, batch=AT_ONCE)
        try:
            self.state = self._predict(model, place, plan, made)
        except Exception as error:
            self.error, self.state = error, "failed"
            if not isinstance(error, SeepsegError):
                _log.exception("a batch failed")

    def _predict(self, model: Model, place: Place, plan: Plan, made: dict[str, Any]) -> State:
        try:
            self.outcome = predict_images(model, self.wish.entries, place, plan, made)
        except _Stopped:
            self._keep(model, place, plan, made)
            return "cancelled"
        return "finished"

    def _keep(self, model: Model, place: Place, plan: Plan, made: dict[str, Any]) -> None:
        """Tables of what was finished before it was cancelled."""
        with open_journal(place) as journal:
            finished = [entry for entry in self.wish.entries if journal.is_finished(entry.stem, stamp_of(entry))]
        if finished:
            self.outcome = predict_images(model, finished, place, plan, made)


def tell(batch: Batch) -> str:
    """What a batch came to, in one sentence."""
    total, outcome = len(batch.wish.entries), batch.outcome
    if outcome is None:
        return f"Cancelled before any of {count(total, 'image')} was finished."
    totals = outcome.totals
    early = f"Cancelled after {totals.images:,} of {count(total, 'image')}. " if batch.state == "cancelled" else ""
    said = f"Potential finds in {totals.present:,} of {count(totals.worked, 'image')}"
    wrong = f"; {count(len(totals.failed), 'image')} could not be read" if totals.failed else ""
    return f"{early}{said}{wrong}."


def write_wait(seconds: float | None) -> str:
    """'about 2 minutes left'; the nearer the end, the finer."""
    if seconds is None:
        return "the first images take a moment"
    if seconds < 10:
        return "a few seconds left"
    if seconds < 90:
        return f"about {round(seconds / 10) * 10} seconds left"
    minutes = round(seconds / 60)
    return f"about {minutes} minutes left" if minutes < 90 else f"about {minutes / 60:.1f} hours left"


def _confidence(model: Model, asked: float | None) -> Confidence:
    """Without words on flags of the command line, which nobody gave here."""
    confidence = choose_confidence(model, asked)
    return confidence if asked is None else replace(confidence, source=CHOSEN)


class _Stopped(Exception):
    """Raised between two batches of images: nobody waits for the rest."""


class _Shared:
    """The model that all visitors share, one call at a time, until the batch is stopped or its folder is gone."""

    def __init__(self, model: Model, lock: threading.Lock, stopped: threading.Event, folder: Path) -> None:
        self._model, self._lock, self._stopped, self._folder = model, lock, stopped, folder

    def __getattr__(self, name: str) -> Any:
        return getattr(self._model, name)

    def predict(self, images: Sequence[Any], **asked: Any) -> Any:
        if self._stopped.is_set():
            raise _Stopped
        with self._lock:
            found = self._model.predict(images, **asked)
        if not self._folder.is_dir():
            # The visitor left meanwhile; writing would make the folder anew, for nobody.
            raise _Stopped
        return found


class _Lines:
    """The lines of a file that grows, each counted once."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._read = self._count = 0

    def count(self) -> int:
        try:
            with self._file.open("rb") as file:
                file.seek(self._read)
                for part in iter(lambda: file.read(1 << 20), b""):
                    self._read += len(part)
                    self._count += part.count(b"\n")
        except FileNotFoundError:
            pass
        return self._count
