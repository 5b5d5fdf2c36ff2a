import numpy as np
import pytest
import yaml

from make import grey_image, ragged
from make_dataset import write_dataset
from seepseg.dataset.layout import label_path, read_dataset
from seepseg.dataset.preview import CELL, EXTRA, MISSING, draw_sheet, own_split
from seepseg.errors import UsageError
from seepseg.palette import COLOURS, colour_of

BLOCK = np.zeros((60, 90), np.uint8)
BLOCK[10:50, 10:50] = 2


def sheet_of(tmp_path, masks, **options):
    truth = options.pop("truth", True)
    dataset = read_dataset(write_dataset(tmp_path, {"val": masks}, truth=truth))
    picture, shown = draw_sheet(dataset, "val", **options)
    return np.asarray(picture), shown


def count(pixels, colour):
    return int((pixels == colour).all(axis=2).sum())


def test_a_class_has_its_colour_in_truth_and_label(tmp_path):
    one, _ = sheet_of(tmp_path / "a", {"a.png": BLOCK})
    none, _ = sheet_of(tmp_path / "b", {"a.png": np.zeros_like(BLOCK)})
    edge = count(one, colour_of(1)) - count(none, colour_of(1))
    assert edge == pytest.approx(2 * 4 * 40 * CELL / 90, rel=0.1)


def test_the_difference_marks_what_either_side_lacks(tmp_path):
    root = write_dataset(tmp_path, {"val": {"a.png": BLOCK}}, imgsz=90)
    dataset = read_dataset(root)
    clean, _ = draw_sheet(dataset, "val")
    label_path(dataset.splits["val"][0]).write_text("1 .5 .2 .9 .2 .9 .8 .5 .8\n")
    moved, (one,) = draw_sheet(dataset, "val")
    clean, moved = np.asarray(clean), np.asarray(moved)
    assert count(moved, MISSING) - count(clean, MISSING) > 5000
    assert count(moved, EXTRA) - count(clean, EXTRA) > 5000
    assert one.iou < 0.3


def test_a_single_missing_pixel_of_a_large_image_still_shows(tmp_path):
    mask = np.zeros((900, 900), np.uint8)
    mask[100:110, 100:110] = mask[700, 700] = 1
    dataset = read_dataset(write_dataset(tmp_path, {"val": {"a.png": mask}}, imgsz=900))
    before = count(np.asarray(draw_sheet(dataset, "val")[0]), MISSING)
    labels = label_path(dataset.splits["val"][0])
    labels.write_text(labels.read_text().splitlines()[0])
    assert count(np.asarray(draw_sheet(dataset, "val")[0]), MISSING) == before + 1


def test_the_same_dataset_gives_the_same_sheet(tmp_path):
    masks = {f"{k}.png": ragged(np.random.default_rng(k), 40, 50) for k in range(4)}
    first, _ = sheet_of(tmp_path / "a" / "ds", masks, count=3)
    second, _ = sheet_of(tmp_path / "b" / "ds", masks, count=3)
    assert np.array_equal(first, second)


def test_images_with_objects_come_first(tmp_path):
    empty = np.zeros((20, 20), np.uint8)
    masks = {f"{k}.png": np.eye(20, dtype=np.uint8) if k in (3, 6) else empty for k in range(8)}
    _, shown = sheet_of(tmp_path, masks, count=2)
    assert [one.image.name for one in shown] == ["3.png", "6.png"]


def test_the_worst_are_those_whose_labels_differ_most(tmp_path):
    root = write_dataset(tmp_path, {"val": {f"{k}.png": BLOCK for k in range(5)}})
    dataset = read_dataset(root)
    for index, row in ((1, "1 .5 .2 .9 .2 .9 .8\n"), (3, "1 .1 .2 .5 .2 .5 .8 .1 .7\n")):
        label_path(dataset.splits["val"][index]).write_text(row)
    _, shown = draw_sheet(dataset, "val", count=2, worst=True)
    assert [one.image.name for one in shown] == ["1.png", "3.png"]


def test_without_truth_image_and_label_are_shown(tmp_path):
    _, (one,) = sheet_of(tmp_path, {"a.png": BLOCK}, truth=False)
    assert one.iou is None


def test_the_worst_need_a_truth(tmp_path):
    with pytest.raises(UsageError, match="--worst needs"):
        sheet_of(tmp_path, {"a.png": BLOCK}, truth=False, worst=True)


@pytest.mark.parametrize("worst", [False, True])
def test_truth_is_looked_up_where_the_images_lie(tmp_path, worst):
    root = write_dataset(tmp_path, {"train": {"a.png": BLOCK}, "val": {"b.png": BLOCK}})
    name_splits(root, train="images/val", val="images/train")
    (one,) = draw_sheet(read_dataset(root), "val", worst=worst)[1]
    assert (one.image.name, one.iou) == ("a.png", pytest.approx(1, abs=1e-3))


def test_val_is_shown_unless_its_images_are_those_of_train(tmp_path):
    root = write_dataset(tmp_path, {"train": {"a.png": BLOCK}, "val": {"b.png": BLOCK}})
    assert own_split(read_dataset(root)) == "val"
    name_splits(root, val="images/train")
    assert own_split(read_dataset(root)) == "train"


def test_the_title_says_where_images_are_those_of_train(tmp_path):
    root = write_dataset(tmp_path, {"train": {"a.png": BLOCK}, "val": {"b.png": BLOCK}})
    titles = []
    for folder in ("images/val", "images/train"):
        name_splits(root, val=folder)
        titles.append(np.asarray(draw_sheet(read_dataset(root), "val")[0])[:55])
    assert np.count_nonzero(titles[1] < 100) > 1.3 * np.count_nonzero(titles[0] < 100)


def name_splits(root, **folders):
    data = {**yaml.safe_load((root / "data.yaml").read_text()), **folders}
    (root / "data.yaml").write_text(yaml.safe_dump(data))


def test_a_split_that_is_not_there_is_an_error(tmp_path):
    dataset = read_dataset(write_dataset(tmp_path, {"val": {"a.png": BLOCK}}))
    with pytest.raises(UsageError, match="no images in test"):
        draw_sheet(dataset, "test")


def test_long_names_and_many_classes_stay_on_the_sheet(tmp_path):
    names = [f"seep of class {index}" for index in range(20)]
    masks = {"n" * 200 + ".png": BLOCK}
    root = write_dataset(tmp_path, {"val": masks}, names=names)
    picture, _ = draw_sheet(read_dataset(root), "val")
    pixels = np.asarray(picture)
    assert (pixels[:, -20:] == pixels[0, 0]).all()


def test_coloured_and_grey_images_both_show(tmp_path):
    colour = np.dstack([grey_image(np.random.default_rng(1), 60, 90), *[np.zeros((60, 90), np.uint8)] * 2])
    root = write_dataset(tmp_path, {"val": {"a.png": BLOCK}}, pixels={"a.png": colour})
    picture, _ = draw_sheet(read_dataset(root), "val")
    photo = np.asarray(picture)[-200:-80, 40:300]
    assert (photo[..., 2] > 0).any()
    assert (photo[..., :2] == 0).all()


def test_colours_are_distinct_and_come_again():
    assert len(set(COLOURS)) == len(COLOURS)
    assert colour_of(len(COLOURS)) == colour_of(0)
