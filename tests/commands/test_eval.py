import hashlib
import json

import numpy as np
import pytest

from make import grey_image, write_image
from make_dataset import write_dataset
from make_detections import reference
from make_subject import class_maps, scenes_dataset
from predict.conftest import untrained
from seepseg.cli import main
from seepseg.commands.eval import read_conf
from seepseg.dataset.layout import read_dataset
from seepseg.errors import UsageError
from seepseg.evaluate.run import choose_run_thresholds
from seepseg.evaluate.samples import read_samples
from seepseg.evaluate.subject import open_subject
from seepseg.measures.matching import encode_prediction
from seepseg.measures.threshold_file import read_thresholds
from seepseg.predict.engine import open_model

NAMES = ("class0", "class1")
QUICK = ["--replicates", "100", "--device", "cpu"]


@pytest.fixture(scope="module")
def made(torch, tmp_path_factory):
    """A run of an untrained network, and a dataset whose truth is what it finds in some images, more or less."""
    root = tmp_path_factory.mktemp("made")
    (root / "run/weights").mkdir(parents=True)
    network = untrained(torch, "yolov8n-seg", 2)
    torch.save({"model": network, "train_args": {"imgsz": 64, "task": "segment"}}, root / "run/weights/best.pt")
    model = open_model(root / "run", device="cpu")
    rng = np.random.default_rng(0)
    pictures = {f"{split}{number}.png": grey_image(rng, 48, 64) for split in ("val", "test") for number in range(4)}
    maps = {name: as_map(model, picture) for name, picture in pictures.items()}
    splits = {split: {name: one for name, one in maps.items() if split in name} for split in ("val", "test")}
    write_dataset(root / "data", splits, names=NAMES, pixels=pictures)
    return root


def as_map(model, picture):
    """Five of the detections, the second best and on, those of class 0 as 1."""
    classes = np.zeros(picture.shape, np.uint8)
    for one in model.predict([picture], conf=0.05)[0].detections[1:12:2]:
        high, wide = one.mask.shape
        classes[one.y : one.y + high, one.x : one.x + wide][one.mask > 0] = one.class_id + 1
    return classes


def test_a_run_is_evaluated_into_itself_with_the_precision_of_cocoeval(made, capsys):
    assert main(["eval", str(made / "run"), str(made / "data/data.yaml"), *QUICK]) == 0
    shown = capsys.readouterr().out
    assert "mask mAP50" in shown
    assert "thresholds chosen on val" in shown
    report = json.loads((made / "run/metrics.json").read_text())
    assert (made / "run/report.html").is_file()
    dataset = read_dataset(made / "data")
    subject = open_subject(made / "run", dataset, device="cpu")
    images = [(truth, encode_prediction(found)) for _, truth, found in subject.tell(read_samples(dataset, "test")[0])]
    for kind in ("mask", "box"):
        precision, _ = reference(images, 2, kind)
        expected = precision[..., 0].mean(axis=(0, 1))
        per_class = [report[kind]["per_class"][name]["ap50_95"] for name in NAMES]
        np.testing.assert_allclose(per_class, expected, atol=1e-9)
    assert report["mask"]["map50_95"] > 0.01


def test_thresholds_of_a_run_can_be_chosen_right_after_its_training(made):
    chosen = choose_run_thresholds(made / "run", made / "data", device="cpu")
    assert read_thresholds(made / "run/thresholds.json") == chosen
    assert (chosen.split, chosen.images) == ("val", 4)


def test_another_image_size_leaves_the_run_its_thresholds(made, tmp_path):
    before = choose_run_thresholds(made / "run", made / "data", device="cpu")
    words = ["val", str(made / "run"), str(made / "data"), "--imgsz", "96", "--out", str(tmp_path / "out")]
    assert main([*words, *QUICK, "--split", "val", "--no-report"]) == 0
    assert read_thresholds(made / "run/thresholds.json") == before
    report = json.loads((tmp_path / "out/metrics.json").read_text())
    assert report["imgsz"] == 96
    assert "thresholds of the model stay" in " ".join(report["notes"])


@pytest.fixture
def exported(made, tmp_path):
    """The run with what was chosen for it, and its bundle as a folder and as a .zip."""
    choose_run_thresholds(made / "run", made / "data", device="cpu")
    for name in ("bundle", "bundle.zip"):
        words = ["--zip"] if name.endswith(".zip") else []
        assert main(["export", str(made / "run"), "--out", str(tmp_path / "bundle"), "--images", "1", *words]) == 0
    return made / "run", made / "run/weights/best.pt", tmp_path / "bundle", tmp_path / "bundle.zip"


def test_the_same_thresholds_hold_for_a_run_its_weights_and_its_bundle(made, exported, tmp_path):
    told, script = [], (exported[2] / "model.torchscript").stat().st_size
    sizes = [exported[1].stat().st_size] * 2 + [script] * 2
    for at, model in enumerate(exported):
        out = tmp_path / str(at)
        words = [str(model), str(made / "data"), "--split", "test", "--out", str(out), *QUICK, "--no-report"]
        assert main(["eval", *words]) == 0
        report = json.loads((out / "metrics.json").read_text())
        assert report["made"]["weights_bytes"] == pytest.approx(sizes[at], rel=0.01)
        assert report["made"]["weights_sha256"] == hashlib.sha256(exported[1].read_bytes()).hexdigest()
        told.append((report["fitted"], report["thresholds"], report["presence"]["threshold"]))
    assert told[0][0] == "val"
    assert told == [told[0]] * 4


