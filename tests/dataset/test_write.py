import hashlib
import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
import yaml
from pycocotools import mask as coco_mask
from pycocotools.coco import COCO

from make import grey_image, write_image, write_pairs
from make_geotiff import speckle, write_geotiff
from seepseg import outline
from seepseg.dataset.layout import label_path, read_dataset, read_rows
from seepseg.dataset.write import Settings, convert
from seepseg.errors import SourceError, UsageError
from seepseg.labels.masks import read_masks
from seepseg.values import Source


def source(folder: Path, count: int = 12) -> Source:
    images, masks = write_pairs(folder, count)
    return read_masks(images, masks, names=["seep", "look-alike"])


def content(folder: Path) -> dict[str, str]:
    """Every file of a folder with its hash."""
    return {
        path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def test_labels_rasterise_to_the_masks_they_came_from(tmp_path: Path) -> None:
    convert(source(tmp_path / "in"), tmp_path / "out", Settings())
    images = [image for split in read_dataset(tmp_path / "out").splits.values() for image in split]
    assert len(images) == 12
    for image in images:
        mask = cv2.imread(str(tmp_path / "in" / "masks" / image.name), cv2.IMREAD_UNCHANGED)
        painted = np.zeros_like(mask)
        for class_id, polygon in read_rows(label_path(image)):
            painted |= (class_id + 1) * outline.rasterize([polygon], *mask.shape[::-1])
        assert np.array_equal(painted, mask)


def test_the_annotations_hold_the_exact_truth_for_pycocotools(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    convert(source(tmp_path / "in"), tmp_path / "out", Settings())
    for file in sorted((tmp_path / "out" / "annotations").iterdir()):
        coco = COCO(str(file))
        assert set(coco.dataset) == {"info", "licenses", "categories", "images", "annotations"}
        for image in coco.loadImgs(coco.getImgIds()):
            mask = cv2.imread(str(tmp_path / "in" / "masks" / image["file_name"]), cv2.IMREAD_UNCHANGED)
            truth = np.zeros_like(mask)
            for one in coco.loadAnns(coco.getAnnIds(imgIds=image["id"])):
                truth += (one["category_id"] + 1) * coco.annToMask(one)
            assert np.array_equal(truth, mask)


def test_annotations_name_the_label_rows_that_are_theirs(tmp_path: Path) -> None:
    convert(source(tmp_path / "in"), tmp_path / "out", Settings())
    truth = json.loads((tmp_path / "out" / "annotations" / "train.json").read_text())
    for image in truth["images"]:
        rows = read_rows(label_path(tmp_path / "out" / "images" / "train" / image["file_name"]))
        mine = [one for one in truth["annotations"] if one["image_id"] == image["id"]]
        assert [row for one in mine for row in one["rows"]] == list(range(len(rows)))


def test_images_are_copied_byte_for_byte(tmp_path: Path) -> None:
    convert(source(tmp_path / "in"), tmp_path / "out", Settings())
    before = sorted(content(tmp_path / "in" / "images").values())
    assert sorted(content(tmp_path / "out" / "images").values()) == before


def test_linked_images_are_the_same_files_and_the_rest_is_as_without(tmp_path: Path) -> None:
    convert(source(tmp_path / "in"), tmp_path / "copied", Settings())
    convert(source(tmp_path / "in"), tmp_path / "linked", Settings(link=True))
    assert content(tmp_path / "linked") == content(tmp_path / "copied")
    for image in (tmp_path / "linked" / "images").rglob("*.png"):
        assert image.samefile(tmp_path / "in" / "images" / image.name)


def test_the_manifest_says_where_each_image_came_from(tmp_path: Path) -> None:
    convert(source(tmp_path / "in"), tmp_path / "out", Settings())
    records = [json.loads(line) for line in (tmp_path / "out" / "manifest.jsonl").read_text().splitlines()]
    for record in records:
        original = tmp_path / "in" / "images" / record["source"]
        assert record["sha256"] == hashlib.sha256(original.read_bytes()).hexdigest()
        rows = read_rows(label_path(tmp_path / "out" / record["image"]))
        assert sum(record["instances"].values()) == len(rows)
    assert [record["source"] for record in records] == sorted(record["source"] for record in records)


def test_one_worker_and_two_write_the_same_bytes(tmp_path: Path) -> None:
    twenty = source(tmp_path / "in", 40)
    convert(twenty, tmp_path / "one", Settings(folds=3), workers=1)
    convert(twenty, tmp_path / "two", Settings(folds=3), workers=2)
    assert content(tmp_path / "one") == content(tmp_path / "two")


def test_another_seed_deals_otherwise(tmp_path: Path) -> None:
    first = convert(source(tmp_path / "in"), tmp_path / "a", Settings(seed=0))
    convert(source(tmp_path / "in"), tmp_path / "b", Settings(seed=1))
    assert first.images == 12
    assert content(tmp_path / "a" / "images" / "test") != content(tmp_path / "b" / "images" / "test")


def test_nothing_in_the_folder_names_the_place_it_was_made_at(tmp_path: Path) -> None:
    convert(source(tmp_path / "in"), tmp_path / "out", Settings(folds=2))
    for path in (tmp_path / "out").rglob("*"):
        if path.is_file() and path.suffix != ".png":
            assert str(tmp_path) not in path.read_text()


def test_folds_validate_every_image_once_and_only_their_own(tmp_path: Path) -> None:
    convert(source(tmp_path / "in"), tmp_path / "out", Settings(folds=3, shares=(1.0, 0.0, 0.0)))
    seen: list[str] = []
    for fold in range(3):
        data = yaml.safe_load((tmp_path / "out" / "folds" / f"{fold}.yaml").read_text())
        lists = {split: (tmp_path / "out" / "folds" / data[split]).read_text().split() for split in ("train", "val")}
        assert not set(lists["train"]) & set(lists["val"])
        assert len(lists["train"]) + len(lists["val"]) == 12
        assert all((tmp_path / "out" / line).exists() for line in lists["train"] + lists["val"])
        seen += lists["val"]
    assert len(set(seen)) == len(seen) == 12


def test_copies_turned_and_flipped_stay_on_one_side(tmp_path: Path) -> None:
    images, masks = write_pairs(tmp_path / "in", 12)
    for index in range(4):
        for folder in (images, masks):
            pixels = cv2.imread(str(folder / f"tile{index:03d}.png"), cv2.IMREAD_UNCHANGED)
            write_image(folder / f"turned{index}.png", np.ascontiguousarray(np.rot90(pixels, index)[:, ::-1]))
    convert(read_masks(images, masks, names=["a", "b"]), tmp_path / "out", Settings())
    records = [json.loads(line) for line in (tmp_path / "out" / "manifest.jsonl").read_text().splitlines()]
    side = {Path(record["source"]).stem: (record["split"], record["group"]) for record in records}
    for index in range(4):
        assert side[f"tile{index:03d}"] == side[f"turned{index}"]


def test_two_objects_of_one_box_both_reach_training(tmp_path: Path) -> None:
    mask = np.zeros((32, 32), np.uint8)
    mask[4:20, 4] = mask[4, 4:20] = mask[22, 6:21] = mask[6:23, 21] = 1
    mask[4:23, 2] = mask[2, 2:23] = mask[25, 4:25] = mask[6:25, 25] = 1
    for index in range(8):
        write_image(tmp_path / "images" / f"{index}.png", grey_image(np.random.default_rng(index), 32, 32))
        write_image(tmp_path / "masks" / f"{index}.png", mask)
    convert(read_masks(tmp_path / "images", tmp_path / "masks", names=["a"]), tmp_path / "out", Settings())
    for label in (tmp_path / "out" / "labels").rglob("*.txt"):
        boxes = [
            tuple(np.float32([*polygon.min(axis=0), *polygon.max(axis=0)]).tolist()) for _, polygon in read_rows(label)
        ]
        assert len(set(boxes)) == len(boxes) == cv2.connectedComponents(mask, connectivity=8)[0] - 1


def test_a_named_fill_is_ignored_in_the_truth_and_kept_with_the_rule(tmp_path: Path) -> None:
    values = speckle(32, 32)
    values[:, :9] = 0
    mask = np.zeros((32, 32), np.uint8)
    mask[12:20, 15:25] = 1
    write_image(tmp_path / "masks" / "a.png", mask)
    write_geotiff(tmp_path / "images" / "a.tif", values)
    found = read_masks(tmp_path / "images", tmp_path / "masks", names=["seep"])
    convert(found, tmp_path / "out", Settings(nodata=0.0, shares=(1.0, 0.0, 0.0)))
    (image,) = COCO(str(tmp_path / "out" / "annotations" / "train.json")).dataset["images"]
    assert np.array_equal(coco_mask.decode(image["ignore"]), values == 0)
    picture = cv2.imread(str(tmp_path / "out" / "images" / "train" / "a.png"), cv2.IMREAD_GRAYSCALE)
    assert np.array_equal(picture == 0, values == 0)
    assert yaml.safe_load((tmp_path / "out" / "data.yaml").read_text())["seepseg"]["scale"]["nodata"] == 0


def test_every_unreadable_image_is_named_at_once(tmp_path: Path) -> None:
    found = source(tmp_path / "in")
    for name in ("tile003.png", "tile007.png"):
        (tmp_path / "in" / "images" / name).write_bytes(b"not an image")
    with pytest.raises(SourceError, match=r"(?s)tile003.*tile007"):
        convert(found, tmp_path / "out", Settings(), workers=2)
    assert not (tmp_path / "out").exists()


def test_a_conversion_that_stops_looking_says_so_and_gives_the_same_advice_once(tmp_path: Path) -> None:
    found = source(tmp_path / "in", 30)
    for number in (0, *range(6, 27)):
        write_image(tmp_path / "in" / "masks" / f"tile{number:03d}.png", np.ones((7, 9), np.uint8))
    (tmp_path / "in" / "images" / "tile003.png").write_bytes(b"not an image")
    with pytest.raises(SourceError) as error:
        convert(found, tmp_path / "out", Settings())
    *lines, last = str(error.value).splitlines()
    assert last == "stopped after 24 of 30 images, 20 of them faulty; there may be more"
    assert sum("tile0" in line for line in lines) == 20
    assert [line for line in lines if "masks at the images' own size" in line] == [
        "for these 19: give masks at the images' own size"
    ]
    assert [line.count("; ") for line in lines if "tile003" in line] == [1]


def test_images_that_would_share_a_label_file_are_refused(tmp_path: Path) -> None:
    found = source(tmp_path / "in")
    doubled = replace(found, items=(*found.items, replace(found.items[0], image=tmp_path / "tile000.jpg")))
    with pytest.raises(SourceError, match=r"tile000\.png and tile000\.jpg would share"):
        convert(doubled, tmp_path / "out", Settings())


def test_a_name_of_two_lines_becomes_one_line_everywhere(tmp_path: Path) -> None:
    convert(replace(source(tmp_path / "in"), names=("oil\nslick", "look-alike")), tmp_path / "out", Settings())
    assert read_dataset(tmp_path / "out").names == ("oil slick", "look-alike")
    assert '"oil slick"' in (tmp_path / "out" / "manifest.jsonl").read_text()


def test_a_source_without_images_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="no labelled images"):
        convert(replace(source(tmp_path / "in"), items=()), tmp_path / "out", Settings())


def test_groups_of_a_file_stay_together(tmp_path: Path) -> None:
    found = source(tmp_path / "in")
    table = tmp_path / "groups.csv"
    table.write_text("".join(f"{item.stem},{index % 4}\n" for index, item in enumerate(found.items)))
    convert(found, tmp_path / "out", Settings(groups=table))
    sides: dict[str, set[str]] = {}
    for line in (tmp_path / "out" / "manifest.jsonl").read_text().splitlines():
        record = json.loads(line)
        sides.setdefault(record["group"], set()).add(record["split"])
    assert len(sides) == 4
    assert all(len(one) == 1 for one in sides.values())


def test_a_groups_file_that_names_unknown_images_is_refused(tmp_path: Path) -> None:
    (tmp_path / "groups.csv").write_text("tile000,a\nelsewhere,b\n")
    with pytest.raises(UsageError, match="elsewhere"):
        convert(source(tmp_path / "in"), tmp_path / "out", Settings(groups=tmp_path / "groups.csv"))


@pytest.mark.slow
def test_ten_kills_at_random_moments_leave_nothing_half_done(tmp_path: Path) -> None:
    write_pairs(tmp_path / "in", 400)
    before = content(tmp_path / "in")
    command = [sys.executable, "-m", "seepseg", "convert", "masks", "in/images", "in/masks", "out", "--names", "a,b"]
    whole = subprocess.run([*command[:-3], "whole", *command[-2:]], cwd=tmp_path, capture_output=True, check=True)
    assert whole.returncode == 0
    expected = content(tmp_path / "whole")
    delays = np.random.default_rng(5).uniform(0.2, 4, 10)
    for turn, delay in enumerate(delays):
        overwrite = ["--overwrite"] if turn % 2 else []
        running = subprocess.Popen(
            [*command, *overwrite],
            cwd=tmp_path,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        time.sleep(delay)
        os.killpg(running.pid, signal.SIGKILL)
        running.wait()
        assert not (tmp_path / "out").exists() or content(tmp_path / "out") == expected
        assert content(tmp_path / "in") == before
    subprocess.run([*command, "--overwrite"], cwd=tmp_path, capture_output=True, check=True)
    assert content(tmp_path / "out") == expected
    assert sorted(path.name for path in tmp_path.iterdir()) == ["in", "out", "whole"]
