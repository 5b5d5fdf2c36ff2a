import json

import cv2
import numpy as np
import pytest
from PIL import Image

from make import ragged
from make_evaluated import as_prediction, as_truth, square
from seepseg import rle
from seepseg.errors import UsageError
from seepseg.palette import COLOURS
from seepseg.report.failures import find_contrast, find_worst, kinds_of, write_failures
from seepseg.report.results import COUNTS, ImageRow
from seepseg.report.sheets import DIFFERENCES, draw_cells, write_sheet

HIT, MISSED, FALSE, CONFUSED = DIFFERENCES.values()
EYES = {
    "full": np.eye(3),
    "without red": [[0.152, 1.053, -0.205], [0.115, 0.786, 0.099], [-0.004, -0.048, 1.052]],
    "without green": [[0.367, 0.861, -0.228], [0.280, 0.673, 0.047], [-0.012, 0.043, 0.969]],
    "without blue": [[1.256, -0.077, -0.179], [-0.078, 0.931, 0.148], [0.005, 0.691, 0.304]],
}
"""What is left of linear red, green and blue (Machado, Oliveira and Fernandes 2009)."""


def row(image, iou=None, *, objects=1, missed=0, false_alarms=0, confused=0, there=1.0, told=1.0):
    counts = dict(zip(COUNTS, (objects, objects, missed, false_alarms, confused), strict=True))
    measures = {"iou": iou, "presence_score": 0.5, "presence_truth": there, "presence_verdict": told}
    return ImageRow(image, None, counts, measures)


def names(failures):
    return [one.row.image for one in failures]


def test_the_lowest_iou_comes_first():
    images = [row("a", 0.9), row("b", 0.1), row("c", 0.5)]
    assert names(find_worst(images)) == ["b", "c", "a"]


def test_of_equal_iou_more_wrong_objects_come_first_and_then_the_name():
    images = [row("c", 0.0, missed=1), row("b", 0.0, missed=1), row("a", 0.0), row("d", 0.0, missed=1, false_alarms=1)]
    assert names(find_worst(images)) == ["d", "b", "c", "a"]


def test_images_with_nothing_in_them_or_nothing_wrong_are_no_failures():
    assert find_worst([row("empty"), row("perfect", 1.0)]) == []


@pytest.mark.parametrize("figure", ["missed", "false_alarms", "confused"])
def test_counts_rank_from_the_highest_and_leave_out_none(figure):
    images = [row("a", 0.1), row("b", 0.9, **{figure: 1}), row("c", 0.9, **{figure: 3})]
    found = find_worst(images, figure)
    assert [(one.row.image, one.value) for one in found] == [("c", 3), ("b", 1)]


def test_no_more_are_shown_than_asked_for():
    assert names(find_worst([row(str(n), n / 10) for n in range(9)], most=2)) == ["0", "1"]


def test_an_unknown_figure_is_a_sentence():
    with pytest.raises(UsageError, match="--worst-by beauty: give one of iou, missed"):
        find_worst([], "beauty")


def test_an_image_is_of_every_kind_that_it_has():
    assert kinds_of(row("a", missed=1, false_alarms=2)) == ("miss", "false alarm")
    assert kinds_of(row("a", confused=1)) == ("confused",)
    assert kinds_of(row("a", 0.6)) == ()


@pytest.mark.parametrize(
    ("there", "told", "kinds"), [(1, 0, ("miss",)), (0, 1, ("false alarm",)), (1, 1, ()), (0, 0, ())]
)
def test_without_counts_of_objects_presence_tells_the_kind(there, told, kinds):
    assert kinds_of(row("a", missed=None, false_alarms=None, confused=None, there=there, told=told)) == kinds


def test_for_contrast_the_best_and_the_middle_that_hold_objects():
    images = [row(f"{n}", n / 10) for n in range(10)] + [row("empty", None, objects=0)]
    found = find_contrast(images, find_worst(images, most=3))
    assert [(one.row.image, one.why) for one in found] == [
        ("9", "best"),
        ("8", "best"),
        ("6", "typical"),
        ("5", "typical"),
    ]


def test_failures_json_has_them_in_order(tmp_path):
    write_failures(tmp_path / "failures.json", find_worst([row("ä\udc80", 0.5), row("b", 0.25, missed=1)]))
    first, second = json.loads((tmp_path / "failures.json").read_text())
    assert (first["image"], first["figure"], first["value"], first["kinds"]) == ("b", "iou", 0.25, ["miss"])
    assert (second["image"], second["sheet"]) == ("ä?", None)


