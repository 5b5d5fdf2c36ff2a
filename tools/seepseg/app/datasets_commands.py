"""Long looks at a dataset as commands of their own: beside the server, so that no visitor waits for another's.

What a command shows on a terminal is read off here: the count of its bar while it works, its complaint if it fails.
"""

import os
import re
import subprocess
import sys
import termios
import threading
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from seepseg.errors import SeepsegError, UsageError

_BAR = re.compile(r"([^:\r\n]+):\s+\d+%\|[^|]*\|\s*(\d+)/(\d+)")
_CONTROL = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")
_SIZE = (24, 100)
_PATIENCE = 10
"""How much lower the command's claim to the processor is."""


@dataclass(frozen=True, slots=True)
class Step:
    """How far a command is with what it does now."""

    label: str
    done: int
    total: int


class Command:
    """`seepseg …` under way; `answer` is what it printed once it is done."""

    def __init__(self, arguments: Sequence[str], folder: Path) -> None:
        self.step: Step | None = None
        self.answer: str | None = None
        self.error: SeepsegError | None = None
        self._cancelled = False
        self._told = ""
        terminal, theirs = _open_terminal()
        try:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "seepseg", *arguments],
                cwd=folder,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=theirs,
                text=True,
            )
        finally:
            os.close(theirs)
        with suppress(OSError):
            os.setpriority(os.PRIO_PROCESS, self._process.pid, _PATIENCE)
        self._watching = threading.Thread(target=self._watch, args=(terminal,), daemon=True)
        self._ending = threading.Thread(target=self._wait, daemon=True)
        self._watching.start()
        self._ending.start()

    @property
    def running(self) -> bool:
        """Whether there is something to wait for."""
        return self.answer is None and self.error is None

    def cancel(self) -> None:
        """End it now; it leaves nothing behind."""
        self._cancelled = True
        self._process.terminate()

    def wait(self) -> str:
        """Its answer, or its error raised."""
        self._ending.join()
        if self.error is not None:
            raise self.error
        return self.answer or ""

    def _watch(self, terminal: int) -> None:
        with os.fdopen(terminal, "rb", buffering=0) as bars, suppress(OSError):
            while part := bars.read(4096):
                self._told = (self._told + part.decode(errors="replace"))[-8192:]
                self.step = read_step(self._told) or self.step

    def _wait(self) -> None:
        printed, _ = self._process.communicate()
        self._watching.join(5)
        if self._cancelled:
            self.error = UsageError("It was cancelled.")
        elif self._process.returncode in (0, 1):
            self.answer = printed
        else:
            self.error = SeepsegError(_complaint(self._told) or f"it ended with code {self._process.returncode}")


def _open_terminal() -> tuple[int, int]:
    """Our end and the command's; a pipe, on which no bar is drawn, where the machine lends no terminal."""
    try:
        ends = os.openpty()
    except OSError:
        return os.pipe()
    termios.tcsetwinsize(ends[1], _SIZE)
    return ends


def read_step(told: str) -> Step | None:
    """The last bar that was drawn."""
    found = _BAR.findall(told)
    return Step(found[-1][0].strip(), int(found[-1][1]), int(found[-1][2])) if found else None


def _complaint(told: str) -> str:
    """What was shown beside the bars."""
    lines = [_CONTROL.sub("", line).strip() for line in re.split(r"[\r\n]+", told)]
    return "\n".join(line for line in lines if line and not _BAR.search(line)).removeprefix("seepseg: ")
