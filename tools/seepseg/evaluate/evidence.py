"""Everything that figures are computed from, so that they can be computed again with other weights, here or by
`compare`: kept in replicates.npz beside the replicates of the bootstrap."""

import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import numpy as np
from numpy.typing import NDArray

from seepseg.errors import SourceError
from seepseg.evaluate.in_force import InForce
from seepseg.evaluate.observation import Observation, gather_glances
from seepseg.measures import boundary, pixels
from seepseg.measures.average_precision import Pool, bootstrap_map, pool
from seepseg.measures.bootstrap import Drawn
from seepseg.measures.figures import Figures, Floats
from seepseg.measures.levels import levels_of
from seepseg.measures.matching import Matches
from seepseg.measures.pixels import Counts, PixelCounts
from seepseg.measures.presence import Presence, presence_figures
from seepseg.progress import track

FIGURES = "figures/"
_ROWS = 100
_UNNAMED = ("ap50", "ap50_95")


@dataclass(frozen=True, slots=True)
class Evidence:
    """Per image, in one order."""

    images: tuple[str, ...]
    groups: tuple[str, ...] | None
    names: tuple[str, ...]
    pixels: PixelCounts
    boundary: Counts
    presence: Presence
    presence_thresholds: Floats
    """(images or 1, classes)"""
    any_threshold: Floats
    """(images or 1,)"""
    masks: Pool | None
    boxes: Pool | None
    places: bool = True
    """Whether it was said where things are. Without, pixels hold the truth alone, for comparisons to know it by."""


def gather_evidence(
    observations: Sequence[Observation],
    names: Sequence[str],
    groups: Sequence[str] | None,
    grid: Floats,
    used: InForce,
    *,
    places: bool = True,
) -> Evidence:
    """At the thresholds in force."""
    presence, cells = gather_glances([one.glance for one in observations])
    # A classifier's are those of presence, which may lie between those that pixels were counted at: it marks none.
    levels = levels_of(used.confidence if places else np.full_like(used.confidence, grid[0]), grid)
    judged = [one.judged for one in observations if one.judged is not None]
    return Evidence(
        tuple(one.name for one in observations),
        None if groups is None else tuple(groups),
        tuple(names),
        pixels.count_at(cells, levels),
        boundary.boundary_at([one.boundary for one in observations], levels),
        presence,
        used.presence,
        used.any_presence,
        pool([one.masks for one in judged]) if judged else None,
        pool([one.boxes for one in judged]) if judged else None,
        places,
    )


def measure(evidence: Evidence, weights: Floats | None = None) -> Figures:
    """Every figure of metrics.json by its path, under each row of weights; without weights each image counts once."""
    names = evidence.names
    figures: Figures = {}
    for kind, pooled in (("mask", evidence.masks), ("box", evidence.boxes)):
        if pooled is not None:
            figures |= _precisions(kind, pooled, names, weights)
    if evidence.places:
        figures |= pixels.pixel_figures(evidence.pixels, names, weights)
        figures |= boundary.boundary_figures(evidence.boundary, names, weights)
    any_threshold = evidence.any_threshold
    return figures | presence_figures(evidence.presence, evidence.presence_thresholds, any_threshold, names, weights)


def replicate(evidence: Evidence, drawn: Drawn) -> Figures:
    """Every figure under every drawing, a few at a time: memory stays level."""
    starts = range(0, len(drawn), _ROWS)
    parts = [
        measure(evidence, drawn[start : start + _ROWS].astype(np.float64))
        for start in track(starts, len(starts), "drawing images again for intervals", unit="part")
    ]
    return {path: np.concatenate([part[path] for part in parts]) for path in parts[0]}


def write_evidence(file: Path, evidence: Evidence, replicates: Figures) -> None:
    """As arrays by name; replicates as 32-bit numbers."""
    arrays: dict[str, NDArray[Any]] = {"images": np.array(evidence.images), "names": np.array(evidence.names)}
    if evidence.groups is not None:
        arrays["groups"] = np.array(evidence.groups)
    for part in ("pixels", "presence", "masks", "boxes"):
        arrays |= _flatten(part, getattr(evidence, part))
    for part in ("boundary", "presence_thresholds", "any_threshold", "places"):
        arrays[part] = getattr(evidence, part)
    arrays |= {FIGURES + ".".join(path): values.astype(np.float32) for path, values in replicates.items()}
    with file.open("wb") as stream:
        np.savez_compressed(stream, allow_pickle=False, **arrays)


def read_evidence(file: Path) -> Evidence:
    """What `write_evidence` wrote."""
    arrays = _load(file)
    try:
        return Evidence(
            tuple(arrays["images"].tolist()),
            tuple(arrays["groups"].tolist()) if "groups" in arrays else None,
            tuple(arrays["names"].tolist()),
            PixelCounts(**_below("pixels", arrays)),
            arrays["boundary"],
            Presence(**_below("presence", arrays)),
            arrays["presence_thresholds"],
            arrays["any_threshold"],
            _read_pool("masks", arrays),
            _read_pool("boxes", arrays),
            bool(arrays.get("places", True)),
        )
    except (KeyError, TypeError):
        raise SourceError(f"{file}: not what 'seepseg eval' writes; evaluate the model again") from None


def _precisions(kind: str, pooled: Pool, names: Sequence[str], weights: Floats | None) -> Figures:
    draws = np.ones((1, pooled.images), np.int64) if weights is None else weights.astype(np.int64)
    found = bootstrap_map(pooled, names, draws)
    paths: dict[str, tuple[str, ...]] = {f"m{key}": (kind, f"m{key}") for key in _UNNAMED}
    paths |= {f"per_class.{name}.{key}": (kind, "per_class", name, key) for name in names for key in _UNNAMED}
    return {paths[name]: values for name, values in found.items()}


def _flatten(part: str, value: Any) -> dict[str, NDArray[Any]]:
    if value is None:
        return {}
    arrays: dict[str, NDArray[Any]] = {}
    for field in fields(value):
        one = getattr(value, field.name)
        arrays |= _flatten(f"{part}/{field.name}", one) if isinstance(one, Matches) else {f"{part}/{field.name}": one}
    return arrays


def _below(part: str, arrays: Mapping[str, NDArray[Any]]) -> dict[str, NDArray[Any]]:
    return {name.removeprefix(f"{part}/"): values for name, values in arrays.items() if name.startswith(f"{part}/")}


def _read_pool(part: str, arrays: Mapping[str, NDArray[Any]]) -> Pool | None:
    own = _below(part, arrays)
    if not own:
        return None
    matches = Matches(**_below("matches", own))
    return Pool(int(own["images"]), matches, own["image_of"], own["image_of_true"])


def _load(file: Path) -> dict[str, NDArray[Any]]:
    try:
        with file.open("rb") as stream, np.load(stream, allow_pickle=False) as arrays:
            return dict(arrays)
    except FileNotFoundError:
        raise SourceError(f"{file}: no such file; run 'seepseg eval' first") from None
    except (OSError, ValueError, EOFError, BadZipFile, zlib.error) as error:
        raise SourceError(f"{file}: not readable ({error}); evaluate the model again") from None
