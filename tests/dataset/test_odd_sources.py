"""Whole conversions of what people really have: odd names, read-only files, SAR in two bands."""

import json
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image
from pycocotools import mask as coco_mask
from pycocotools.coco import COCO
from ultralytics.data.utils import img2label_paths
from ultralytics.utils.ops import segments2boxes

from make import grey_image, ragged, write_image, write_pairs
from make_geotiff import damage, speckle, write_geotiff
from seepseg.cli import main
from seepseg.dataset.layout import label_path, read_dataset, read_rows
from seepseg.dataset.write import Settings, convert
from seepseg.errors import SourceError, UsageError
from seepseg.labels.coco import read_coco
from seepseg.labels.labelme import read_labelme
from seepseg.labels.masks import read_masks
from seepseg.values import FURTHER, Source

NAMES = ("oil: thin", '"quoted"', "it's", "🛢️", "no", "null", "1", "# x", "a b")
STEMS = ("a b", "#1", "Öl-日本", 'it\'s "q"', "x" * 200)


def test_class_names_come_back_from_the_yaml_as_they_were(tmp_path: Path) -> None:
    images, masks = write_pairs(tmp_path, 6, classes=len(NAMES))
    convert(read_masks(images, masks, names=NAMES), tmp_path / "out", Settings())
    assert read_dataset(tmp_path / "out").names == NAMES


