import csv
import json

import numpy as np
import pytest

from make_evaluated import full_masks
from make_subject import NAMES, blind, evaluate_made, exact, find, make_subject, scenes_dataset, sloppy
from seepseg.dataset.layout import read_dataset
from seepseg.errors import UsageError
from seepseg.evaluate.evidence import measure, read_evidence
from seepseg.evaluate.samples import read_samples
from seepseg.measures.figures import tree
from seepseg.measures.threshold_file import read_thresholds
from seepseg.measures.thresholds import Rule


@pytest.fixture
def data(tmp_path):
    return scenes_dataset(tmp_path / "data")


def numbers(figures):
    """All leaves of a nested dict."""
    return [leaf for value in figures.values() for leaf in (numbers(value) if isinstance(value, dict) else [value])]


def test_a_perfect_model_has_one_everywhere(tmp_path, data):
    report = evaluate_made(tmp_path / "out", data, exact)
    pixels = {key: value for key, value in report["pixels"].items() if key != "accuracy_of_blank"}
    presence = {key: report["presence"][key] for key in ("accuracy", "precision", "recall", "f1", "auroc", "ap")}
    maps = {key: report[kind][key] for kind in ("mask", "box") for key in ("map50", "map50_95")}
    values = numbers(pixels) + numbers(presence) + numbers(maps)
    assert values == pytest.approx([1.0] * len(values))
    assert report["ci95"]["mask.map50"] == pytest.approx([0.025 ** (1 / 3), 1])


def test_a_blind_model_is_as_accurate_as_a_blank_prediction_and_finds_nothing(tmp_path, data):
    report = evaluate_made(tmp_path / "out", data, blind)
    pixels = report["pixels"]
    assert pixels["accuracy"] == pixels["accuracy_of_blank"] > 0.5
    assert (report["mask"]["map50"], report["box"]["map50"], pixels["dice"], report["presence"]["recall"]) == (0,) * 4
    assert report["presence"]["confusion"] == {"tp": 0, "fp": 0, "fn": 5, "tn": 1}
    assert "no threshold could be chosen for oil: nothing" in " ".join(report["notes"])


def test_a_class_that_the_split_lacks_is_null_and_left_out_of_means(tmp_path):
    data = scenes_dataset(tmp_path / "data", names=("oil", "ship", "wake"))
    report = evaluate_made(tmp_path / "out", data, exact)
    assert report["mask"]["per_class"]["wake"]["ap50"] is None
    assert report["pixels"]["per_class"]["wake"]["iou"] is None
    assert (report["mask"]["map50"], report["pixels"]["miou"]) == (1, 1)
    assert "pixels.per_class.wake.iou" not in report["ci95"]


def test_pixels_are_counted_at_the_thresholds_of_val(tmp_path, data):
    report = evaluate_made(tmp_path / "out", data, sloppy)
    limits = np.array([report["thresholds"][name] for name in NAMES])
    samples, _ = read_samples(read_dataset(data), "test")
    union = shared = 0
    for _, truth, prediction in make_subject(sloppy).tell(samples):
        predicted, true, _ = full_masks(prediction, truth, 2, limits)
        union, shared = union + (predicted | true).sum((1, 2)), shared + (predicted & true).sum((1, 2))
    assert (report["fitted"], report["thresholds_from"]) == ("val", "val")
    found = [report["pixels"]["per_class"][name]["iou"] for name in NAMES]
    assert found == pytest.approx((shared / union).tolist())
    assert 0 < min(found) < max(found) < 1


def test_the_reported_images_choose_no_threshold(tmp_path, data):
    def changing(sample, truth):
        return (sloppy if sample.name.startswith("val") else exact)(sample, truth)

    first = evaluate_made(tmp_path / "a", data, sloppy)
    second = evaluate_made(tmp_path / "b", data, changing)
    assert first["thresholds"] == second["thresholds"]
    assert first["pixels"] != second["pixels"]


