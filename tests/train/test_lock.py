import errno
import fcntl
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from make_training import is_held, tiny_request
from seepseg.baselines.run import resume_baseline
from seepseg.errors import OutputError, SourceError
from seepseg.train import run as training
from seepseg.train.lock import hold
from seepseg.train.plan import plan_run
from seepseg.train.record import write_json
from seepseg.train.resume import resume

TRAINER = """
import os, sys
from pathlib import Path
from seepseg.train.lock import hold
with hold(Path(sys.argv[1])):
    if os.fork() == 0:
        sys.stdin.read()
        os._exit(0)
    print("training", flush=True)
    sys.stdin.read()
"""
"""Holds a run, and has a forked loader that lives until the test is over."""


@pytest.fixture
def run(tmp_path: Path) -> Path:
    write_json(tmp_path / "record.json", {"status": "running", "epochs": [], "resumed": []})
    return tmp_path


@pytest.fixture
def other(run: Path) -> Iterator["subprocess.Popen[str]"]:
    command = [sys.executable, "-c", TRAINER, str(run)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "training\n"
        yield process


@pytest.mark.parametrize("go_on", [resume, resume_baseline])
def test_a_run_that_another_process_trains_is_not_resumed_until_that_is_gone(
    run: Path, other: "subprocess.Popen[str]", go_on: Callable[[Path], Any]
) -> None:
    with pytest.raises(OutputError, match="another process is training it; wait until that ends, or stop it"):
        go_on(run)
    other.kill()
    other.wait()
    with pytest.raises(SourceError, match="stopped before its first epoch"):
        go_on(run)
    assert [file.name for file in run.iterdir()] == ["record.json"]


def test_a_new_training_holds_its_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    plan, held = plan_run(tiny_request(tmp_path)), []

    class Model:
        def add_callback(self, *_: Any) -> None:
            pass

        def train(self, **_: Any) -> None:
            held.append(is_held(plan.run))

    monkeypatch.setattr(training, "open_model", lambda *_: Model())
    training.execute(plan)
    assert (held, is_held(plan.run)) == ([True], False)


def test_a_lock_that_was_removed_meanwhile_is_none(run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fcntl, "lockf", lambda *_: (run / ".lock").unlink())
    with pytest.raises(OutputError, match="another process"), hold(run):
        pass


def test_a_disk_without_locks_is_trained_on_and_told(
    run: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def refuse(*_: Any) -> None:
        raise OSError(errno.ENOLCK, os.strerror(errno.ENOLCK))

    monkeypatch.setattr(fcntl, "lockf", refuse)
    with hold(run):
        pass
    assert f"note: nothing keeps a second training out of {run}" in capsys.readouterr().out


def test_a_folder_that_cannot_be_written_to_is_a_sentence(run: Path) -> None:
    (run / ".lock").mkdir()
    with pytest.raises(OutputError, match="cannot be written to: Is a directory"), hold(run):
        pass
