import pickle
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image
from pycocotools import mask as coco_mask

from make import ragged, write_image
from seepseg import rle
from seepseg.errors import SourceError, UsageError
from seepseg.labels.masks import read_masks
from seepseg.values import LabelledImage, Source


def folders(root: Path, *masks: NDArray[Any], suffix: str = ".png") -> tuple[Path, Path]:
    """An image and a mask for each array; the images' content does not matter here."""
    for number, mask in enumerate(masks):
        write_image(root / "images" / f"{number}.jpg", np.zeros(mask.shape[:2], np.uint8))
        path = root / "masks" / f"{number}{suffix}"
        path.parent.mkdir(exist_ok=True)
        Image.fromarray(mask).save(path)
    return root / "images", root / "masks"


def read(source: Source, number: int = 0, size: tuple[int, int] | None = None) -> LabelledImage:
    item = source.items[number]
    width, height = size or cv2.imread(str(item.image)).shape[1::-1]
    return source.read(item, width, height)


def painted(labels: LabelledImage) -> NDArray[np.int64]:
    """Class id + 1 of each pixel, by pycocotools."""
    canvas = np.zeros((labels.height, labels.width), np.int64)
    for one in labels.instances:
        bitmap = coco_mask.decode({"size": [labels.height, labels.width], "counts": one.rle})
        canvas[bitmap > 0] = one.class_id + 1
    return canvas


def ignored(labels: LabelledImage) -> list[list[int]]:
    assert labels.ignore is not None
    return rle.decode(labels.ignore, labels.width, labels.height).tolist()


SMALL = np.array([[0, 0, 1, 1], [0, 2, 0, 0], [3, 0, 0, 2]], np.uint8)


def test_each_value_is_a_class(tmp_path: Path):
    source = read_masks(*folders(tmp_path, SMALL), names=["a", "b", "c"])
    assert source.names == ("a", "b", "c")
    assert painted(read(source)).tolist() == SMALL.tolist()


def test_each_component_of_a_class_is_an_instance(tmp_path: Path):
    rng = np.random.default_rng(3)
    mask = (ragged(rng, 60, 80) * rng.integers(1, 4, (60, 80)).astype(np.uint8)).astype(np.uint8)
    labels = read(read_masks(*folders(tmp_path, mask), names=["a", "b", "c"]))
    counts = [cv2.connectedComponents((mask == value).astype(np.uint8), connectivity=8)[0] - 1 for value in (1, 2, 3)]
    assert [sum(one.class_id == class_id for one in labels.instances) for class_id in range(3)] == counts
    assert np.array_equal(painted(labels), mask)


def test_the_reader_can_be_sent_to_a_worker(tmp_path: Path):
    source = read_masks(*folders(tmp_path, SMALL), names=["a", "b", "c"])
    item, again = pickle.loads(pickle.dumps((source.items[0], source.read)))
    assert np.array_equal(painted(again(item, 4, 3)), SMALL)


def test_what_was_decided_is_noted_and_recorded_without_absolute_paths(tmp_path: Path):
    source = read_masks(*folders(tmp_path, SMALL), names=["a", "b", "c"])
    assert source.notes[-1] == "mask values: 0 = background; 1 = a; 2 = b; 3 = c"
    assert source.settings["pairs"] == ["{}.jpg", "{}.png"]
    assert str(tmp_path) not in repr(source.settings)


def test_sixteen_bit_tiffs_are_classes(tmp_path: Path):
    source = read_masks(*folders(tmp_path, SMALL.astype(np.uint16), suffix=".tif"), names=["a", "b", "c"])
    assert np.array_equal(painted(read(source)), SMALL)


def test_ignored_values_are_kept_apart(tmp_path: Path):
    mask = np.array([[0, 1, 255], [255, 2, 1]], np.uint8)
    labels = read(read_masks(*folders(tmp_path, mask), names=["a", "b"], ignore="255"))
    assert painted(labels).tolist() == [[0, 1, 0], [0, 2, 1]]
    assert ignored(labels) == [[0, 0, 1], [1, 0, 0]]


def test_a_negative_value_may_be_ignored(tmp_path: Path):
    mask = np.array([[-1, 0, 1]], np.int32)
    labels = read(read_masks(*folders(tmp_path, mask, suffix=".tif"), names=["water"], ignore="-1"))
    assert painted(labels).tolist() == [[0, 0, 1]]
    assert ignored(labels) == [[1, 0, 0]]


def test_a_mask_without_ignored_pixels_has_none(tmp_path: Path):
    assert read(read_masks(*folders(tmp_path, SMALL), names=["a", "b", "c"], ignore="255")).ignore is None


def test_values_without_a_name_are_listed_with_the_way_out(tmp_path: Path):
    source = read_masks(*folders(tmp_path, SMALL), names=["a"], values="1")
    with pytest.raises(SourceError) as error:
        read(source)
    assert "0.png: 3 pixels (25.0%) hold values without a name: 2 (2), 3 (1); say" in str(error.value)
    assert "--ignore" in str(error.value)


