import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml

from make_dataset import write_dataset
from make_training import QUICK, tiny_dataset, tiny_request
from seepseg.errors import DatasetError, MissingExtra, OutputError, UsageError
from seepseg.train import balanced, machine
from seepseg.train.balance import class_weights
from seepseg.train.losses import Loss
from seepseg.train.plan import choose_device, describe, find_place, plan_run
from seepseg.train.run import facts_of, open_model


def dataset_of(root: Path, train: Sequence[int], val: Sequence[int], names: Sequence[str] = ("oil", "ship")) -> Path:
    """Tiles that hold one square of the class each, 0 for none."""
    splits: dict[str, Any] = {}
    for split, classes in (("train", train), ("val", val)):
        for number, value in enumerate(classes):
            tile = np.zeros((32, 32), np.uint8)
            tile[4:14, 4:14] = value
            splits.setdefault(split, {})[f"{split}{number}.png"] = tile
    return write_dataset(root, splits, names=names, imgsz=32) / "data.yaml"


def test_the_weights_of_the_table_are_those_of_the_loss(tmp_path: Path) -> None:
    plan = plan_run(tiny_request(tmp_path, balance={"weights": "inverse"}))
    assert plan.loss.class_weights == class_weights([8, 3], "inverse", ("oil", "ship"))
    assert [row["weight"] for row in plan.balanced.rows] == pytest.approx(plan.loss.class_weights, abs=1e-6)


def test_weights_count_repeats_as_plain_yolo_would(tmp_path: Path) -> None:
    plan = plan_run(tiny_request(tmp_path, balance={"weights": "cls_pw:1", "repeat": 0.9}))
    shown = [row["instances_per_epoch"] for row in plan.balanced.rows]
    assert plan.loss.class_weights == pytest.approx(class_weights(shown, "inverse", ("oil", "ship")))


def test_cls_pw_becomes_the_rule_of_that_name(tmp_path: Path) -> None:
    plan = plan_run(tiny_request(tmp_path, settings={"cls_pw": 0.5}))
    assert plan.balance.weights == "cls_pw:0.5"
    assert "cls_pw" not in plan.settings


def test_cls_pw_can_weigh_positives_alone_as_other_weights_do(tmp_path: Path) -> None:
    plan = plan_run(tiny_request(tmp_path, settings={"cls_pw": 0.5}, balance={"positives": True}))
    assert (plan.balance.weights, plan.loss.positives) == ("cls_pw:0.5", True)
    assert plan.loss.class_weights is not None


def test_cls_pw_stays_ultralytics_own_for_pixels_also_where_the_model_tells_the_task(tmp_path: Path) -> None:
    plan = plan_run(tiny_request(tmp_path, settings={"cls_pw": 0.5, "model": "yolo26n-sem.yaml"}))
    assert (plan.task, plan.balance.weights, plan.settings["cls_pw"]) == ("semantic", "none", 0.5)


@pytest.mark.parametrize("task", ["segment", "semantic"])
def test_two_ways_to_weigh_classes_are_one_too_many(tmp_path: Path, task: str) -> None:
    settings = {"cls_pw": 0.5, "task": task}
    with pytest.raises(UsageError, match="both weigh classes"):
        plan_run(tiny_request(tmp_path, settings=settings, balance={"weights": "sqrt"}))


@pytest.mark.parametrize("balance", [{"weights": "sqrt"}, {"weights": "inverse", "positives": True}])
def test_weights_of_the_only_class_are_told_to_change_nothing(tmp_path: Path, balance: dict[str, Any]) -> None:
    file = dataset_of(tmp_path / "data", train=[1, 1], val=[1], names=("oil",))
    notes = plan_run(tiny_request(tmp_path, data=file, balance=balance)).notes
    assert [note for note in notes if "--class-weights oil=3 --positives" in note and "changes nothing" in note]


