import csv
import json

import cv2
import numpy as np
import pytest
from PIL import Image
from pycocotools import mask as coco_mask
from pycocotools.coco import COCO

from make import ragged, thin, write_image
from outputs.stand_in import StandIn, predict_folder, stored
from seepseg import outline
from seepseg.dataset.layout import read_rows
from seepseg.errors import SourceError
from seepseg.outputs.saving import EVERYTHING
from seepseg.outputs.write import instance_map
from seepseg.values import Detection, Prediction


@pytest.fixture(scope="module")
def pictures():
    """Grey values are objects: ragged ones with holes, thin ones, one below the limit, and one image of nothing."""
    rng = np.random.default_rng(3)
    full = ragged(rng, 40, 60) * np.uint8(201)
    full[thin(rng, 40, 60) > 0] = 180
    full[30:35, 50:55] = 90
    return {"a/Öl 1.png": full, "a/2.png": full[:, ::-1].copy(), "b/10.png": np.zeros((20, 30), np.uint8)}


@pytest.fixture(scope="module")
def made(pictures, tmp_path_factory):
    root = tmp_path_factory.mktemp("made")
    for name, picture in pictures.items():
        write_image(root / "images" / name, picture)
    predict_folder(StandIn(stored((0.5, 0.6))), root / "images", root / "out", save=EVERYTHING)
    return root / "out"


def read_csv(file):
    with file.open(encoding="utf-8", newline="") as text:
        return list(csv.DictReader(text))


def expected(picture):
    """Class map of what the stand-in finds above .5 and .6: 201 is oil, 180 is ship, 90 is below."""
    return np.where(picture == 201, 1, np.where(picture == 180, 2, 0))


def test_a_mask_holds_class_id_plus_one_in_one_channel_without_palette(made, pictures):
    for name, picture in pictures.items():
        with Image.open(made / "masks" / name) as mask:
            assert mask.mode == "L"
            np.testing.assert_array_equal(np.asarray(mask), expected(picture))


def test_instance_numbers_are_16_bit_and_those_of_the_table(made, pictures):
    numbers = cv2.imread(str(made / "instances/a/2.png"), cv2.IMREAD_UNCHANGED)
    assert numbers.dtype == np.uint16
    rows = [row for row in read_csv(made / "instances.csv") if row["image"] == "a/2.png"]
    assert [row["id"] for row in rows] == ["1", "2"]
    for row in rows:
        assert np.count_nonzero(numbers == int(row["id"])) == int(row["area_px"])
    np.testing.assert_array_equal(numbers == 1, pictures["a/2.png"] == 201)


def test_more_objects_than_an_instance_mask_can_number_are_refused():
    dot = Detection(0, 0.5, (0.0, 0.0, 1.0, 1.0), np.ones((1, 1), np.uint8), 0, 0)
    with pytest.raises(SourceError, match="65,536 objects, and an instance mask can number 65,535"):
        instance_map(Prediction(4, 4, (dot,) * 65536))


def test_coco_json_decodes_to_the_masks(made, pictures):
    coco = COCO(str(made / "coco.json"))
    assert [one["file_name"] for one in coco.loadImgs(coco.getImgIds())] == ["a/2.png", "a/Öl 1.png", "b/10.png"]
    for image in coco.loadImgs(coco.getImgIds()):
        picture = pictures[image["file_name"]]
        assert (image["height"], image["width"]) == picture.shape
        union = np.zeros(picture.shape, np.int64)
        for one in coco.loadAnns(coco.getAnnIds(image["id"])):
            bitmap = coco.annToMask(one)
            union[bitmap > 0] = one["category_id"] + 1
            assert one["area"] == bitmap.sum()
            assert one["bbox"] == coco_mask.toBbox(one["segmentation"]).tolist()
            assert one["score"] in (pytest.approx(201 / 255, abs=1e-6), pytest.approx(180 / 255, abs=1e-6))
        np.testing.assert_array_equal(union, expected(picture))


def test_coco_ids_count_from_one_and_classes_from_nought(made):
    document = json.loads((made / "coco.json").read_text())
    assert [one["id"] for one in document["annotations"]] == [1, 2, 3, 4]
    assert [(one["id"], one["name"]) for one in document["categories"]] == [(0, "oil"), (1, "ship")]


