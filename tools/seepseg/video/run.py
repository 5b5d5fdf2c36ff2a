"""A video or a sequence of frames from beginning to end: predict, follow, steady, write."""

from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from itertools import islice, takewhile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from seepseg import __version__
from seepseg.baselines.earlier import sequence_of
from seepseg.dataset.staging import keep_apart, staged
from seepseg.errors import UsageError
from seepseg.outputs.saving import MOST_NUMBERED
from seepseg.predict.decode import IOU, MARGIN, MAX_DET
from seepseg.video.decoding import check_library
from seepseg.video.film import best_codec
from seepseg.video.frames import Clip, Frame, is_video, open_clip
from seepseg.video.interruption import Interruption, finish_on_interrupt
from seepseg.video.smoothing import SMOOTH
from seepseg.video.timeline import settle
from seepseg.video.tracking import PATIENCE, TRACKER, WEAK, Sighting, Tracker, check_tracker
from seepseg.video.write import INSTANCES, OVERLAYS, RECORD, USUAL, check_save, open_output, write_record
from seepseg.wording import count, verb

if TYPE_CHECKING:
    from seepseg.predict.engine import Model

__all__ = ["VideoSummary", "is_video", "predict_video"]

BATCH = 8
MOST_SMOOTH = 31
LEAST_FPS, MOST_FPS = 0.01, 1000.0
Progress = Callable[[int, int | None], None]


@dataclass(frozen=True, slots=True)
class VideoSummary:
    """What came of it."""

    frames: int
    """Looked at and written."""
    tracks: int
    """Slicks with an identity of their own."""
    seconds: float
    """Of the film."""
    stopped: bool
    """By Ctrl-C: what was done until then is whole."""
    notes: tuple[str, ...]
    """What the user should hear."""
    written: tuple[Path, ...]


def predict_video(
    model: "Model",
    source: Path,
    out: Path,
    *,
    limits: Sequence[float],
    smooth: int = SMOOTH,
    tracker: str = TRACKER,
    every: int = 1,
    save: Collection[str] = USUAL,
    on_progress: Progress | None = None,
    fps: float | None = None,
    iou: float = IOU,
    max_det: int = MAX_DET,
    margin: float = MARGIN,
    batch: int = BATCH,
    overwrite: bool = False,
) -> VideoSummary:
    """Fill the folder `out` from a video, or from the pictures of a folder or list in natural order.

    `limits` are the confidences of the classes. `on_progress` gets the frames done and, where known, those to do. `fps`
    is for pictures, which have no time of their own.
    """
    _check(smooth, every, fps, tracker, save)
    keep_apart(out, [source], overwrite=overwrite)
    network = {"iou": iou, "max_det": max_det, "margin": margin, "batch": batch}
    codec = best_codec()
    clip = open_clip(source, every=every, rule=model.input.rule, fps=fps)
    staging = staged(out, overwrite=overwrite, proof=RECORD)
    with closing(clip.frames), staging as folder, finish_on_interrupt() as interruption:
        seen = _follow(model, clip, Tracker(tracker, limits), limits, interruption, network)
        done, seconds = 0, 0.0
        with open_output(folder, _stem(source), model.names, clip.fps, codec, save) as (add, ledger):
            for done, (frame, slicks) in enumerate(settle(seen, smooth), 1):
                add(frame, slicks)
                if on_progress:
                    on_progress(done, clip.total)
            seconds = float(done / clip.fps)
        if interruption.asked and not done:
            raise KeyboardInterrupt
        unnumbered = ledger.above(MOST_NUMBERED) if INSTANCES in save else 0
        notes = _notes(clip, codec if OVERLAYS in save else None, done if interruption.asked else None, unnumbered)
        settings = {"tracker": tracker, "smooth": smooth, "every": every, "weak": WEAK, "patience": PATIENCE} | network
        write_record(folder, _record(model, source, limits, settings, clip, done, ledger.tracks, notes))
        names = sorted(path.relative_to(folder) for path in folder.iterdir())
    return VideoSummary(done, ledger.tracks, seconds, interruption.asked, notes, tuple(out / name for name in names))