def test_camvid_has_classes_from_zero_and_void_at_eleven(tmp_path: Path):
    mask = np.array([[0, 1, 11], [11, 2, 0]], np.uint8)
    source = read_masks(*folders(tmp_path, mask), names=["sky", "road", "car"], background="none", ignore="11")
    labels = read(source)
    assert painted(labels).tolist() == [[1, 2, 0], [0, 3, 1]]
    assert ignored(labels) == [[0, 0, 1], [1, 0, 0]]


def test_a_trimap_is_pet_and_boundary(tmp_path: Path):
    mask = np.array([[2, 2, 3], [2, 3, 1], [3, 1, 1]], np.uint8)
    source = read_masks(*folders(tmp_path, mask), names=["pet", "boundary"], background="2")
    assert source.notes[-1] == "mask values: 2 = background; 1 = pet; 3 = boundary"
    assert painted(read(source)).tolist() == [[0, 0, 2], [0, 2, 1], [2, 1, 1]]


@pytest.mark.parametrize("one", [1, 255])
def test_one_name_takes_whatever_stands_for_yes(tmp_path: Path, one: int):
    mask = np.array([[0, one], [0, 0]], np.uint8)
    assert painted(read(read_masks(*folders(tmp_path, mask), names=["oil"]))).tolist() == [[0, 1], [0, 0]]


def test_one_and_255_in_one_file_are_not_merged(tmp_path: Path):
    source = read_masks(*folders(tmp_path, np.array([[0, 1, 255]], np.uint8)), names=["oil"])
    with pytest.raises(SourceError, match="holds 1 and 255"):
        read(source)


def test_greys_are_reported_with_the_flag_to_add(tmp_path: Path):
    mask = cv2.GaussianBlur(ragged(np.random.default_rng(0), 64, 64) * 255, (5, 5), 0)
    source = read_masks(*folders(tmp_path, mask), names=["oil"])
    with pytest.raises(SourceError, match=r"0\.png: .* pixels \(.*%\) are greys, .* --threshold 127"):
        read(source)


