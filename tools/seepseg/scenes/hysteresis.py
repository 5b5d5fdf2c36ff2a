"""Three confidences rather than one: what links pieces, what an object is made of, and what makes it count."""

from collections.abc import Sequence
from dataclasses import dataclass

from seepseg.errors import UsageError

Level = float | tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Hysteresis:
    """Each is one confidence, or one for each class; they never rise from seed to outline to group."""

    seed: Level
    """An object stays only if one of its pieces is at least as sure."""
    outline: Level
    """Its pixels are those of pieces at least as sure."""
    group: Level
    """Pieces above it link what they reach, even where they give no pixels."""

    def per_class(self, classes: int) -> list[tuple[float, float, float]]:
        """Seed, outline and group of each class."""
        columns = [_spread(level, classes) for level in (self.seed, self.outline, self.group)]
        levels = list(zip(*columns, strict=True))
        for seed, outline, group in levels:
            if not 0 <= group <= outline <= seed <= 1:
                raise UsageError(
                    f"hysteresis {seed:g},{outline:g},{group:g}: give seed, outline and group from 0 to 1, "
                    "none higher than the one before it"
                )
        return levels


def _spread(level: Level, classes: int) -> Sequence[float]:
    if not isinstance(level, tuple):
        return (level,) * classes
    if len(level) != classes:
        raise UsageError(f"hysteresis: {len(level)} confidences are given, but the model has {classes} classes")
    return level
