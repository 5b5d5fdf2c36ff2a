import json

import pytest

from edge.conftest import NAMES, chosen_thresholds
from make_parity import differing_parity
from seepseg.edge.account import describe, find_metrics
from seepseg.edge.card import write_card
from seepseg.edge.loss import Loss
from seepseg.predict.engine import open_model

RECIPE = """\
name: set
title: A set of slicks
licence: CC BY 4.0
citation: Someone, 2020
layout: images
obtain: Ask them.
convert:
  - kind: masks
    paths: [images, masks]
    flags: {names: oil}
"""
PER_CLASS = {name: {"ap50": 0.5, "iou": 0.4, "instances": count} for name, count in zip(NAMES, (90, 7, 0), strict=True)}
METRICS = {
    "split": "test",
    "imgsz": 64,
    "images": 12,
    "images_with_objects": 9,
    "groups": 3,
    "mask": {"map50": 0.61234, "map50_95": 0.3, "per_class": PER_CLASS},
    "pixels": {"miou": 0.7, "miou_foreground": None, "dice": 0.8, "per_class": PER_CLASS},
    "presence": {"precision": 0.9, "recall": 0.95, "f1": 0.92, "auroc": None},
    "ci95": {"mask.map50": [0.5123, 0.7123], "mask.per_class.class1.ap50": [0.1, 0.9]},
}


@pytest.fixture(scope="module")
def facts(edge_run):
    weights = edge_run / "weights/best.pt"
    model = open_model(edge_run, engine="torch", device="cpu")
    described = describe(weights, model, ("torchscript",), None, dynamic=False)
    return described | {"parity": {"images": "3 test images of set"}}


def card(facts, metrics=METRICS, losses=(), parities=()):
    return write_card(facts, metrics, parities, losses, {"torchscript": 2_000_000})


def rows(text, first):
    return [line for line in text.splitlines() if line.startswith(f"| {first} |")]


def test_figures_come_with_their_intervals(facts):
    text = card(facts)
    assert rows(text, "mask mAP50") == ["| mask mAP50 | 0.612 | 0.512 to 0.712 |"]
    assert rows(text, "class1") == [
        "| class1 | 7 | 0.500 | 0.100 to 0.900 | 0.400 | - |",
        "| class1 | 0.5 | 0.900 | 0.800 | 0.6 | - | - |",
    ]
    assert "12 images from 3 groups, 9 with objects" in text


def test_what_was_not_measured_is_left_out(facts):
    assert "presence AUROC" not in card(facts)


def test_thresholds_come_with_precision_and_recall(facts):
    assert rows(card(facts), "class0")[1] == "| class0 | 0.3 | 0.900 | 0.800 | 0.2 | - | - |"
    assert rows(card(facts), "anything at all") == ["| anything at all |  |  |  | 0.15 | - | - |"]


def test_classes_of_few_objects_are_a_limit(facts):
    text = card(facts)
    assert "below 30 in the evaluation): class1." in text
    assert "Never seen in the evaluation: class2." in text


def test_a_set_that_is_mostly_full_limits_what_a_probability_says(facts):
    assert "that chose thresholds hold something" not in card(facts)
    shared = facts | {"presence": facts["presence"] | {"any": facts["presence"]["any"] | {"share": 0.96}}}
    assert "- 96% of the images that chose thresholds hold something" in card(shared)


def test_without_an_evaluation_it_says_how_to_make_one(facts):
    assert "holds no evaluation of these weights: `seepseg eval RUN" in card(facts, None)


def test_how_values_become_pixels_is_told(facts):
    assert "band 1 in dB, -35 to 0 as 8 bits (rule db), 20 m each" in card(facts)


def test_parity_and_loss_stand_in_tables(facts):
    figures = {"map50": 0.5, "map50_95": 0.25, "miou": 0.75}
    loss = Loss("onnx", "int8", "9 val images of set", figures, figures | {"miou": None})
    text = card(facts, losses=[loss], parities=[differing_parity()])
    assert "| torchscript | edge | fp32 | 9 | 2 | 1 | 5e-01 / 1e-01 |" in text
    assert rows(text, "onnx") == ["| onnx | int8 | 0.500 | 0.250 | - |"]
    assert "mIoU - instead of 0.750 on 9 val images of set" in loss.told


