"""A video or a sequence of frames: handed to `video`, with the settings that it shares with images."""

from collections.abc import Collection
from pathlib import Path
from typing import Any

from seepseg.errors import UsageError
from seepseg.outputs.request import Ready, Request, make_ready, prepared
from seepseg.outputs.summary import beside_engine, name_engine
from seepseg.predict.network import CLASSIFY
from seepseg.progress import counting
from seepseg.video.run import VideoSummary, predict_video
from seepseg.wording import count


def predict_moving(
    request: Request,
    *,
    every: int,
    save: Collection[str] | None,
    smooth: int | None,
    tracker: str | None,
    fps: float | None,
) -> tuple[Ready, VideoSummary]:
    """Into the folder, whole; what is None is what measured best."""
    ready = make_ready(request)
    if ready.model.task == CLASSIFY:
        raise UsageError(
            f"{request.model}: a classifier says what a whole image holds, and finds nothing to follow; give the "
            "frames as a folder of images, without --frames"
        )
    model = prepared(ready.model, request.filters, request.cleaning)
    asked = {"smooth": smooth, "tracker": tracker, "fps": fps, "save": save}
    with counting(request.source.name, "frame") as on_progress:
        summary = predict_video(
            model,
            request.source,
            request.out,
            limits=ready.confidence.limits,
            every=every,
            on_progress=on_progress,
            margin=request.margin,
            batch=request.batch,
            overwrite=request.overwrite,
            **{key: value for key, value in asked.items() if value is not None},  # type: ignore[arg-type]
        )
    return ready, summary


def render(out: Path, ready: Ready, summary: VideoSummary) -> str:
    """For people."""
    lines = [
        f"{out}: {count(summary.frames, 'frame')}, {summary.seconds:.1f} s, {count(summary.tracks, 'track')}",
        *(f"  {file.relative_to(out)}" for file in summary.written if file.is_relative_to(out)),
        name_engine(ready.model),
        f"thresholds: {ready.confidence.source}",
        *(f"note: {note}" for note in (*beside_engine(ready), *summary.notes)),
    ]
    return "\n".join(lines).encode(errors="replace").decode()


def as_json(out: Path, ready: Ready, summary: VideoSummary) -> dict[str, Any]:
    """For programs."""
    return {
        "out": str(out),
        "frames": summary.frames,
        "tracks": summary.tracks,
        "seconds": summary.seconds,
        "stopped": summary.stopped,
        "written": [str(file) for file in summary.written],
        "thresholds_from": ready.confidence.source,
        "engine": ready.model.engine,
        "device": ready.model.device,
        "imgsz": ready.model.imgsz,
        "notes": [*ready.notes, *summary.notes],
    }
