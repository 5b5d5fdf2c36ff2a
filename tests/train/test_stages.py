import hashlib
from dataclasses import replace
from pathlib import Path

import pytest

from make_training import tiny_request
from seepseg.errors import OutputError, UsageError
from seepseg.train import stages
from seepseg.train.plan import Request
from seepseg.train.record import read_record, write_json
from seepseg.train.run import open_model
from seepseg.train.stages import EXAMPLE, Stage, go_on, read_stages, train_stages

THREE = read_stages(EXAMPLE)


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[Request]:
    """What would be trained, in order."""
    requests: list[Request] = []

    def train(request: Request) -> Path:
        requests.append(request)
        return request.project / str(request.name)

    monkeypatch.setattr(stages, "train", train)
    return requests


def test_stages_are_read() -> None:
    assert (Stage("head", 6, 2e-4), Stage("all", 12, 1e-4), Stage("all", 24, 2e-5)) == THREE


def test_every_broken_stage_is_told_at_once() -> None:
    with pytest.raises(UsageError) as caught:
        read_stages("neck:6@2e-4,all:0@1e-4,all:12@1e-4,all:12,head:1@1e-4-")
    lines = str(caught.value).splitlines()
    assert [line.split(":", 1)[0] for line in lines] == [f"--stages {word}" for word in ("neck", "all", "all", "head")]


def test_each_stage_starts_from_the_best_weights_before(asked: list[Request], tmp_path: Path) -> None:
    run = train_stages(Request(tmp_path, name="a", project=tmp_path, weights="w.pt"), THREE)
    assert [request.name for request in asked] == ["a-stage1", "a-stage2", "a"]
    before = [str(tmp_path / name / "weights" / "best.pt") for name in ("a-stage1", "a-stage2")]
    assert [request.weights for request in asked] == ["w.pt", *before]
    assert run == tmp_path / "a"


def test_a_stage_sets_its_own_schedule(asked: list[Request], tmp_path: Path) -> None:
    train_stages(Request(tmp_path, {"batch": 4, "model": "yolo11n-seg.yaml"}, project=tmp_path), THREE)
    head, middle, last = (dict(request.settings) for request in asked)
    own = {"batch": 4, "optimizer": "AdamW"}
    assert head == own | {"epochs": 6, "lr0": 2e-4, "freeze": "backbone", "model": "yolo11n-seg.yaml"}
    assert middle == own | {"epochs": 12, "lr0": 1e-4}
    assert last == own | {"epochs": 24, "lr0": 2e-5}


def test_an_optimizer_of_the_users_stays(asked: list[Request], tmp_path: Path) -> None:
    train_stages(Request(tmp_path, {"optimizer": "SGD"}, project=tmp_path), THREE)
    assert {request.settings["optimizer"] for request in asked} == {"SGD"}


def test_stages_that_are_done_are_not_trained_again(asked: list[Request], tmp_path: Path) -> None:
    train_stages(Request(tmp_path, name="a", project=tmp_path), THREE, done=1)
    assert [request.name for request in asked] == ["a-stage2", "a"]
    assert asked[0].weights == str(tmp_path / "a-stage1" / "weights" / "best.pt")


def test_stages_that_follow_keep_what_the_record_is_to_say(asked: list[Request], tmp_path: Path) -> None:
    (run := tmp_path / "a-stage1").mkdir()
    kept = {"status": "finished", "best": "miou", "preset": "seep.yaml", "fold": "0"}
    kept |= {"stage": {"of": "a", "number": 1, "stages": "head:1@1e-3,all:1@1e-4"}}
    write_json(run / "record.json", kept | {"asked": {"data": str(tmp_path), "settings": {}, "balance": {}}})
    go_on(run)
    assert [(request.name, request.extra["preset"], request.extra["fold"]) for request in asked] == [
        ("a", "seep.yaml", "0")
    ]
    assert asked[0].extra["asked"] == {"data": str(tmp_path), "settings": {}, "balance": {}}


def test_a_schedule_beside_the_stages_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="take epochs, freeze out"):
        train_stages(Request(tmp_path, {"epochs": 3, "freeze": 2}), THREE)


def test_a_name_that_a_later_stage_needs_is_missed_before_the_first(asked: list[Request], tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    with pytest.raises(OutputError, match="already there"):
        train_stages(Request(tmp_path, name="a", project=tmp_path), THREE)
    assert asked == []


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
def test_the_head_is_trained_alone_and_then_all(tmp_path: Path) -> None:
    begin = tmp_path / "begin.pt"
    open_model("yolov8n-seg.yaml", "segment").save(begin)
    request = tiny_request(tmp_path, name="a", weights=str(begin))
    settings = {key: value for key, value in request.settings.items() if key != "epochs"}
    run = train_stages(replace(request, settings=settings), read_stages("head:1@1e-3,all:1@1e-4"))
    first, last = (read_record(run.with_name(name)) for name in ("a-stage1", "a"))
    assert (first["settings"]["freeze"], last["settings"]["freeze"]) == (10, None)
    assert last["stage"] == {"of": "a", "number": 2, "stages": "head:1@0.001,all:1@0.0001"}
    before = run.with_name("a-stage1") / "weights" / "best.pt"
    sha256 = hashlib.sha256(before.read_bytes()).hexdigest()
    assert last["start"] == {"from": "path", "model": "best.pt", "weights": "best.pt", "sha256": sha256}
    backbone, head = "model.0.conv.weight", "model.22.cv2.0.2.weight"
    files = (begin, before, run / "weights" / "best.pt")
    start, middle, end = (open_model(str(file), "segment").model.state_dict() for file in files)
    assert start[backbone].equal(middle[backbone])
    assert not start[head].equal(middle[head])
    assert not middle[backbone].equal(end[backbone])