def test_label_rows_with_their_confidence_cut_off_give_the_mask_back(made, pictures, tmp_path):
    for name, picture in pictures.items():
        lines = (made / "labels" / name).with_suffix(".txt").read_text().splitlines()
        assert {line.split()[-1] for line in lines} <= {"0.788235", "0.705882"}
        (tmp_path / "plain.txt").write_text("".join(line.rpartition(" ")[0] + "\n" for line in lines))
        height, width = picture.shape
        rows = read_rows(tmp_path / "plain.txt")
        for class_id in range(2):
            bitmap = outline.rasterize([polygon for owner, polygon in rows if owner == class_id], width, height)
            np.testing.assert_array_equal(bitmap, expected(picture) == class_id + 1)


def test_the_summary_has_a_line_an_image_in_natural_order(made, pictures):
    rows = read_csv(made / "summary.csv")
    assert [row["image"] for row in rows] == ["a/2.png", "a/Öl 1.png", "b/10.png"]
    assert [row["verdict"] for row in rows] == ["yes", "yes", "no"]
    assert {row["status"] for row in rows} == {"ok"}
    area = np.count_nonzero(pictures["a/2.png"] == 201)
    assert (rows[0]["oil_count"], rows[0]["oil_area_px"], rows[0]["oil_area_km2"]) == ("1", str(area), "")


def test_the_verdict_knows_scores_that_make_no_object(tmp_path):
    write_image(tmp_path / "images/faint.png", np.full((9, 9), 91, np.uint8))
    predict_folder(StandIn(stored((0.5, 0.6), (0.35, 0.3), 0.35)), tmp_path / "images", tmp_path / "out")
    (row,) = read_csv(tmp_path / "out/summary.csv")
    assert (row["verdict"], row["objects"], row["score"]) == ("yes", "0", f"{91 / 255:.6f}")


def test_an_overlay_is_an_enlarged_photo_whose_untouched_pixels_stay(made, pictures):
    drawn = cv2.imread(str(made / "overlays/b/10.png"))
    assert drawn.shape == (80, 120, 3)
    assert not drawn.any()
    assert cv2.imread(str(made / "overlays/a/2.png")).any()


def test_transparent_pixels_belong_to_no_object(tmp_path):
    picture = np.full((20, 20, 4), 201, np.uint8)
    picture[:, :8, 3] = 0
    picture[2:5, 2:5, :3] = 180
    write_image(tmp_path / "images/cut.png", picture)
    predict_folder(StandIn(), tmp_path / "images", tmp_path / "out", save=EVERYTHING)
    mask = cv2.imread(str(tmp_path / "out/masks/cut.png"), cv2.IMREAD_UNCHANGED)
    np.testing.assert_array_equal(mask, np.where(picture[..., 3] > 0, 1, 0))
    (row,) = read_csv(tmp_path / "out/instances.csv")
    assert (row["class"], row["area_px"]) == ("oil", str(20 * 12))
    (row,) = read_csv(tmp_path / "out/summary.csv")
    assert (row["oil_verdict"], row["ship_verdict"]) == ("yes", "no")


def test_only_what_is_asked_for_is_written(tmp_path):
    write_image(tmp_path / "images/one.png", np.full((9, 9), 201, np.uint8))
    predict_folder(StandIn(), tmp_path / "images", tmp_path / "out", save=("masks",))
    there = {file.relative_to(tmp_path / "out").as_posix() for file in (tmp_path / "out").rglob("*") if file.is_file()}
    assert there == {"masks/one.png", "summary.csv", "prediction.json", "progress.jsonl"}


def test_names_that_are_no_text_pass_through(tmp_path):
    write_image(tmp_path / "images/plain.png", np.full((9, 9), 201, np.uint8))
    (tmp_path / "images/plain.png").rename(tmp_path / "images" / "odd\udcff.png")
    predict_folder(StandIn(), tmp_path / "images", tmp_path / "out", save=EVERYTHING)
    assert (tmp_path / "out/masks/odd\udcff.png").is_file()
    assert len(json.loads((tmp_path / "out/coco.json").read_text())["annotations"]) == 1