def test_weights_of_classes_that_are_alike_are_told_to_change_nothing(tmp_path: Path) -> None:
    file = dataset_of(tmp_path / "data", train=[1, 2], val=[1, 2])
    notes = plan_run(tiny_request(tmp_path, data=file, balance={"weights": "sqrt"})).notes
    assert "the class weights come to 1 for every class, so they change nothing" in notes


@pytest.mark.parametrize("balance", [{}, {"weights": "ship=2"}, {"weights": "sqrt", "positives": True}])
def test_weights_that_change_something_and_none_at_all_are_told_nothing_of(
    tmp_path: Path, balance: dict[str, Any]
) -> None:
    plan = plan_run(tiny_request(tmp_path, balance=balance))
    assert not any("class weights" in note for note in plan.notes)


def test_the_only_class_weighed_by_name_costs_more_when_missed(tmp_path: Path) -> None:
    file = dataset_of(tmp_path / "data", train=[1, 1], val=[1], names=("oil",))
    plan = plan_run(tiny_request(tmp_path, data=file, balance={"weights": "oil=3", "positives": True}))
    assert plan.loss == Loss(class_weights=(3.0,), positives=True)
    assert not any("changes nothing" in note for note in plan.notes)


def test_a_class_called_background_is_refused_for_pixels_alone(tmp_path: Path) -> None:
    file = dataset_of(tmp_path / "data", train=[1, 2], val=[1, 2], names=("background", "oil"))
    request = tiny_request(tmp_path, data=file, settings={"task": "semantic"})
    with pytest.raises(UsageError, match=r"data\.yaml: has a class called background, .*; rename it, or leave it out"):
        plan_run(request)
    assert plan_run(replace(request, balance={"merge": ["sea=background"]})).balanced.dataset.names == ("sea", "oil")
    assert plan_run(tiny_request(tmp_path, data=file)).task == "segment"


def test_the_column_of_the_only_semantic_class_is_refused_before_anything_begins(tmp_path: Path) -> None:
    file = dataset_of(tmp_path / "data", train=[1, 1], val=[1], names=("oil",))
    request = tiny_request(tmp_path, data=file, settings={"task": "semantic"}, balance={"weights": "oil=3"})
    with pytest.raises(UsageError, match="weigh its positives by name"):
        plan_run(request)
    raised = plan_run(replace(request, balance={"weights": "oil=3", "positives": True}))
    assert raised.loss.class_weights == (3.0,)


def test_cls_pw_of_the_only_semantic_class_is_told_to_change_nothing(tmp_path: Path) -> None:
    file = dataset_of(tmp_path / "data", train=[1, 1], val=[1], names=("oil",))
    notes = plan_run(tiny_request(tmp_path, data=file, settings={"task": "semantic", "cls_pw": 0.5})).notes
    assert any(note.startswith("cls_pw weighs classes with each other") for note in notes)


def test_weights_that_a_flag_switches_off_take_their_positives_along(tmp_path: Path) -> None:
    file = tiny_dataset(tmp_path / "data") / "data.yaml"
    data = yaml.safe_load(file.read_text())
    data["seepseg"]["balance"] = {"weights": "sqrt", "positives": True}
    file.write_text(yaml.safe_dump(data))
    assert plan_run(tiny_request(tmp_path, data=file, balance={"weights": "none"})).loss == Loss()


def test_data_yaml_says_the_balance_and_flags_say_it_last(tmp_path: Path) -> None:
    file = tiny_dataset(tmp_path / "data") / "data.yaml"
    data = yaml.safe_load(file.read_text())
    data["seepseg"]["balance"] = {"weights": "sqrt", "focal": 1.5}
    file.write_text(yaml.safe_dump(data))
    assert plan_run(tiny_request(tmp_path, data=file)).balance.weights == "sqrt"
    plan = plan_run(tiny_request(tmp_path, data=file, balance={"weights": "inverse", "focal": None}))
    assert (plan.balance.weights, plan.balance.focal) == ("inverse", 1.5)


def test_the_image_size_is_the_declared_one(tmp_path: Path) -> None:
    request = tiny_request(tmp_path)
    settings = {key: value for key, value in request.settings.items() if key != "imgsz"}
    plan = plan_run(replace(request, settings=settings))
    assert plan.settings["imgsz"] == 32
    assert not any("imgsz" in note for note in plan.notes)


