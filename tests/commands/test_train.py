from pathlib import Path

import pytest

from make_training import QUICK, tiny_dataset
from seepseg.cli import build_parser, main
from seepseg.commands.train import split_words
from seepseg.train import stages
from seepseg.train.plan import Request
from seepseg.train.record import read_record, write_json

SETTINGS = [f"{key}={value}" for key, value in QUICK.items()]


@pytest.fixture
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.chdir(tmp_path)
    return str(tiny_dataset(tmp_path / "data").joinpath("data.yaml").relative_to(tmp_path))


@pytest.mark.parametrize(
    "words",
    [
        ["d.yaml", "--name", "x", "epochs=1", "--repeat", ".3", "lr0=1"],
        ["--name", "x", "--repeat", ".3", "d.yaml", "epochs=1", "lr0=1"],
        ["d.yaml", "epochs=1", "lr0=1", "--repeat", ".3", "--name", "x"],
        ["epochs=1", "--name", "x", "d.yaml", "lr0=1", "--repeat", ".3"],
    ],
)
def test_words_and_flags_may_come_in_any_order(words: list[str]) -> None:
    found = build_parser(["train", *words]).parse_args(["train", *words])
    assert (found.name, found.repeat) == ("x", 0.3)
    assert split_words(found.words) == (Path("d.yaml"), ["epochs=1", "lr0=1"])


def test_a_flag_that_is_none_is_refused_with_the_way_settings_are_given(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["train", "d.yaml", "--epochs", "3"]) == 2
    assert "given as epochs=" in capsys.readouterr().err


def test_a_dry_run_shows_table_and_settings_and_trains_nothing(
    data: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    flags = ["--weights", "scratch", "--class-weights", "ship=3", "--dry-run"]
    assert main(["train", data, *flags, *SETTINGS]) == 0
    shown = capsys.readouterr().out
    assert ["ship", "3", "3", "3.00"] in [line.split() for line in shown.splitlines()]
    assert "random weights, as asked" in shown
    assert "epochs=1" in shown
    assert not (tmp_path / "runs").exists()


def test_key_value_counts_more_than_the_preset(data: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "p.yaml").write_text("epochs: 77\nmosaic: 0.5\nmodel: yolo11n-seg.pt\n")
    flags = ["--config", "p.yaml", "--weights", "scratch", "--dry-run", "epochs=3"]
    assert main(["train", data, *flags]) == 0
    shown = capsys.readouterr().out
    assert "epochs=3, mosaic=0.5" in shown
    assert "yolo11n-seg.yaml" in shown


def test_stages_replace_the_schedule_of_a_preset(data: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "p.yaml").write_text("epochs: 77\nlr0: 0.01\nmosaic: 0.5\nmodel: yolo11n-seg.pt\n")
    flags = ["--config", "p.yaml", "--weights", "scratch", "--stages", "head:1@1e-3,all:2@1e-4", "--dry-run"]
    assert main(["train", data, *flags]) == 0
    shown = capsys.readouterr().out
    assert "note: --stages replaces epochs, lr0 of the preset" in shown
    assert "stage: head, 1 epochs at 0.001" in shown
    assert "mosaic=0.5" in shown
    assert "epochs=77" not in shown


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ([], "give the dataset to train on"),
        (["a.yaml", "b.yaml"], "b.yaml: one dataset can be given"),
        (["none.yaml"], "none.yaml: no such file"),
        (["data", "epoch=3"], "did you mean epochs"),
        (["data", "name=a"], "use --name RUN"),
        (["data", "--name", "taken"], "runs/taken is already there"),
        (["data", "--merge", "oil"], "write NEW=a,b"),
        (["data", "--class-weights", "squrt"], "did you mean sqrt"),
        (["data", "--class-weights", "oils=2"], "did you mean oil"),
        (["data", "--positives"], "give weights too"),
        (["data", "--best", "ap"], "not by 'ap'"),
        (["data", "--focal", "0.5"], "a gamma from 1 on"),
        (["data", "--stages", "head:1@1e-3", "epochs=2"], "take epochs out"),
        (["data", "--stages", "head"], "a stage is PART:EPOCHS@RATE"),
        (["data", "--folds"], "no folds to train on"),
        (["data", "--folds", "--dry-run"], "no folds to train on"),
        (["data", "--weights-sha256", "0a"], "this training starts from none"),
        (["data", "--config", "none.yaml"], "none.yaml: not readable"),
        (["--resume", "nothing"], "no such run"),
        (["--resume", "taken", "--repeat", ".3"], "goes on with the settings that the run has"),
        (["--resume", "taken", "--repeat", "0"], "goes on with the settings that the run has"),
        (["--resume", "taken", "--class-weights", "sqrt"], "goes on with the settings that the run has"),
        (["--resume", "taken", "--best", "miou"], "goes on with the settings that the run has"),
        (["--resume", "taken"], "it has no record.json"),
    ],
)
def test_a_users_mistake_is_a_sentence(
    data: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], words: list[str], said: str
) -> None:
    (tmp_path / "runs" / "taken").mkdir(parents=True)
    flags = ["--weights", "scratch"] if "--resume" not in words else []
    assert main(["train", *words, *flags]) == 2
    shown = capsys.readouterr()
    assert said in shown.err
    assert "Traceback" not in shown.err + shown.out
    assert data


def test_a_resumed_stage_is_followed_by_the_others(
    data: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    run = tmp_path / "runs" / "a-stage1"
    run.mkdir(parents=True)
    stage = {"of": "a", "number": 1, "stages": "head:1@1e-3,all:1@1e-4"}
    asked = {"data": data, "settings": {"batch": 4, "epochs": 1, "lr0": 1e-3, "freeze": "backbone"}, "balance": {}}
    write_json(run / "record.json", {"status": "finished", "stage": stage, "asked": asked, "best": "miou"})
    trained: list[Request] = []

    def train(request: Request) -> Path:
        trained.append(request)
        (last := Path("runs", str(request.name))).mkdir()
        (last / "args.yaml").write_text(f"data: {tmp_path / data}")
        return last

    monkeypatch.setattr(stages, "train", train)
    assert main(["train", "--resume", "a-stage1"]) == 0
    assert [(request.name, request.settings["epochs"], request.best) for request in trained] == [("a", 1, "miou")]
    assert "freeze" not in trained[0].settings
    assert f"seepseg eval runs/a {data}" in capsys.readouterr().out


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
def test_a_training_by_command(data: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    flags = ["--weights", "scratch", "--class-weights", "sqrt", "--positives", "--mask-loss", "dice", "--name", "a"]
    assert main(["train", data, *flags, *SETTINGS]) == 0
    assert "next: seepseg eval runs/a data/data.yaml" in capsys.readouterr().out
    record = read_record(tmp_path / "runs" / "a")
    assert record["status"] == "finished"
    assert record["balance"] == {
        "weights": "sqrt",
        "positives": True,
        "repeat": 0.0,
        "paste": 0,
        "merge": [],
        "mask_loss": "dice",
        "focal": 0.0,
    }
