import json
import statistics
from dataclasses import replace
from pathlib import Path

import pytest
import yaml

from make_training import QUICK, tiny_dataset
from seepseg.dataset.identity import dataset_hash
from seepseg.dataset.layout import read_dataset
from seepseg.errors import DatasetError, OutputError, UsageError
from seepseg.train import stages
from seepseg.train.folds import fold_table, list_folds, summarise, train_folds
from seepseg.train.plan import Request, plan_run
from seepseg.train.record import update_record, write_json
from seepseg.train.run import facts_of
from seepseg.train.stages import read_stages, train_stages

MAP = "metrics/mAP50(M)"


def with_folds(root: Path, count: int) -> Path:
    (root / "folds").mkdir()
    for number in range(count):
        fold = {"train": "../images/train", "val": "../images/val", "names": ["oil", "ship"]}
        (root / "folds" / f"{number}.yaml").write_text(yaml.safe_dump(fold))
    return root / "data.yaml"


def pretend(request: Request) -> Path:
    """A run whose figure is its fold's number."""
    run = request.project / str(request.name)
    run.mkdir(parents=True)
    told = {"data": request.data.name, "hash": dataset_hash(read_dataset(request.data))}
    facts = {"status": "finished", "asked": request.as_json(), "dataset": told}
    write_json(run / "record.json", facts | {"metrics": {MAP: int(request.data.stem) / 10, "val/seg_loss": 1.0}})
    return run


def test_folds_are_taken_by_number(tmp_path: Path) -> None:
    data = with_folds(tiny_dataset(tmp_path), 11)
    (tmp_path / "folds" / "notes.yaml").touch()
    assert [file.stem for file in list_folds(data)] == [str(number) for number in range(11)]


