import json
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from make_dataset import write_dataset
from seepseg.app.datasets_commands import Command, Step, read_step
from seepseg.app.datasets_desk import Desk
from seepseg.errors import SeepsegError, UsageError


@pytest.fixture
def desk() -> Iterator[Desk]:
    desk = Desk()
    yield desk
    desk.close()


@pytest.fixture
def dataset(tmp_path: Path) -> Path:
    classes = np.zeros((40, 40), np.uint8)
    classes[5:20, 5:20] = 1
    same = np.full((40, 40), 7, np.uint8)
    tiles = {"train": {"a.png": classes}, "val": {"b.png": classes}}
    return write_dataset(tmp_path / "made", tiles, names=("oil",), truth=False, pixels={"a.png": same, "b.png": same})


@pytest.mark.slow
def test_a_check_runs_beside_the_server_and_answers_in_json(dataset: Path, desk: Desk) -> None:
    command = desk.ask(("check",), ["check", "made", "--json", "--workers", "1"], dataset.parent)
    report = json.loads(command.wait())
    assert not command.running
    assert "leak-copy" in [finding["code"] for finding in report["findings"]]


def test_a_command_that_fails_says_what_it_would_have_said_on_a_terminal(tmp_path: Path) -> None:
    command = Command(["check", "nowhere"], tmp_path)
    with pytest.raises(SeepsegError, match=r"^nowhere: no such file; give a dataset folder"):
        command.wait()


def test_a_machine_that_lends_no_terminal_runs_it_all_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def none_left() -> tuple[int, int]:
        raise OSError("out of pty devices")

    monkeypatch.setattr("os.openpty", none_left)
    command = Command(["check", "nowhere"], tmp_path)
    with pytest.raises(SeepsegError, match=r"^nowhere: no such file; give a dataset folder"):
        command.wait()


def test_a_command_can_be_cancelled(dataset: Path) -> None:
    command = Command(["check", "made"], dataset.parent)
    command.cancel()
    with pytest.raises(UsageError, match="cancelled"):
        command.wait()


def test_one_question_is_asked_once_and_another_waits_for_its_turn(dataset: Path, desk: Desk) -> None:
    first = desk.ask(("check", "made"), ["check", "made", "--json"], dataset.parent)
    assert desk.ask(("check", "made"), ["check", "made", "--json"], dataset.parent) is first
    with pytest.raises(UsageError, match="Another dataset"):
        desk.ask(("check", "other"), ["check", "other"], dataset.parent)


def test_what_failed_may_be_asked_again(tmp_path: Path, desk: Desk) -> None:
    first = desk.ask(("check",), ["check", "nowhere"], tmp_path)
    with pytest.raises(SeepsegError):
        first.wait()
    assert desk.ask(("check",), ["check", "nowhere"], tmp_path) is not first


def test_closing_ends_what_is_under_way_and_removes_what_was_drawn(dataset: Path) -> None:
    desk = Desk()
    command = desk.ask(("check",), ["check", "made"], dataset.parent)
    desk.close()
    end = time.monotonic() + 10
    while command.running and time.monotonic() < end:
        time.sleep(0.01)
    assert not command.running
    assert not desk.folder.exists()


def test_the_last_bar_on_a_terminal_is_the_one_that_counts() -> None:
    shown = "checking train: 100%|####| 8/8 [00:00<?]\r\rchecking val:  25%|#   | 1/4 [00:00<00:02, 3.1 image/s]"
    assert read_step(shown) == Step("checking val", 1, 4)
    assert read_step("loading") is None