def test_another_size_than_declared_is_warned_of(tmp_path: Path) -> None:
    plan = plan_run(tiny_request(tmp_path, settings={"imgsz": 64}))
    assert any("imgsz 64, but the labels are exact at 32" in note for note in plan.notes)
    assert "note: training at imgsz 64" in describe(plan)


def test_planning_makes_no_run(tmp_path: Path) -> None:
    plan_run(tiny_request(tmp_path))
    assert not (tmp_path / "runs").exists()


def test_names_of_runs_count_up(tmp_path: Path) -> None:
    for expected in ("train", "train2", "train3"):
        place = find_place(tmp_path, None)
        assert place.name == expected
        place.mkdir()


def test_a_run_is_never_overwritten(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    with pytest.raises(OutputError, match=f"--resume {tmp_path / 'a'}"):
        find_place(tmp_path, "a")


@pytest.mark.parametrize("name", ["", ".", "..", "a/b", "../a"])
def test_a_name_is_one_folder(tmp_path: Path, name: str) -> None:
    with pytest.raises(UsageError, match="a run's name is one folder"):
        find_place(tmp_path, name)


def test_every_fault_of_the_data_comes_in_one_error(tmp_path: Path) -> None:
    file = dataset_of(tmp_path / "data", train=[0, 0], val=[])
    with pytest.raises(DatasetError) as caught:
        plan_run(tiny_request(tmp_path, data=file))
    assert "val split has no images" in str(caught.value)
    assert "no image of the train split has a label" in str(caught.value)


def test_a_class_that_train_never_saw_is_a_fault(tmp_path: Path) -> None:
    file = dataset_of(tmp_path / "data", train=[1, 1], val=[1, 2])
    with pytest.raises(DatasetError, match=r"ship is in val, but train never saw it.*--merge"):
        plan_run(tiny_request(tmp_path, data=file))


def test_it_is_none_once_classes_are_merged_or_one(tmp_path: Path) -> None:
    file = dataset_of(tmp_path / "data", train=[1, 1], val=[1, 2])
    assert plan_run(tiny_request(tmp_path, data=file, balance={"merge": ["all=oil,ship"]})).balanced.dataset.names
    assert plan_run(tiny_request(tmp_path, data=file, settings={"single_cls": True})).balanced.dataset.names == (
        "item",
    )


def test_a_class_without_instances_is_told(tmp_path: Path) -> None:
    file = dataset_of(tmp_path / "data", train=[1, 2], val=[1], names=("oil", "ship", "rig"))
    notes = plan_run(tiny_request(tmp_path, data=file)).notes
    assert any(note.startswith("no instance of rig") for note in notes)
    assert any("val has no instance of ship" in note for note in notes)


def test_weights_of_one_class_mean_nothing(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="single_cls=True makes one class of all"):
        plan_run(tiny_request(tmp_path, settings={"single_cls": True}, balance={"weights": "sqrt"}))


def test_one_class_and_merged_ones_are_two_wishes(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="single_cls=True and --merge"):
        plan_run(tiny_request(tmp_path, settings={"single_cls": True}, balance={"merge": ["all=oil,ship"]}))


def test_a_figure_that_the_task_lacks_is_refused_before_anything_is_written(tmp_path: Path) -> None:
    request = tiny_request(tmp_path, settings={"task": "semantic"}, best="mask_map50", balance={"repeat": 0.9})
    with pytest.raises(UsageError, match="task semantic has no mask mAP"):
        plan_run(request)
    assert not (tmp_path / "data" / "data.repeat.yaml").exists()


def test_what_was_pasted_once_is_not_planned_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(machine, "core_count", lambda: 1)
    request = tiny_request(tmp_path, balance={"paste": 6})
    first = plan_run(request)
    monkeypatch.setattr(balanced, "plan_pastes", None)
    again = plan_run(request)
    assert sum(row["pasted"] for row in first.balanced.rows) > 0
    assert again.balanced == first.balanced
    assert again.notes == first.notes


@pytest.mark.parametrize("batch", [-1, 0.7])
def test_fitting_a_batch_to_no_gpu_is_refused(tmp_path: Path, batch: float) -> None:
    with pytest.raises(UsageError, match="fits the batch to a GPU's memory, and there is none; give batch=16"):
        plan_run(tiny_request(tmp_path, settings={"batch": batch}))


@pytest.fixture
def two_gpus(monkeypatch: pytest.MonkeyPatch) -> None:
    import torch

    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)