def test_an_evaluation_on_val_leaves_a_bundle_as_it_is(made, exported, tmp_path):
    words = ["--split", "val", "--out", str(tmp_path / "out"), *QUICK, "--no-report"]
    assert main(["eval", str(exported[2]), str(made / "data"), *words]) == 0
    assert (tmp_path / "out/thresholds.json").is_file()
    assert "evaluate the run folder" in " ".join(json.loads((tmp_path / "out/metrics.json").read_text())["notes"])
    open_model(exported[2]).predict([np.zeros((64, 64), np.uint8)])


def test_a_report_that_is_to_be_passed_on_holds_no_image_of_the_data(made, tmp_path):
    words = ["eval", str(made / "run"), str(made / "data"), "--split", "val", *QUICK, "--out"]
    assert main([*words, str(tmp_path / "shown")]) == main([*words, str(tmp_path / "listed"), "--no-pictures"]) == 0
    pages = {name: (tmp_path / name / "report.html").read_text() for name in ("shown", "listed")}
    assert "data:image/jpeg" in pages["shown"]
    assert "data:image" not in pages["listed"]
    assert "val0" in pages["listed"]
    assert not (tmp_path / "listed" / "failures").exists()


def test_names_that_are_not_the_models_exit_2(made, tmp_path, capsys):
    other = scenes_dataset(tmp_path / "data")
    assert main(["eval", str(made / "run"), str(other), "--out", str(tmp_path / "out"), *QUICK]) == 2
    assert "class0, class1; the dataset has oil, ship" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_a_semantic_model_whose_truth_is_part_of_what_it_says_misses_no_pixel(made, tmp_path):
    import torch

    network = untrained(torch, "yolo26n-sem", 2)
    torch.save({"model": network, "train_args": {"imgsz": 64, "task": "semantic"}}, tmp_path / "some.pt")
    model, rng = open_model(tmp_path / "some.pt", device="cpu"), np.random.default_rng(0)
    pictures = {f"{number}.png": grey_image(rng, 48, 64) for number in range(2)}
    maps = {name: np.zeros((48, 64), np.uint8) for name in pictures}
    for name, picture in pictures.items():
        for one in model.predict([picture], conf=0.001)[0].detections[::2]:
            high, wide = one.mask.shape
            maps[name][one.y : one.y + high, one.x : one.x + wide][one.mask > 0] = one.class_id + 1
    write_dataset(tmp_path / "data", {"test": maps}, names=NAMES, pixels=pictures)
    words = ["eval", str(tmp_path / "some.pt"), str(tmp_path / "data"), "--out", str(tmp_path / "out"), "--no-report"]
    assert main([*words, "--conf", "0.01", *QUICK]) == 0
    report = json.loads((tmp_path / "out/metrics.json").read_text())
    recalls = [one["recall"] for one in report["pixels"]["per_class"].values()]
    assert (report["task"], recalls, report["mask"]["map50"] > 0.4) == ("semantic", [1, 1], True)
    assert "connected regions" in report["notes"][0]


@pytest.fixture
def masks(tmp_path):
    for number, tile in enumerate(class_maps(6, seed=1)):
        write_image(tmp_path / f"masks/test{number}.png", tile)
    return ["-", str(scenes_dataset(tmp_path / "data")), "--masks", str(tmp_path / "masks")]


def test_masks_are_judged_in_place_of_a_model(masks, tmp_path, capsys):
    assert main(["eval", *masks, "--out", str(tmp_path / "out"), "--replicates", "100", "--no-report", "--json"]) == 0
    report = json.loads(capsys.readouterr().out)
    assert report == json.loads((tmp_path / "out/metrics.json").read_text())
    assert (report["task"], report["pixels"]["miou"], report["mask"]) == ("masks", 1, None)
    assert report["made"]["command"].endswith("--replicates 100")


def test_masks_have_a_table_for_people_and_a_report(masks, tmp_path, capsys):
    assert main(["val", *masks, "--out", str(tmp_path / "out"), "--replicates", "100"]) == 0
    shown = capsys.readouterr().out
    assert "pixels Dice" in shown
    assert "mAP" not in shown
    assert (tmp_path / "out/report.html").is_file()


@pytest.mark.parametrize(
    ("flags", "said"),
    [
        (["--conf", "0.3"], "--conf is for a model"),
        (["--split", "train"], "no train split"),
        ([], "--out"),
        (["--replicates", "99"], "--replicates 99: give a whole number from 100 to 100,000"),
        (["--seed", "-1"], "--seed -1: give a whole number from 0"),
        (["--batch", "0"], "--batch 0: give a whole number from 1"),
    ],
)
def test_what_does_not_go_together_is_a_sentence(masks, capsys, flags, said):
    assert main(["eval", *masks, *flags]) == 2
    assert said in capsys.readouterr().err


def test_a_model_and_masks_at_once_are_refused(masks, capsys):
    assert main(["eval", "run", *masks[1:]]) == 2
    assert "- in its place" in capsys.readouterr().err


def test_confidences_are_one_or_one_for_each_class():
    assert read_conf("0.3") == 0.3
    assert read_conf("oil=0.2, thin=seep=.5") == {"oil": 0.2, "thin=seep": 0.5}
    for wrong in ("0", "1.5", "oil", "oil=x", "oil=.2,"):
        with pytest.raises(UsageError, match="--conf"):
            read_conf(wrong)