def test_a_report_on_val_is_cross_fitted_and_leaves_thresholds_of_all_val_for_predict(tmp_path, data):
    report = evaluate_made(tmp_path / "out", data, sloppy, split="val")
    assert report["fitted"] == "crossfit"
    assert [len(values) for values in report["thresholds_by_fold"].values()] == [3, 3]
    assert all(report["thresholds"][name] in report["thresholds_by_fold"][name] for name in NAMES)
    stored = read_thresholds(tmp_path / "out/thresholds.json")
    assert (stored.split, stored.images) == ("val", 6)


def test_without_val_thresholds_are_cross_fitted_and_none_are_stored(tmp_path):
    data = scenes_dataset(tmp_path / "data", splits=("test",))
    report = evaluate_made(tmp_path / "out", data, sloppy)
    assert (report["fitted"], report["thresholds_from"]) == ("crossfit", "test")
    assert not (tmp_path / "out/thresholds.json").exists()


def test_a_single_scene_that_cannot_be_cross_fitted_is_refused_before_its_images_are_read(tmp_path):
    data = scenes_dataset(
        tmp_path / "data", splits=("test",), groups=dict.fromkeys(map("test{}.png".format, range(6)), "a")
    )

    def never(sample, truth):
        raise AssertionError

    with pytest.raises(UsageError, match="on a single group; give images of two scenes at least, or --conf X"):
        evaluate_made(tmp_path / "out", data, never)


def test_a_single_scene_has_figures_and_a_word_on_why_no_intervals(tmp_path):
    scene = dict.fromkeys(map("test{}.png".format, range(6)), "a")
    data = scenes_dataset(tmp_path / "data", splits=("test",), groups=scene)
    report = evaluate_made(tmp_path / "out", data, sloppy, conf=0.3, report=True)
    assert report["ci95"] == {}
    assert "no intervals: all images are of one group" in report["notes"][0]
    assert "There are no intervals" in (tmp_path / "out/report.html").read_text()


@pytest.mark.parametrize(("split", "said"), [("val", "the images of val are those of train: "), ("train", "")])
def test_a_val_that_is_train_is_said_to_flatter(tmp_path, split, said):
    data = scenes_dataset(tmp_path / "data", splits=("train",))
    with (data / "data.yaml").open("a") as text:
        text.write("val: images/train\n")
    report = evaluate_made(tmp_path / "out", data, exact, split=split)
    notes = [note for note in report["notes"] if "flatter" in note]
    assert [note[: len(said)] for note in notes] == [said] * bool(said)


def test_images_of_val_that_train_names_too_are_counted(tmp_path):
    data = scenes_dataset(tmp_path / "data", splits=("train", "val"))
    (data / "train.txt").write_text("./images/train/train0.png\n./images/val/val1.png\n")
    text = (data / "data.yaml").read_text()
    (data / "data.yaml").write_text(text.replace("train: images/train", "train: train.txt"))
    notes = evaluate_made(tmp_path / "out", data, exact, split="val")["notes"]
    assert any(note.startswith("1 image of the 6 of val is in train too: ") for note in notes)


def test_given_thresholds_hold_for_everything_and_nothing_is_chosen(tmp_path, data):
    report = evaluate_made(tmp_path / "out", data, sloppy, conf={"ship": 0.333, "oil": 0.5})
    assert (report["fitted"], report["thresholds"]) == ("given", {"oil": 0.5, "ship": 0.333})
    presence = report["presence"]
    assert (presence["threshold"], presence["per_class"]["oil"]["threshold"]) == (0.333, 0.5)
    assert not (tmp_path / "out/thresholds.json").exists()


def test_thresholds_of_a_run_are_used_and_stay_as_they_are(tmp_path, data):
    (tmp_path / "run").mkdir()
    evaluate_made(tmp_path / "a", data, sloppy, split="val", run=tmp_path / "run")
    stored = (tmp_path / "run/thresholds.json").read_bytes()
    report = evaluate_made(tmp_path / "b", data, blind, run=tmp_path / "run")
    limits = read_thresholds(tmp_path / "run/thresholds.json").confidence
    assert report["thresholds"] == dict(zip(NAMES, [one.value for one in limits], strict=True))
    assert (tmp_path / "run/thresholds.json").read_bytes() == stored


