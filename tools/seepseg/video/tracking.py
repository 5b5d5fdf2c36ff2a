"""An identity for each slick, frame after frame: Ultralytics' trackers on boxes, mended by the masks."""

import importlib.util
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import yaml
from numpy.typing import NDArray

from seepseg import ultralytics_home
from seepseg.errors import MissingExtra, UsageError
from seepseg.values import Detection, Prediction
from seepseg.video.identities import Identities
from seepseg.wording import suggest

TRACKERS = ("bytetrack", "botsort", "ocsort", "fasttrack", "tracktrack", "deepocsort")
TRACKER = "bytetrack"
WEAK = 0.5
"""A detection of this share of its class's limit still continues a track; it never begins one."""
PATIENCE = 30
"""Frames that a slick may be out of sight and still keep its identity."""
_LIMIT, _HAIR = 0.5, 1e-6
"""Ultralytics takes a score at its threshold for a high one; ours have to be above it."""


@dataclass(frozen=True, slots=True)
class Sighting:
    """One detection, and whose it is."""

    identity: int
    detection: Detection
    weak: bool
    """Not above its class's limit: it counts since the track was there before."""


class Tracker:
    """What is remembered from frame to frame."""

    def __init__(self, kind: str, limits: Sequence[float]) -> None:
        self._boxes = _load(kind)
        self._limits = np.asarray(limits, np.float64)
        self._identities = Identities(PATIENCE)

    def follow(self, prediction: Prediction) -> list[Sighting]:
        """The sightings of the next frame: each detection above its limit, and weaker ones that go on with a
        track."""
        scores = _levels(prediction.detections, self._limits)
        numbers = self._associate(prediction, scores)
        kept = [index for index, level in enumerate(scores) if level > _LIMIT or index in numbers]
        detections = [prediction.detections[index] for index in kept]
        names = self._identities.name([numbers.get(index) for index in kept], detections)
        return [
            Sighting(name, detection, bool(scores[index] <= _LIMIT))
            for index, name, detection in zip(kept, names, detections, strict=True)
        ]

    def _associate(self, prediction: Prediction, scores: NDArray[np.float64]) -> dict[int, int]:
        """The tracker's number of each detection that it took."""
        from ultralytics.engine.results import Boxes

        rows = [
            (*one.box, level, one.class_id) for one, level in zip(prediction.detections, scores.tolist(), strict=True)
        ]
        boxes = np.array(rows, np.float32).reshape(-1, 6)
        self._boxes.update(Boxes(boxes, (prediction.height, prediction.width)), None)
        # Its own answer leaves out a track's first frame, and some trackers repeat those of frames before.
        return {
            int(track.idx): int(track.track_id)
            for track in self._boxes.tracked_stracks
            if track.frame_id == self._boxes.frame_id
        }


def check_tracker(kind: str) -> None:
    """Refuse a tracker that there is not, or that cannot run here."""
    if kind not in TRACKERS:
        raise UsageError(f"no tracker {kind}{suggest(kind, TRACKERS)}; there are {', '.join(TRACKERS)}")
    if importlib.util.find_spec("lap") is None:
        raise MissingExtra("lap", "video", "tracking")


def _load(kind: str) -> Any:
    check_tracker(kind)
    ultralytics_home.prepare()
    from ultralytics.trackers.track import TRACKER_MAP
    from ultralytics.utils import ROOT, IterableSimpleNamespace

    settings = yaml.safe_load((ROOT / "cfg" / "trackers" / f"{kind}.yaml").read_text(encoding="utf-8"))
    settings |= {
        "track_high_thresh": _LIMIT + _HAIR,
        "track_low_thresh": _LIMIT * WEAK,
        "new_track_thresh": _LIMIT,
        "track_buffer": PATIENCE,
        "with_reid": False,
        "gmc_method": "none",
    }
    return TRACKER_MAP[kind](IterableSimpleNamespace(**settings))


def _levels(detections: Sequence[Detection], limits: NDArray[np.float64]) -> NDArray[np.float64]:
    """Scores on one scale for all classes, each class's limit at the middle."""
    score = np.array([one.score for one in detections], np.float64)
    limit = limits[[one.class_id for one in detections]] if detections else np.empty(0)
    below = _LIMIT * score / np.maximum(limit, _HAIR)
    above = _LIMIT + (1 - _LIMIT) * (score - limit) / np.maximum(1 - limit, _HAIR)
    return np.where(score < limit, below, above)
