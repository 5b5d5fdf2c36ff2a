"""What a video becomes: an annotated film, two tables and, where asked, a mask a frame."""

import json
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from fractions import Fraction
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from seepseg.errors import UsageError
from seepseg.outputs.saving import MOST_NUMBERED
from seepseg.video.annotate import annotate
from seepseg.video.film import open_film
from seepseg.video.frames import Frame
from seepseg.video.tables import Ledger
from seepseg.video.timeline import Slick
from seepseg.wording import suggest

OVERLAYS, CSV, MASKS, INSTANCES = "overlays", "csv", "masks", "instances"
USUAL = (OVERLAYS, CSV)
ALL = (*USUAL, MASKS, INSTANCES)
RECORD = "video.json"
Add = Callable[[Frame, Sequence[Slick]], None]


def check_save(save: Collection[str]) -> None:
    """Refuse a word that is none of ours."""
    if unknown := sorted(set(save) - set(ALL)):
        raise UsageError(
            f"--save {unknown[0]}{suggest(unknown[0], ALL)}: a video can give {', '.join(ALL)} (overlays is the film)"
        )


@contextmanager
def open_output(
    folder: Path, stem: str, names: Sequence[str], fps: Fraction, codec: str, save: Collection[str]
) -> Iterator[tuple[Add, Ledger]]:
    """A function that adds a frame to everything, and the tracks so far. tracks.csv comes last."""
    with ExitStack() as stack:
        by_frame = None
        if CSV in save:
            by_frame = stack.enter_context((folder / "tracks_by_frame.csv").open("w", encoding="utf-8", newline=""))
        show = stack.enter_context(open_film(folder / f"{stem}.mp4", fps, codec)) if OVERLAYS in save else None
        ledger = Ledger(names, by_frame)

        def add(frame: Frame, slicks: Sequence[Slick]) -> None:
            ledger.add(frame, slicks)
            if show:
                show(annotate(frame, slicks, names, ledger.class_of))
            if MASKS in save:
                values = {slick.identity: ledger.class_of(slick.identity) + 1 for slick in slicks}
                kind = np.uint8 if len(names) < 256 else np.uint16
                _write_map(folder / MASKS / f"{frame.stem}.png", frame, slicks, values, kind)
            if INSTANCES in save:
                numbered = [slick for slick in slicks if slick.identity <= MOST_NUMBERED]
                values = {slick.identity: slick.identity for slick in numbered}
                _write_map(folder / INSTANCES / f"{frame.stem}.png", frame, numbered, values, np.uint16)

        yield add, ledger
    if CSV in save:
        ledger.write(folder / "tracks.csv")


def write_record(folder: Path, record: Mapping[str, Any]) -> None:
    """video.json: what made the folder."""
    text = json.dumps(record, indent=2, ensure_ascii=False) + "\n"
    (folder / RECORD).write_bytes(text.encode(errors="backslashreplace"))


def _write_map(
    file: Path, frame: Frame, slicks: Sequence[Slick], values: Mapping[int, int], kind: type[np.unsignedinteger[Any]]
) -> None:
    """One channel, 0 for none; the surest slick on top."""
    classes = np.zeros(frame.pixels.shape[:2], kind)
    for slick in sorted(slicks, key=lambda slick: slick.detection.score):
        one = slick.detection
        classes[one.inside][one.mask > 0] = values[slick.identity]
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(cv2.imencode(".png", classes)[1].tobytes())