def _stem(source: Path) -> str:
    """Of the film. A point in a folder's name begins no suffix, and "." is no name."""
    return source.stem if source.is_file() else source.resolve().name


def _check(smooth: int, every: int, fps: float | None, tracker: str, save: Collection[str]) -> None:
    if not (1 <= smooth <= MOST_SMOOTH and smooth % 2):
        raise UsageError(
            f"--smooth {smooth}: give an odd number of frames up to {MOST_SMOOTH}; 1 leaves masks as they are"
        )
    if every < 1:
        raise UsageError(f"--every {every}: give a whole number from 1")
    if fps is not None and not LEAST_FPS <= fps <= MOST_FPS:
        raise UsageError(f"--fps {fps:g}: give frames per second from {LEAST_FPS:g} to {MOST_FPS:g}")
    check_save(save)
    check_tracker(tracker)
    check_library()


def _follow(
    model: "Model",
    clip: Clip,
    tracker: Tracker,
    limits: Sequence[float],
    interruption: Interruption,
    network: dict[str, Any],
) -> Iterator[tuple[Frame, list[Sighting]]]:
    """Batches go through the network, frames through the tracker; after Ctrl-C no more are read."""
    weak = [limit * WEAK for limit in limits]
    remembered = getattr(model, "frames", 1) - 1
    seen: list[Frame] = []
    while not interruption.asked and (frames := list(islice(clip.frames, network["batch"]))):
        earlier: dict[str, Any] = {}
        if remembered:
            earlier["before"] = [
                _before(seen + frames[:place], frame, remembered) for place, frame in enumerate(frames)
            ]
            seen = (seen + frames)[-remembered:]
        predictions = model.predict([frame.pixels for frame in frames], conf=weak, **network, **earlier)
        for frame, prediction in zip(frames, predictions, strict=True):
            yield frame, tracker.follow(prediction)


def _before(seen: Sequence[Frame], frame: Frame, most: int) -> list[Any]:
    """Pixels of the frames before one, as far back as its sequence goes."""
    same = takewhile(lambda one: sequence_of(one.stem) == sequence_of(frame.stem), reversed(seen))
    return [one.pixels for one in islice(same, most)][::-1]


def _notes(clip: Clip, codec: str | None, stopped_at: int | None, unnumbered: int) -> tuple[str, ...]:
    notes = list(clip.notes)
    if codec == "mpeg4":
        notes.append("this PyAV has no H.264 (libx264): the film is MPEG-4, which browsers don't play")
    for trouble in clip.troubles.as_json():
        notes.append(f"{count(trouble['count'], 'frame')} {trouble['reason']} ({'; '.join(trouble['examples'][:3])})")
    if unnumbered:
        notes.append(
            f"{count(unnumbered, 'slick')} with numbers above {MOST_NUMBERED:,} {verb(unnumbered)} not in instances/, "
            "which has 16 bits a pixel; film and tables have them"
        )
    if stopped_at is not None:
        notes.append(f"stopped after {count(stopped_at, 'frame')}: film and tables end there, and are whole")
    return tuple(notes)


def _record(
    model: "Model",
    source: Path,
    limits: Sequence[float],
    settings: dict[str, Any],
    clip: Clip,
    done: int,
    tracks: int,
    notes: Sequence[str],
) -> dict[str, Any]:
    return {
        "source": source.name,
        "what": "potential slicks, followed through the frames",
        "model": {"name": model.path.name, "sha256": model.sha256, "engine": model.engine, "imgsz": model.imgsz},
        "limits": dict(zip(model.names, limits, strict=True)),
        "settings": settings,
        "frames": done,
        "fps": float(clip.fps),
        "tracks": tracks,
        "troubles": clip.troubles.as_json(),
        "notes": list(notes),
        "seepseg": __version__,
    }