def test_odd_file_names_keep_their_labels(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    masks = {stem: ragged(rng, 40, 40) for stem in STEMS}
    for stem, mask in masks.items():
        write_image(tmp_path / "images" / f"{stem}.png", grey_image(rng, 40, 40))
        write_image(tmp_path / "masks" / f"{stem}.png", mask)
    convert(read_masks(tmp_path / "images", tmp_path / "masks", names=["oil"]), tmp_path / "out", Settings())
    written = [image for images in read_dataset(tmp_path / "out").splits.values() for image in images]
    assert sorted(image.stem for image in written) == sorted(STEMS)
    assert all(read_rows(label_path(image)) for image in written)


def drawn_twice(root: Path) -> Source:
    shape = {"label": "oil", "points": [[2, 2], [12, 3], [7, 12]], "shape_type": "polygon", "group_id": None}
    for split in ("train", "valid"):
        write_image(root / split / "images" / "0.png", grey_image(np.random.default_rng(ord(split[0])), 16, 16))
        drawing = {"imagePath": "0.png", "shapes": [shape]}
        (root / split / "images" / "0.json").write_text(json.dumps(drawing))
    return read_labelme(root)


def coco_twice(root: Path) -> Source:
    one = {"id": 1, "image_id": 0, "category_id": 1, "iscrowd": 0, "area": 50, "bbox": [2, 2, 10, 10]}
    for split in ("train", "val"):
        write_image(root / "images" / split / "0.png", grey_image(np.random.default_rng(ord(split[0])), 16, 16))
        document = {
            "images": [{"id": 0, "file_name": "0.png", "width": 16, "height": 16}],
            "annotations": [one | {"segmentation": [[2, 2, 12, 3, 7, 12]]}],
            "categories": [{"id": 1, "name": "oil"}],
        }
        (root / "annotations").mkdir(exist_ok=True)
        (root / "annotations" / f"instances_{split}.json").write_text(json.dumps(document))
    return read_coco(root)


@pytest.mark.parametrize("source", [drawn_twice, coco_twice])
def test_equal_names_in_folders_called_images_keep_labels_that_ultralytics_finds(
    tmp_path: Path, source: Callable[[Path], Source]
) -> None:
    convert(source(tmp_path / "source"), tmp_path / "out", Settings())
    written = [str(image) for images in read_dataset(tmp_path / "out").splits.values() for image in images]
    assert len(written) == 2
    assert all(Path(label).read_text() for label in img2label_paths(written))


@pytest.mark.parametrize("split", [(), ("train", "val")])
def test_names_that_look_like_tiles_of_one_scene_are_told_where_they_leave_nothing_to_split(
    tmp_path: Path, split: tuple[str, ...]
) -> None:
    rng = np.random.default_rng(0)
    for number in range(8):
        place = Path(split[number % 2] if split else "", f"image.{number:04d}.png")
        write_image(tmp_path / "images" / place, grey_image(rng, 40, 40))
        write_image(tmp_path / "masks" / place, ragged(rng, 40, 40))
    source = read_masks(tmp_path / "images", tmp_path / "masks", names=["oil"])
    with pytest.raises(UsageError, match=r"image\.0000 → image \(1 scene\), told from the names: .*--group '\(\.\*\)'"):
        convert(source, tmp_path / "out", Settings())
    assert convert(source, tmp_path / "out", Settings(group="(.*)")).images == 8


def test_objects_of_nearly_one_outline_stay_two_where_they_are_tiny(tmp_path: Path) -> None:
    corner = [[2, 2], [4, 2], [4, 4], [2, 4]]
    shapes = [
        {"label": "oil", "points": points, "shape_type": "polygon", "group_id": None}
        for points in (corner, [*corner[:2], [4, 3], *corner[2:]])
    ]
    write_image(tmp_path / "in" / "0.png", grey_image(np.random.default_rng(0), 1000, 1000))
    (tmp_path / "in" / "0.json").write_text(json.dumps({"imagePath": "0.png", "shapes": shapes}))
    convert(read_labelme(tmp_path / "in"), tmp_path / "out", Settings(shares=(1, 0, 0)))
    (image,) = read_dataset(tmp_path / "out").splits["train"]
    boxes = segments2boxes([polygon.astype(np.float32) for _, polygon in read_rows(label_path(image))])
    assert len(np.unique(boxes, axis=0)) == 2


def test_read_only_sources_give_a_dataset_that_can_be_changed(tmp_path: Path) -> None:
    images, masks = write_pairs(tmp_path, 6)
    for path in (*images.iterdir(), *masks.iterdir()):
        path.chmod(0o444)
    convert(read_masks(images, masks, names=["a", "b"]), tmp_path / "out", Settings())
    for path in (tmp_path / "out").rglob("*"):
        assert path.stat().st_mode & 0o200


def test_sar_of_two_bands_with_labels_of_minus_one_goes_from_command_to_truth(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rng = np.random.default_rng(1)
    masks = {}
    for number in range(5):
        vv, vh = speckle(64, 64, seed=number), speckle(64, 64, mean=-24, seed=number + 50)
        write_geotiff(tmp_path / f"images/{number}_S1Hand.tif", np.stack([vv, vh]), names=("VV", "VH"))
        masks[f"{number}_S1Hand.png"] = mask = ragged(rng, 64, 64).astype(np.int16)
        mask[:, :5] = -1
        write_geotiff(tmp_path / f"masks/{number}_LabelHand.tif", mask)
    monkeypatch.chdir(tmp_path)
    command = ["convert", "masks", "images", "masks", "out", "--names", "water", "--ignore=-1", "--workers", "1"]
    assert main(command) == 0
    scale = json.loads(Path("out/conversion.json").read_text())["settings"]["scale"]
    assert (scale["kind"], scale["units"], scale["bands"]) == ("db", "dB", [1])
    for file in Path("out/annotations").iterdir():
        coco = COCO(str(file))
        for image in coco.dataset["images"]:
            truth = sum((coco.annToMask(one) for one in coco.imgToAnns[image["id"]]), np.zeros((64, 64), np.int64))
            mask = masks.pop(image["file_name"])
            assert np.array_equal(truth, mask == 1)
            assert np.array_equal(coco_mask.decode(image["ignore"]), mask == -1)
    assert not masks


def cripple(images: Path, masks: Path) -> None:
    """One image is cut off half-way, one mask is of another size than its image."""
    first, second, *_ = sorted(images.iterdir())
    first.write_bytes(first.read_bytes()[: first.stat().st_size // 2])
    write_image(masks / second.with_suffix(".png").name, np.ones((7, 9), np.uint8))


def test_one_image_that_cannot_be_converted_ends_the_conversion(tmp_path: Path) -> None:
    images, masks = write_pairs(tmp_path, 6)
    cripple(images, masks)
    with pytest.raises(SourceError, match=r"(?s)tile000.*cut off.*tile001"):
        convert(read_masks(images, masks, names=["a", "b"]), tmp_path / "out", Settings())
    assert not (tmp_path / "out").exists()


def test_images_that_cannot_be_converted_are_left_out_where_asked_and_told(tmp_path: Path) -> None:
    images, masks = write_pairs(tmp_path, 6)
    cripple(images, masks)
    groups = tmp_path / "groups.csv"
    groups.write_text("stem,group\n" + "".join(f"{image.stem},{image.stem}\n" for image in images.iterdir()))
    given = read_masks(images, masks, names=["a", "b"])
    told = convert(given, tmp_path / "out", Settings(unfit="skip", groups=groups)).notes
    assert any(note.startswith("warning: 2 of 6 images can't be converted and are left out") for note in told)
    written = [image for images in read_dataset(tmp_path / "out").splits.values() for image in images]
    (left_out,) = json.loads((tmp_path / "out/conversion.json").read_text())["skipped"]
    assert len(written) == 4
    assert left_out["count"] == 2
    assert str(tmp_path) not in " ".join(left_out["examples"])
    assert all(Path(image).name in " ".join(left_out["examples"]) for image in sorted(images.iterdir())[:2])
    for image in written:
        mask = cv2.imread(str(masks / image.name), cv2.IMREAD_UNCHANGED)
        assert {class_id + 1 for class_id, _ in read_rows(label_path(image))} == set(np.unique(mask)) - {0}


def test_pages_after_the_first_are_counted_by_file(tmp_path: Path) -> None:
    images, masks = write_pairs(tmp_path, 6)
    for stem, suffix in (("tile000", ".tif"), ("tile001", ".gif")):
        image = Image.open(images / f"{stem}.png")
        image.save(images / f"{stem}{suffix}", save_all=True, append_images=[image.rotate(90), image.rotate(180)])
        (images / f"{stem}.png").unlink()
    convert(read_masks(images, masks, names=["a", "b"]), tmp_path / "out", Settings())
    (left_out,) = json.loads((tmp_path / "out/conversion.json").read_text())["skipped"]
    assert left_out == {"reason": FURTHER, "count": 2, "examples": ["tile000.tif", "tile001.gif"]}


def test_a_16_bit_image_of_damaged_pixels_is_left_out_too(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    for number in range(6):
        counts = rng.integers(300, 3000, (48, 48), dtype=np.uint16)
        write_geotiff(tmp_path / f"images/{number}.tif", counts, compress="deflate")
        write_image(tmp_path / f"masks/{number}.png", ragged(rng, 48, 48))
    damage(tmp_path / "images/0.tif")
    found = read_masks(tmp_path / "images", tmp_path / "masks", names=["oil"])
    written = convert(found, tmp_path / "out", Settings(unfit="skip"))
    (left_out,) = written.skipped
    assert (written.images, left_out["count"]) == (5, 1)
    assert any("1 of 6 images" in note for note in written.notes)
    assert left_out["examples"][0].startswith("0.tif: not readable")


def test_where_no_image_can_be_converted_there_is_nothing_to_leave_out(tmp_path: Path) -> None:
    images, masks = write_pairs(tmp_path, 2)
    cripple(images, masks)
    with pytest.raises(SourceError):
        convert(read_masks(images, masks, names=["a", "b"]), tmp_path / "out", Settings(unfit="skip"))
