"""Questions about datasets that take a while: each is worked on once, whoever asks, and one at a time."""

import atexit
import json
import shutil
import tempfile
import threading
from pathlib import Path
from typing import Any

import streamlit as st

from seepseg.app.datasets_commands import Command
from seepseg.errors import UsageError

KEPT = 16
"""Answers in memory."""
WORST = 8
"""Images on a sheet of the worst labels."""
Question = tuple[str, ...]
"""What is asked, of which dataset, and its stamp: a dataset that changed is asked about anew."""


class Desk:
    """The commands of all visitors."""

    def __init__(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="seepseg-desk-"))
        self._lock = threading.Lock()
        self._commands: dict[Question, Command] = {}
        atexit.register(self.close)

    def find(self, question: Question) -> Command | None:
        """What was asked before, under way or answered."""
        return self._commands.get(question)

    def ask(self, question: Question, arguments: list[str], folder: Path) -> Command:
        """Start it, unless that was done already; one that failed is tried again."""
        with self._lock:
            known = self._commands.get(question)
            if known is not None and known.error is None:
                return known
            if any(command.running for command in self._commands.values()):
                raise UsageError("Another dataset is being looked through; try again when that is finished.")
            while len(self._commands) >= KEPT:
                del self._commands[next(iter(self._commands))]
            self._commands.pop(question, None)
            command = self._commands[question] = Command(arguments, folder)
            return command

    def close(self) -> None:
        """End what is under way, and remove what was drawn."""
        for command in self._commands.values():
            if command.running:
                command.cancel()
        shutil.rmtree(self.folder, ignore_errors=True)


@st.cache_resource(show_spinner=False)
def desk() -> Desk:
    """The one of this server."""
    return Desk()


def ask_check(yaml: Path, stamp: str, root: Path, *, near: bool = False) -> Command:
    """Have a dataset checked; `near` looks for shifted and blurred copies too."""
    arguments = ["check", _seen_from(yaml, root), "--json", "--workers", "1", *(["--near"] if near else [])]
    return desk().ask(check_question(yaml, stamp, near=near), arguments, root)


def check_question(yaml: Path, stamp: str, *, near: bool = False) -> Question:
    """What `ask_check` asks."""
    return ("check near" if near else "check", str(yaml), stamp)


def ask_worst(yaml: Path, stamp: str, root: Path, split: str) -> Command:
    """Have the labels that differ most from their truth drawn."""
    file = sheet_of(yaml, stamp, split)
    arguments = ["preview", _seen_from(yaml, root), "--out", str(file), "--split", split, "--worst"]
    return desk().ask(worst_question(yaml, stamp, split), [*arguments, "--count", str(WORST)], root)


def worst_question(yaml: Path, stamp: str, split: str) -> Question:
    """What `ask_worst` asks."""
    return ("worst", str(yaml), stamp, split)


def sheet_of(yaml: Path, stamp: str, split: str) -> Path:
    """Where `ask_worst` has them drawn."""
    return desk().folder / f"{yaml.parent.name}-{stamp[:16]}-{split}.png"


def read_report(command: Command) -> dict[str, Any]:
    """What `seepseg check --json` said."""
    report: dict[str, Any] = json.loads(command.wait())
    return report


def leaks(report: dict[str, Any]) -> list[dict[str, Any]]:
    """The findings about images on two sides of a split."""
    return [one for one in report["findings"] if one["code"].startswith("leak-")]


def _seen_from(yaml: Path, root: Path) -> str:
    """So that what is said of files does not name the folders of the server."""
    return str(yaml.relative_to(root)) if yaml.is_relative_to(root) else str(yaml)
