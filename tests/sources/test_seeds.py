"""The datasets of the systems that this project grew from: each got, checked, and planned to train with its preset."""

import contextlib
import io
import json
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image
from pycocotools import mask as coco_mask

from look_alikes import LOOK_ALIKES
from seepseg.cli import main
from seepseg.dataset.layout import Dataset, read_dataset, read_manifest

ROOT = Path(__file__).parents[2]
SEEDS = ("flood", "lungs", "oil-spill", "oil-tanks", "penn-fudan", "pets", "retina", "seep")
MASKS = {
    "flood": ("Mask/*.png", {"flood": (255,)}),
    "lungs": ("Lung Segmentation/masks/*.png", {"lung": (255,)}),
    "penn-fudan": ("PennFudanPed/PedMasks/*.png", {"person": (1, 2, 3)}),
    "pets": ("annotations/trimaps/[!.]*.png", {"pet": (1,), "boundary": (3,)}),
    "retina": ("DRIVE/training/1st_manual/*.gif", {"vessel": (255,)}),
    "seep": ("seep_detection/train_masks_256/*.tif", {f"Seep cls{number}": (number,) for number in range(1, 8)}),
}
"""Where the masks of a set are, and which values each class has in them."""


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder to work in, as the repository's root is: with its presets, and the published sets in sets/."""
    place = tmp_path_factory.mktemp("seeds")
    (place / "configs").symlink_to(ROOT / "configs")
    return place


@pytest.fixture(params=SEEDS, scope="module")
def name(request: pytest.FixtureRequest, place: Path) -> str:
    """A seed whose set lies in sets/ and whose dataset is made; `get` answers 0 where the check found no fault."""
    if not (place / "sets" / request.param).exists():
        LOOK_ALIKES[request.param](place / "sets" / request.param)
        with contextlib.chdir(place), contextlib.redirect_stdout(io.StringIO()) as shown:
            assert main(["get", request.param, "--from", f"sets/{request.param}", "--workers=1"]) == 0
        (place / f"{request.param}.next").write_text(shown.getvalue().splitlines()[-1])
    return str(request.param)


of_masks = pytest.mark.parametrize("name", MASKS, indirect=True)
of_tanks = pytest.mark.parametrize("name", ["oil-tanks"], indirect=True)


def dataset(place: Path, name: str) -> Dataset:
    return read_dataset(place / "datasets" / name)


def greys(file: Path) -> NDArray[np.uint8]:
    with Image.open(file) as image:
        return np.asarray(image.convert("L"))


def kind(file: Path) -> str | None:
    with Image.open(file) as image:
        return image.format


def truth(found: Dataset) -> list[dict[str, object]]:
    files = (found.root / "annotations").glob("*.json")
    return [one for file in files for one in json.loads(file.read_text())["annotations"]]


def test_its_preset_plans_a_training_and_has_nothing_to_remark(
    name: str, place: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    command = (place / f"{name}.next").read_text().removeprefix("next: seepseg ")
    with contextlib.chdir(place):
        assert main([*command.split(), "--weights", "scratch", "--dry-run"]) == 0
    shown = capsys.readouterr()
    assert "note:" not in shown.out
    assert shown.err == ""
    assert f"run folder: {Path('runs/train')}" in shown.out


@of_masks
def test_its_truth_covers_the_pixels_of_its_masks(name: str, place: Path) -> None:
    pattern, classes = MASKS[name]
    masks = [greys(file) for file in (place / "sets" / name).glob(pattern)]
    assert masks
    found = dataset(place, name)
    covered = Counter[str]()
    for one in truth(found):
        covered[found.names[one["category_id"]]] += int(coco_mask.area(one["segmentation"]))
    assert covered == {
        label: sum(int(np.isin(mask, values).sum()) for mask in masks) for label, values in classes.items()
    }


def test_its_classes_are_those_of_the_seed(name: str, place: Path) -> None:
    expected = {label: classes for label, (_, classes) in MASKS.items()}
    expected |= {"oil-tanks": {"oil-storage-tank"}, "oil-spill": {"true-colour", "rainbow", "sheen", "object"}}
    assert set(dataset(place, name).names) == set(expected[name])


@pytest.mark.parametrize("name", ["lungs"], indirect=True)
def test_each_patient_is_one_whatever_the_diagnosis(name: str, place: Path) -> None:
    groups = [record["group"] for record in read_manifest(place / "datasets" / name)]
    assert len(groups) == len(set(groups)) == 16


@pytest.mark.parametrize("name", ["pets"], indirect=True)
def test_a_picture_of_another_kind_than_its_name_says_gets_the_right_name(name: str, place: Path) -> None:
    images = [image for split in dataset(place, name).splits.values() for image in split]
    assert Counter((image.suffix, kind(image)) for image in images) == {(".jpg", "JPEG"): 4, (".png", "PNG"): 4}


@of_tanks
def test_each_line_of_the_table_is_a_tank_as_large_as_its_box(name: str, place: Path) -> None:
    lines = (place / "sets" / name / "annotations.csv").read_text().splitlines()[1:]
    corners = [tuple(map(int, line.split('"')[1].strip("()").split(", "))) for line in lines]
    areas = [int(coco_mask.area(one["segmentation"])) for one in truth(dataset(place, name))]
    assert sorted(areas) == sorted((x2 - x1) * (y2 - y1) for x1, y1, x2, y2 in corners)


@of_tanks
def test_tanks_go_nine_to_one_into_train_and_val(name: str, place: Path) -> None:
    assert {split: len(images) for split, images in dataset(place, name).splits.items()} == {"train": 14, "val": 2}