@pytest.mark.usefixtures("two_gpus")
def test_a_gpu_that_is_not_there_is_refused() -> None:
    with pytest.raises(UsageError, match="device=0,5: there is no GPU 5; GPUs 0 to 1 are here"):
        choose_device({"device": "0,5"})


@pytest.mark.usefixtures("two_gpus")
def test_a_batch_is_not_fitted_to_several_gpus() -> None:
    with pytest.raises(UsageError, match=r"for 2 GPUs give how many images all of them take together.*batch=32"):
        choose_device({"device": "0,1", "batch": -1})


def test_the_device_is_said(tmp_path: Path) -> None:
    assert "on CPU, " in describe(plan_run(tiny_request(tmp_path)))


def test_transforms_without_albumentations_are_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "albumentations", None)
    with pytest.raises(MissingExtra, match=r"seepseg\[augment\]"):
        plan_run(tiny_request(tmp_path, settings={"augmentations": [{"transform": {}}]}))


def test_a_learning_rate_that_auto_ignores_is_told(tmp_path: Path) -> None:
    notes = plan_run(tiny_request(tmp_path, settings={"lr0": 0.1})).notes
    assert any("optimizer=auto chooses lr0" in note for note in notes)


def test_a_model_of_another_task_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="is a model for detect, and this training is for segment"):
        open_model("yolov8n.yaml", "segment")


def test_a_model_of_objects_is_no_start_for_pixels() -> None:
    with pytest.raises(UsageError, match=r"this training is for semantic; name one such as yolo26n-sem\.pt"):
        open_model("yolov8n-seg.yaml", "semantic")


def test_a_file_that_is_no_model_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.pt").write_text("no model")
    with pytest.raises(UsageError, match=r"a\.pt: not a model that Ultralytics can open"):
        open_model(str(tmp_path / "a.pt"), "segment")


def test_a_fold_is_described_by_its_dataset(tmp_path: Path) -> None:
    root = tiny_dataset(tmp_path / "data")
    (root / "folds").mkdir()
    (root / "a.txt").write_text("".join(f"./images/train/train{number}.png\n" for number in range(4)))
    (root / "b.txt").write_text("./images/train/train6.png\n")
    fold = {"train": "../a.txt", "val": "../b.txt", "names": {0: "oil", 1: "ship"}}
    (root / "folds" / "0.yaml").write_text(yaml.safe_dump(fold))
    settings = {key: value for key, value in QUICK.items() if key != "imgsz"}
    request = replace(tiny_request(tmp_path, data=root / "folds" / "0.yaml"), settings=settings)
    plan = plan_run(request)
    assert plan.settings["imgsz"] == 32
    assert plan.balanced.rows[0]["instances"] == 4


def test_the_record_keeps_whose_the_images_are(tmp_path: Path) -> None:
    request = tiny_request(tmp_path)
    recipe = {"name": "data", "title": "Slicks", "licence": "CC0", "citation": "Someone, 2020", "layout": "images"}
    part = {"kind": "masks", "paths": ["images", "masks"], "flags": {"names": "oil"}}
    (tmp_path / "data.yaml").write_text(yaml.safe_dump({**recipe, "obtain": "Ask.", "convert": [part]}))
    said = facts_of(plan_run(request))["dataset"]
    assert {key: said.get(key) for key in ("title", "licence", "citation", "homepage")} == {
        **{key: recipe[key] for key in ("title", "licence", "citation")},
        "homepage": None,
    }
