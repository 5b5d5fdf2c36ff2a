"""What was found, by rule, with the first few places."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from seepseg.check.rules import FAULT, RULES

Found = tuple[str, str]
"""A rule's code, and where: a file, with its line where it has one."""


@dataclass(frozen=True, slots=True)
class Finding:
    """What was found of one rule."""

    code: str
    severity: str
    count: int
    text: str
    places: tuple[str, ...]
    """The first few."""
    more: bool
    """Whether there are others."""
    way_out: str

    def as_json(self) -> dict[str, Any]:
        """For programs."""
        return {
            "code": self.code,
            "severity": self.severity,
            "count": self.count,
            "text": self.text,
            "places": list(self.places),
            "way_out": self.way_out,
        }


class Ledger:
    """Counts what is found, with the first few places of each rule: memory does not grow with the dataset."""

    def __init__(self, *, examples: int = 5) -> None:
        self._counts: Counter[str] = Counter()
        self._places: dict[str, list[str]] = {}
        self._cut: set[str] = set()
        self._examples = examples

    def add(self, code: str, place: str, *, count: int = 1) -> None:
        """One place; `count` where it stands for many things."""
        self._counts[code] += count
        places = self._places.setdefault(code, [])
        if len(places) < self._examples:
            places.append(place)
        else:
            self._cut.add(code)

    def extend(self, found: Iterable[Found]) -> None:
        """Several codes with their places."""
        for code, place in found:
            self.add(code, place)

    def findings(self) -> list[Finding]:
        """Faults first, each kind in the order of RULES."""
        ordered = sorted(RULES, key=lambda code: RULES[code].severity != FAULT)
        return [
            Finding(
                code,
                rule.severity,
                self._counts[code],
                rule.says,
                tuple(self._places[code]),
                code in self._cut,
                rule.way_out,
            )
            for code in ordered
            if self._counts[code] and (rule := RULES[code])
        ]