def test_each_fold_is_a_run_and_all_make_a_mean(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    data = with_folds(tiny_dataset(tmp_path / "data"), 3)
    summary = json.loads(train_folds(Request(data, project=tmp_path / "runs", name="a"), pretend).read_text())
    assert sorted(summary["runs"]) == ["a-fold0", "a-fold1", "a-fold2"]
    assert summary["mean"][MAP] == pytest.approx(0.1)
    assert summary["sd"][MAP] == pytest.approx(statistics.stdev([0, 0.1, 0.2]))
    assert "0.1000 ± 0.1000" in capsys.readouterr().out


def test_the_table_shows_figures_and_no_losses() -> None:
    table = fold_table(summarise({"a": {MAP: 0.5, "val/seg_loss": 9.0}}, 2))
    assert table.splitlines()[-1].split() == ["mean", "±", "sd", "0.5000", "±", "?"]
    assert "loss" not in table


def test_what_is_done_before_an_interruption_is_kept(tmp_path: Path) -> None:
    data = with_folds(tiny_dataset(tmp_path / "data"), 3)

    def stop_at_last(request: Request) -> Path:
        if request.data.stem == "2":
            raise KeyboardInterrupt
        return pretend(request)

    with pytest.raises(KeyboardInterrupt):
        train_folds(Request(data, project=tmp_path / "runs", name="a"), stop_at_last)
    kept = json.loads((tmp_path / "runs" / "a-folds.json").read_text())
    assert (kept["done"], kept["folds"]) == (2, 3)


def test_the_same_request_again_goes_on_with_the_folds_that_are_missing(tmp_path: Path) -> None:
    data = with_folds(tiny_dataset(tmp_path / "data"), 3)
    request, trained = Request(data, project=tmp_path / "runs", name="a"), []

    def train(fold: Request) -> Path:
        if fold.data.stem == "2" and len(trained) == 2:
            trained.append("stopped")
            raise KeyboardInterrupt
        trained.append(fold.data.stem)
        return pretend(fold)

    with pytest.raises(KeyboardInterrupt):
        train_folds(request, train)
    summary = json.loads(train_folds(request, train).read_text())
    assert trained == ["0", "1", "stopped", "2"]
    assert (summary["done"], summary["mean"][MAP]) == (3, pytest.approx(0.1))


@pytest.mark.parametrize("by_stages", [False, True])
def test_a_fold_is_known_again_whatever_planning_made_of_the_request(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, by_stages: bool
) -> None:
    settings = {key: value for key, value in QUICK.items() if key != "epochs"}
    data = with_folds(tiny_dataset(tmp_path / "data"), 2)
    request = Request(data, settings, weights="scratch", project=tmp_path / "runs", name="a")
    trained = []

    def train(fold: Request) -> Path:
        plan = plan_run(fold)
        trained.append(plan.run.name)
        (plan.run / "weights").mkdir(parents=True)
        (plan.run / "weights" / "best.pt").touch()
        write_json(plan.run / "record.json", facts_of(plan) | {"status": "finished", "metrics": {MAP: 0.5}})
        return plan.run

    monkeypatch.setattr(stages, "train", train)
    how = {"stages": "head:1@1e-3,all:1@1e-4"} if by_stages else {}
    one = (lambda fold: train_stages(fold, read_stages(how["stages"]))) if by_stages else train
    train_folds(request, one, how=how)
    before = list(trained)
    assert {"a-fold0", "a-fold1"} <= set(before)
    train_folds(request, one, how=how)
    assert trained == before


@pytest.mark.parametrize("change", ["request", "how", "labels", "status"])
def test_a_fold_of_other_words_or_other_data_or_without_an_end_is_not_taken(tmp_path: Path, change: str) -> None:
    data = with_folds(tiny_dataset(tmp_path / "data"), 2)
    request, how = Request(data, project=tmp_path / "runs", name="a"), {}
    train_folds(request, pretend)
    if change == "how":
        how = {"stages": "head:1@1e-3,all:1@1e-4"}
    elif change == "request":
        request = replace(request, settings={"epochs": 7})
    elif change == "labels":
        next((tmp_path / "data/labels/train").glob("*.txt")).write_text("")
    else:
        update_record(tmp_path / "runs/a-fold0", status="interrupted")
    with pytest.raises(OutputError, match="a-fold0 is already there"):
        train_folds(request, pretend, how=how)


def test_a_dataset_without_folds_is_told_how_to_get_some(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no folds to train on; write them with 'seepseg convert"):
        list_folds(tiny_dataset(tmp_path) / "data.yaml")


def test_no_fold_of_another_training_is_overwritten(tmp_path: Path) -> None:
    data = with_folds(tiny_dataset(tmp_path / "data"), 2)
    (tmp_path / "runs" / "a-fold1").mkdir(parents=True)
    with pytest.raises(OutputError, match="a-fold1 is already there"):
        train_folds(Request(data, project=tmp_path / "runs", name="a"), pretend)
    assert not (tmp_path / "runs" / "a-fold0").exists()


def test_a_merge_that_data_yaml_asks_for_mends_a_fold(tmp_path: Path) -> None:
    data = with_folds(tiny_dataset(tmp_path / "data"), 1)
    (data.parent / "a.txt").write_text("./images/train/train1.png\n")
    (data.parent / "b.txt").write_text("./images/val/val0.png\n")
    fold = {"train": "../a.txt", "val": "../b.txt", "names": ["oil", "ship"]}
    (data.parent / "folds" / "0.yaml").write_text(yaml.safe_dump(fold))
    with pytest.raises(DatasetError, match="train never saw"):
        train_folds(Request(data, project=tmp_path / "runs", name="a"), pretend)
    content = yaml.safe_load(data.read_text())
    content["seepseg"]["balance"] = {"merge": ["all=oil,ship"]}
    data.write_text(yaml.safe_dump(content))
    assert train_folds(Request(data, project=tmp_path / "runs", name="a"), pretend).is_file()


def test_every_folds_faults_are_told_before_the_first_is_trained(tmp_path: Path) -> None:
    data = with_folds(tiny_dataset(tmp_path / "data"), 3)
    for number in (1, 2):
        (data.parent / "folds" / f"{number}.yaml").write_text("train: ../images/train\nnames: [oil, ship]\n")
    with pytest.raises(DatasetError, match=r"(?s)1\.yaml: the val split.*2\.yaml: the val split"):
        train_folds(Request(data, project=tmp_path / "runs", name="a"), pretend)
    assert not (tmp_path / "runs").exists()
