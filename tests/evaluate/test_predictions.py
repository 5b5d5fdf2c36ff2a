import numpy as np
import pytest

from make import write_image
from make_dataset import write_dataset
from make_subject import NAMES, class_maps, scenes_dataset
from seepseg.errors import SourceError, UsageError
from seepseg.evaluate.predictions import order_classes
from seepseg.evaluate.run import Request, evaluate

MAPS = {f"test{number}.png": tile for number, tile in enumerate(class_maps(6, seed=1))}


@pytest.fixture
def data(tmp_path):
    return scenes_dataset(tmp_path / "data")


def judge(tmp_path, data, maps):
    """What an evaluation says of these masks."""
    for name, tile in maps.items():
        write_image(tmp_path / "masks" / name, tile)
    request = Request(data, masks=tmp_path / "masks", out=tmp_path / "out", replicates=40, report=False)
    return evaluate(request)


def test_masks_equal_to_the_truth_have_one_everywhere_and_no_objects(tmp_path, data):
    report = judge(tmp_path, data, MAPS)
    assert (report["pixels"]["miou"], report["pixels"]["accuracy"], report["presence"]["f1"]) == (1, 1, 1)
    assert {report[key] for key in ("mask", "box", "fitted", "thresholds", "imgsz", "speed_ms")} == {None}


def test_blank_masks_are_what_accuracy_of_blank_says(tmp_path, data):
    pixels = judge(tmp_path, data, {name: tile * 0 for name, tile in MAPS.items()})["pixels"]
    background = np.mean([tile == 0 for tile in MAPS.values()])
    assert pixels["accuracy"] == pixels["accuracy_of_blank"] == pytest.approx(background)
    assert (pixels["miou"], pixels["miou_foreground"]) == (pytest.approx(background / 3), 0)


def test_shifted_masks_have_the_overlap_that_numpy_counts(tmp_path, data):
    moved = {name: np.roll(tile, 2, axis=1) for name, tile in MAPS.items()}
    pixels = judge(tmp_path, data, moved)["pixels"]
    true, found = (np.stack(list(maps.values())) for maps in (MAPS, moved))
    for value, name in enumerate(NAMES, 1):
        shared, union = ((true == value) & (found == value)).sum(), ((true == value) | (found == value)).sum()
        assert pixels["per_class"][name]["iou"] == pytest.approx(shared / union)
    assert pixels["accuracy"] == pytest.approx((true == found).mean())


def test_masks_of_zero_and_255_are_understood_where_there_is_one_class(tmp_path):
    oil = {name: (tile > 0).astype(np.uint8) for name, tile in MAPS.items()}
    data = write_dataset(tmp_path / "data", {"test": oil}, names=("oil",))
    report = judge(tmp_path, data, {name: tile * 255 for name, tile in oil.items()})
    assert report["pixels"]["miou"] == 1


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (lambda file: file.unlink(), "test3.png: no mask for test3.png"),
        (lambda file: write_image(file, np.zeros((40, 39), np.uint8)), "the mask is 39×40, its image 40×40"),
        (lambda file: write_image(file, np.full((40, 40), 7, np.uint8)), "has the value 7"),
        (lambda file: file.write_bytes(b"no image"), "test3.png"),
        (lambda file: write_image(file, np.full((40, 40, 3), (0, 90, 200), np.uint8)), "colour.*--masks takes PNGs"),
    ],
)
def test_a_mask_that_cannot_be_is_named(tmp_path, data, spoil, said):
    for name, tile in MAPS.items():
        write_image(tmp_path / "masks" / name, tile)
    spoil(tmp_path / "masks/test3.png")
    with pytest.raises(SourceError, match=said):
        evaluate(Request(data, masks=tmp_path / "masks", out=tmp_path / "out"))
    assert not (tmp_path / "out").exists()


def test_classes_in_another_order_are_told_apart_by_name():
    assert order_classes(("ship", "oil"), NAMES) == (1, 0)


@pytest.mark.parametrize(
    ("model", "said"),
    [
        (("oil", "wake"), "the model has the classes oil, wake; the dataset has oil, ship"),
        (("oil",), "--merge"),
        (("oil", "ship", "wake"), "rename"),
    ],
)
def test_other_classes_are_refused_with_both_lists(model, said):
    with pytest.raises(UsageError, match=said):
        order_classes(model, NAMES)
