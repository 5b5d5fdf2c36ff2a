import json

import numpy as np
import pytest
from pycocotools import mask as coco_mask

from seepseg.edge.answer import Answer, answer_as_json, render
from seepseg.outputs.verdict import Verdict
from seepseg.values import Detection, Prediction

MASK = np.array([[0, 1, 1], [1, 1, 0]], np.uint8)
PREDICTION = Prediction(
    9,
    7,
    (
        Detection(1, 0.87654321, (2.0, 3.25, 5.1234567, 5.0), MASK, 2, 3),
        Detection(0, 0.5, (0, 0, 1, 1), MASK[:0, :0], 0, 0),
    ),
    ("oil", "ship"),
)
ANSWER = Answer(PREDICTION, Verdict(True, 0.87654321, None, 0.25))


def test_the_masks_are_cocos():
    instance = answer_as_json("a.pgm", ANSWER)["instances"][0]
    (rle,) = coco_mask.frPyObjects([instance["rle"]], 7, 9)
    np.testing.assert_array_equal(coco_mask.decode(rle), PREDICTION.masks[0])
    assert instance["area"] == coco_mask.area(rle) == 4


def test_a_detection_without_a_pixel_has_an_empty_mask():
    instance = answer_as_json("a.pgm", ANSWER)["instances"][1]
    assert (instance["area"], instance["rle"]) == (0, {"size": [7, 9], "counts": [63]})


def test_numbers_have_six_digits():
    told = json.loads(json.dumps(answer_as_json("a.pgm", ANSWER)))
    assert told["verdict"] == {"present": True, "score": 0.876543, "probability": None, "threshold": 0.25}
    one = told["instances"][0]
    assert (one["class"], one["class_id"], one["score"]) == ("ship", 1, 0.876543)
    assert one["box"] == [2.0, 3.25, 5.123457, 5.0]
    assert (told["image"], told["width"], told["height"]) == ("a.pgm", 9, 7)


@pytest.mark.parametrize(
    ("verdict", "words"),
    [
        (ANSWER.verdict, "a.pgm: holds something (confidence 0.88, threshold 0.25)"),
        (Verdict(False, 0.1, 0.03, 0.25), "a.pgm: holds nothing (confidence 0.10, probability 0.03, threshold 0.25)"),
    ],
)
def test_people_read_a_line_for_the_image_and_one_for_each_object(verdict, words):
    lines = render("a.pgm", Answer(PREDICTION, verdict)).splitlines()
    assert lines[0] == words
    assert lines[1] == "  ship  0.88  4 px  from (2, 3) to (5, 5)"
    assert len(lines) == 3