def test_another_rule_chooses_anew_for_the_run_too(tmp_path, data):
    (tmp_path / "run").mkdir()
    evaluate_made(tmp_path / "a", data, sloppy, run=tmp_path / "run")
    report = evaluate_made(tmp_path / "b", data, sloppy, run=tmp_path / "run", rule=Rule("recall", 0.9))
    assert report["rule"] == "recall >= 0.9"
    assert read_thresholds(tmp_path / "run/thresholds.json").rule == Rule("recall", 0.9)


def test_thresholds_from_other_data_are_not_replaced_in_a_run(tmp_path, data):
    (tmp_path / "run").mkdir()
    evaluate_made(tmp_path / "a", data, sloppy, split="val", run=tmp_path / "run")
    stored = (tmp_path / "run/thresholds.json").read_bytes()
    other = scenes_dataset(tmp_path / "other", imgsz=128)
    evaluate_made(tmp_path / "b", other, exact, split="val", run=tmp_path / "run")
    assert (tmp_path / "run/thresholds.json").read_bytes() == stored
    assert (tmp_path / "b/thresholds.json").exists()


def test_every_figure_can_be_computed_again_from_what_is_kept(tmp_path, data):
    report = evaluate_made(tmp_path / "out", data, sloppy)
    again = tree(measure(read_evidence(tmp_path / "out/replicates.npz")))
    assert again["mask"]["map50_95"] == report["mask"]["map50_95"]
    for section in ("pixels", "presence"):
        assert set(numbers(again[section])) <= set(numbers(report[section]))
    kept = np.load(tmp_path / "out/replicates.npz", allow_pickle=False)
    assert {f"figures/{name}" for name in report["ci95"]} <= set(kept)
    assert len(kept["figures/mask.map50"]) == 40


def test_intervals_hold_the_figure_and_draw_scenes_as_a_whole(tmp_path, data):
    report = evaluate_made(tmp_path / "out", data, sloppy, replicates=200)
    low, high = report["ci95"]["pixels.miou"]
    assert low < report["pixels"]["miou"] < high
    assert (report["images"], report["groups"]) == (6, 3)


def test_each_image_has_a_line_that_says_what_went_wrong(tmp_path, data):
    def one_wrong(sample, truth):
        alarm = find(1, 0.9, np.eye(40, dtype=np.uint8))
        return [alarm] if sample.name == "test5.png" else exact(sample, truth)[1:]

    evaluate_made(tmp_path / "out", data, one_wrong, conf=0.5)
    rows = list(csv.DictReader((tmp_path / "out/images.csv").read_text().splitlines()))
    assert [row["image"] for row in rows] == [f"test{number}.png" for number in range(6)]
    last, first = rows[5], rows[0]
    assert (last["truth_objects"], last["predicted_objects"], last["false_alarms"], last["iou"]) == (
        *("0", "1", "1"),
        "0.000000",
    )
    assert (last["presence_truth"], last["presence_verdict"], last["group"]) == ("0", "1", "scene test 2")
    assert (first["missed"], first["false_alarms"]) == ("1", "0")
    assert int(first["predicted_objects"]) == int(first["truth_objects"]) - 1


def test_curves_are_strict_json_for_every_class(tmp_path, data):
    evaluate_made(tmp_path / "out", data, sloppy)
    curves = json.loads((tmp_path / "out/curves.json").read_text(), parse_constant=pytest.fail)
    assert set(curves["pr"]["mask"]) == set(NAMES)
    assert set(curves["roc"]) == set(curves["reliability"]) == {*NAMES, "any"}
    assert np.shape(curves["confusion"]["counts"]) == (3, 3)
    assert (curves["roc"]["any"]["fpr"][0], curves["roc"]["any"]["tpr"][-1]) == (0, 1)


def test_the_same_evaluation_gives_the_same_files(tmp_path, data):
    for name in ("a", "b"):
        evaluate_made(tmp_path / name, data, sloppy)
    for file in ("metrics.json", "curves.json", "images.csv", "thresholds.json"):
        assert (tmp_path / "a" / file).read_bytes() == (tmp_path / "b" / file).read_bytes()