def test_a_threshold_parts_greys_and_counts_them(tmp_path: Path):
    mask = np.array([[0, 127, 128, 255]], np.uint8)
    source = read_masks(*folders(tmp_path, mask, mask // 255 * 255), names=["oil"], threshold=127)
    labels = read(source)
    assert painted(labels).tolist() == [[0, 0, 1, 1]]
    assert [(skip.reason, skip.where) for skip in labels.skipped] == [("greys thresholded", "0.png: 50.0% of pixels")]
    assert not read(source, 1).skipped


def test_dark_on_white_is_taken_by_invert(tmp_path: Path):
    mask = np.dstack([np.array([[0, 127, 128, 255]], np.uint8)] * 3)
    source = read_masks(*folders(tmp_path, mask), names=["oil"], threshold=127, invert=True)
    assert source.notes[-1] == "a mask value of 127 or less is oil"
    assert painted(read(source)).tolist() == [[1, 1, 0, 0]]


def test_invert_alone_takes_clean_masks(tmp_path: Path):
    source = read_masks(*folders(tmp_path, np.array([[0, 255, 255]], np.uint8)), names=["oil"], invert=True)
    assert painted(read(source)).tolist() == [[1, 0, 0]]


def test_shares_are_parted_by_a_threshold_and_missing_ones_ignored(tmp_path: Path):
    mask = np.array([[0.1, 0.9, np.nan]], np.float32)
    where = folders(tmp_path, mask, suffix=".tif")
    labels = read(read_masks(*where, names=["oil"], threshold=0.5, ignore="nan"))
    assert painted(labels).tolist() == [[0, 1, 0]]
    assert ignored(labels) == [[0, 0, 1]]
    with pytest.raises(SourceError, match="--ignore nan"):
        read(read_masks(*where, names=["oil"], threshold=0.5))


def colour_folders(root: Path) -> tuple[Path, Path, Path]:
    mask = np.zeros((2, 3, 3), np.uint8)
    mask[0, 1], mask[1, 0], mask[1, 2] = (128, 0, 0), (0, 128, 0), (0, 0, 128)
    table = root / "label_colors.txt"
    table.write_text("0 0 0\tVoid\n128 0 0\tOil\n0 128 0\tShip\n0 0 128\tEdge\n")
    return *folders(root, mask), table


def test_colours_become_classes_by_their_table(tmp_path: Path):
    images, masks, table = colour_folders(tmp_path)
    labels = read(read_masks(images, masks, colours=table, ignore="Edge"))
    assert painted(labels).tolist() == [[0, 1, 0], [2, 0, 0]]
    assert ignored(labels) == [[0, 0, 0], [0, 0, 1]]


def test_a_colour_that_the_table_lacks_is_an_error(tmp_path: Path):
    images, masks, table = colour_folders(tmp_path)
    table.write_text("128 0 0 Oil\n0 128 0 Ship\n")
    with pytest.raises(SourceError, match=r"a value without a name: #000080 \(1\); add them to the colour table"):
        read(read_masks(images, masks, colours=table))


def test_palette_masks_go_by_colour_where_a_table_is_given(tmp_path: Path):
    images, masks, table = colour_folders(tmp_path)
    with Image.open(masks / "0.png") as image:
        image.quantize(4).save(masks / "0.png")
    assert painted(read(read_masks(images, masks, colours=table))).tolist() == [[0, 1, 0], [2, 0, 3]]


def test_a_mask_of_another_size_is_an_error(tmp_path: Path):
    source = read_masks(*folders(tmp_path, SMALL), names=["a", "b", "c"])
    with pytest.raises(SourceError, match="mask is 4×3, its image 8×6"):
        read(source, size=(8, 6))


def test_an_image_without_a_mask_may_be_background(tmp_path: Path):
    images, masks = folders(tmp_path, SMALL, SMALL)
    (masks / "1.png").unlink()
    source = read_masks(images, masks, names=["a", "b", "c"], unmatched="background")
    assert read(source, 1) == LabelledImage(4, 3)


@pytest.mark.parametrize(
    ("settings", "problem"),
    [
        ({}, "--names is missing"),
        ({"names": ["a", "b"], "threshold": 1}, "--threshold parts a mask in two"),
        ({"names": ["a"], "threshold": 1, "values": "1"}, "--threshold and --values"),
        ({"names": ["a"], "invert": True, "background": "0"}, "--invert and --background"),
        ({"colours": Path("c.txt"), "values": "1"}, "--values and --colours"),
    ],
)
def test_settings_that_do_not_go_together_are_refused(tmp_path: Path, settings: dict[str, Any], problem: str):
    with pytest.raises(UsageError, match=problem):
        read_masks(tmp_path, tmp_path, **settings)


@pytest.mark.parametrize("suffix", [".gif", ".bmp"])
def test_palette_files_of_other_kinds_are_classes(tmp_path: Path, suffix: str):
    source = read_masks(*folders(tmp_path, SMALL, suffix=suffix), names=["a", "b", "c"])
    assert painted(read(source)).tolist() == SMALL.tolist()


def test_a_mask_that_is_all_object_is_one_instance_of_all_pixels(tmp_path: Path):
    (one,) = read(read_masks(*folders(tmp_path, np.full((7, 9), 255, np.uint8)), names=["oil"])).instances
    assert (one.area, one.bbox) == (63, (0, 0, 9, 7))


def test_a_threshold_that_no_mask_reaches_is_refused(tmp_path: Path):
    with pytest.raises(SourceError, match="no mask value is above --threshold 127; the greatest is 2;"):
        read_masks(*folders(tmp_path, np.zeros_like(SMALL), np.minimum(SMALL, 2)), names=["a"], threshold=127)


@pytest.mark.parametrize("last", [0, 128])
def test_masks_that_are_blank_or_have_one_object_among_faint_ones_are_read(tmp_path: Path, last: int):
    faint = np.zeros((60, 2, 3), np.uint8)
    faint[:-1, 0, 0], faint[-1, 1, 1] = min(last, 3), last
    source = read_masks(*folders(tmp_path, *faint), names=["a"], threshold=127)
    assert sum(len(read(source, number).instances) for number in range(60)) == (last > 0)


def test_ignored_values_do_not_reach_a_threshold(tmp_path: Path):
    masks = folders(tmp_path, np.array([[0, 1, 255]], np.uint8))
    with pytest.raises(SourceError, match="the greatest is 1"):
        read_masks(*masks, names=["a"], threshold=127, ignore="255")


def test_a_broken_mask_does_not_hide_that_no_other_reaches_a_threshold(tmp_path: Path):
    images, masks = folders(tmp_path, SMALL, np.minimum(SMALL, 2))
    (masks / "0.png").write_bytes(b"no picture")
    with pytest.raises(SourceError, match="no mask value is above --threshold 127; the greatest is 2;"):
        read_masks(images, masks, names=["a"], threshold=127)


def test_a_broken_mask_is_told_when_it_is_converted_though_values_are_looked_for_before(tmp_path: Path):
    images, masks = folders(tmp_path, SMALL, SMALL)
    (masks / "0.png").write_bytes(b"no picture")
    source = read_masks(images, masks, names=["a", "b"], background="0,3")
    assert source.notes[-1] == "mask values: 0,3 = background; 1 = a; 2 = b"
    with pytest.raises(SourceError, match=r"0\.png: cannot be read"):
        read(source)


def test_where_every_mask_is_broken_there_are_no_values_to_find(tmp_path: Path):
    images, masks = folders(tmp_path, SMALL)
    (masks / "0.png").write_bytes(b"no picture")
    with pytest.raises(SourceError, match=r"0\.png: cannot be read"):
        read_masks(images, masks, names=["a", "b"], background="0,3")