def test_a_name_cannot_break_a_table(facts):
    names = ["a|b", *NAMES[1:]]
    said = facts | {"names": names, "confidence": None}
    assert "| a\\|b |" in card(said)


def test_a_way_to_run_it_that_a_classifier_has_not_is_not_promised(facts):
    assert "./seepseg-edge BUNDLE" in card(facts)
    assert "seepseg-edge" not in card(facts | {"task": "classify"})


def test_a_network_for_sequences_has_no_runner_in_cpp_and_says_what_it_sees(facts):
    text = card(facts | {"frames": 4})
    assert "seepseg-edge" not in text
    assert "- It sees 4 frames of a sequence" in text


def test_masks_that_are_laid_over_boxes_are_a_limit_of_their_own_and_need_another_engine(facts):
    text = card(facts | {"masks_by_box": True})
    assert "seepseg-edge" not in text
    assert "numpy and onnxruntime or openvino, once exported for it, and nothing else" in text
    assert "- Masks are 28 × 28 cells" in text
    assert "a quarter of the network's input" not in text


def test_a_classifier_is_told_of_as_one_that_finds_no_objects(facts):
    text = card(facts | {"task": "classify"})
    assert "They decide whether an image holds the class" in text
    assert "In words: Precision is how many of the images" in text
    assert "mask AP50" not in text


def test_what_fewer_bits_lose_is_told_also_where_it_was_not_measured(facts):
    assert "## Fewer bits" not in card(facts)
    assert "What that loses was not measured" in card(facts | {"fast": {"onnx": {"precision": "int8"}}})


def with_record(run, tmp_path, **dataset):
    weights = tmp_path / "run/weights/best.pt"
    weights.parent.mkdir(parents=True)
    weights.write_bytes((run / "weights/best.pt").read_bytes())
    (tmp_path / "run/record.json").write_text(json.dumps({"dataset": {"hash": "abc", **dataset}}))
    (tmp_path / "set.yaml").write_text(RECIPE)
    model = open_model(weights, engine="torch", device="cpu")
    return describe(weights, model, ("torchscript",), tmp_path / "set/data.yaml", dynamic=False) | {
        "parity": {"images": ""}
    }


def test_the_licence_is_that_of_the_recipe_beside_the_dataset(edge_run, tmp_path):
    text = card(with_record(edge_run, tmp_path))
    assert "Data: A set of slicks" in text
    assert "Licence of the data: CC BY 4.0" in text
    assert "Citation: Someone, 2020" in text


def test_a_record_that_names_the_licence_counts_more(edge_run, tmp_path):
    assert "Licence of the data: CC0" in card(with_record(edge_run, tmp_path, licence="CC0"))


def test_a_licence_that_nobody_says_is_unknown(facts):
    assert "Licence of the data: unknown" in card(facts)


def evaluation(folder, sha256, split):
    folder.mkdir(exist_ok=True)
    (folder / "metrics.json").write_text(json.dumps({"split": split, "made": {"weights_sha256": sha256}}))


def test_only_an_evaluation_of_these_weights_counts_and_test_before_val(tmp_path):
    evaluation(tmp_path, "mine", "val")
    evaluation(tmp_path / "a", "other", "test")
    (tmp_path / "b").mkdir()
    (tmp_path / "b/metrics.json").write_text("{")
    assert find_metrics(tmp_path, "mine")["split"] == "val"
    evaluation(tmp_path / "c", "mine", "test")
    assert find_metrics(tmp_path, "mine")["split"] == "test"
    assert find_metrics(tmp_path, "nobody's") is None


def test_thresholds_are_those_of_the_run(facts):
    assert facts["confidence"]["class1"]["threshold"] == chosen_thresholds().confidence[1].value