def difference_of(truth, prediction, pixels=None):
    pixels = np.full((8, 8), 100, np.uint8) if pixels is None else pixels
    return draw_cells(pixels, truth, prediction, 8)[3]


def test_each_pixel_of_the_difference_says_what_it_is():
    truth = as_truth((0, square(0, 0, 4)), (1, square(4, 4, 2)))
    found = difference_of(truth, as_prediction((0, 0.9, square(0, 2, 4)), (0, 0.9, square(4, 4, 2))))
    assert tuple(found[0, 2]) == HIT
    assert tuple(found[0, 0]) == MISSED
    assert tuple(found[0, 5]) == FALSE
    assert tuple(found[4, 4]) == CONFUSED
    assert tuple(found[7, 0]) == (40, 40, 40)


@pytest.mark.parametrize("eyes", EYES.values(), ids=EYES.keys())
def test_missed_looks_like_no_class_and_like_no_other_difference(eyes):
    greys = [(level,) * 3 for level in range(0, 103)]
    others = [*COLOURS, *greys, *(colour for name, colour in DIFFERENCES.items() if name != "missed")]
    apart = np.linalg.norm(as_seen(others, eyes) - as_seen([MISSED], eyes), axis=1)
    assert apart.min() > 25


def as_seen(colours, eyes):
    """In CIELAB, where 2 is what one can just tell apart."""
    share = np.array(colours) / 255
    linear = np.where(share <= 0.04045, share / 12.92, ((share + 0.055) / 1.055) ** 2.4)
    seen = (linear @ np.array(eyes).T).clip(0, 1).astype(np.float32)
    return cv2.cvtColor(seen[None], cv2.COLOR_LRGB2LAB)[0]


def test_overlapping_classes_are_hit_where_one_is_right():
    truth = as_truth((0, square(0, 0, 4)), (1, square(0, 0, 4)))
    assert tuple(difference_of(truth, as_prediction((1, 0.9, square(0, 0, 4))))[1, 1]) == HIT


def test_ignored_pixels_are_neither_right_nor_wrong():
    truth = as_truth((0, square(0, 0, 4)), ignore=square(0, 0, 2))
    found = difference_of(truth, as_prediction(size=8))
    assert tuple(found[0, 0]) == (40, 40, 40)
    assert tuple(found[3, 3]) == MISSED


def test_a_single_missed_pixel_shows_in_a_reduced_picture():
    dot = np.zeros((400, 400), np.uint8)
    dot[123, 77] = 1
    found = draw_cells(np.zeros((400, 400), np.uint8), as_truth((0, dot)), as_prediction(size=400), 100)[3]
    assert (found == MISSED).all(axis=2).sum() == 1


def test_the_pixels_of_the_difference_add_up_to_the_counts():
    rng = np.random.default_rng(3)
    true, told = ragged(rng, 60, 60), ragged(rng, 60, 60)
    found = draw_cells(np.zeros((60, 60), np.uint8), as_truth((0, true)), as_prediction((0, 0.9, told)), 60)[3]
    counts = [(found == colour).all(axis=2).sum() for colour in (HIT, MISSED, FALSE)]
    assert counts == [(true & told).sum(), (true & ~told & 1).sum(), (told & ~true & 1).sum()]


@pytest.mark.parametrize("shape", [(8, 8), (8, 8, 3)])
def test_grey_and_colour_images_are_shown_as_they_are(shape):
    pixels = np.arange(np.prod(shape), dtype=np.uint8).reshape(shape)
    photo = draw_cells(pixels, as_truth(), as_prediction(size=8), 8)[0]
    assert np.array_equal(photo[..., ::-1] if len(shape) == 3 else photo[..., 0], pixels)


def test_a_sheet_is_a_jpeg_with_four_pictures_side_by_side(tmp_path):
    cells = draw_cells(np.zeros((30, 60), np.uint8), as_truth_of(60, 30), as_prediction_of(60, 30), 200)
    write_sheet(tmp_path / "a.jpg", cells, "a" * 500, ["oil", "", "日本"])
    with Image.open(tmp_path / "a.jpg") as sheet:
        assert sheet.format == "JPEG"
        assert sheet.width > 4 * 200
        assert sheet.height > 100


def as_truth_of(width, height):
    truth = as_truth((0, np.ones((height, width), np.uint8)))
    assert rle.decode(truth.objects[0].rle, width, height).all()
    return truth


def as_prediction_of(width, height):
    return as_prediction((0, 0.5, np.ones((height, width), np.uint8)))
