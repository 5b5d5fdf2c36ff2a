import hashlib
import json
import os
import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
import yaml
from pycocotools.coco import COCO

from make import Bitmap, grey_image, ragged, write_image, write_pairs
from make_dataset import write_dataset
from seepseg import instances, outline
from seepseg.check.report import check_dataset
from seepseg.check.rules import FAULT
from seepseg.dataset import staging
from seepseg.dataset.identity import dataset_hash
from seepseg.dataset.layout import Dataset, label_path, read_dataset, read_manifest, read_rows
from seepseg.dataset.write import Settings, convert
from seepseg.errors import DatasetError, OutputError, UsageError
from seepseg.labels.masks import read_masks
from seepseg.train.derive import Tile, derive, find_derived, sibling_path
from seepseg.values import LabelledImage

NAMES = ["thick", "ship", "sheen"]
MERGE = ["oil=thick,sheen"]


@pytest.fixture(scope="module")
def converted(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("converted")
    images, masks = write_pairs(folder / "in", 18, classes=3)
    for mask in sorted(masks.iterdir()):
        # All three classes in every image, side by side.
        objects = cv2.imread(str(mask), cv2.IMREAD_GRAYSCALE) > 0
        write_image(mask, objects * (np.arange(48) // 16 + 1).astype(np.uint8))
    convert(read_masks(images, masks, names=NAMES), folder / "seep", Settings(imgsz=64, folds=3))
    return folder / "seep"


@pytest.fixture
def dataset(converted: Path, tmp_path: Path) -> Dataset:
    return read_dataset(Path(shutil.copytree(converted, tmp_path / "seep")))


def a_tile(stem: str = "t-pasted0", seed: int = 7) -> Tile:
    rng = np.random.default_rng(seed)
    classes = ragged(rng, 48, 48) * rng.integers(1, 4, (48, 48), dtype=np.uint8)
    truth = LabelledImage(48, 48, instances.from_classes(classes))
    return Tile(stem, grey_image(rng, 48, 48), truth, {"group": "scene 3", "pasted": [{"from": "tile001"}]})


def files(folder: Path) -> dict[str, str]:
    return {
        path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def painted(dataset: Dataset, split: str) -> dict[str, Bitmap]:
    """The class maps that the labels of a split give back."""
    maps = {}
    for image in dataset.splits[split]:
        height, width = cv2.imread(str(image), cv2.IMREAD_GRAYSCALE).shape
        maps[image.name] = np.zeros((height, width), np.uint8)
        for class_id, polygon in read_rows(label_path(image)):
            maps[image.name] |= (class_id + 1) * outline.rasterize([polygon], width, height)
    return maps


def faults(folder: Path) -> list[str]:
    return [f"{one.code} {one.places}" for one in check_dataset(folder, sample=None).findings if one.severity == FAULT]


def test_merged_labels_paint_the_same_pixels_as_one_class(dataset: Dataset, tmp_path: Path) -> None:
    merged = derive(dataset, tmp_path / "out", merge=MERGE)
    assert merged.names == ("oil", "ship")
    for split in dataset.splits:
        before, after = painted(dataset, split), painted(merged, split)
        assert before.keys() == after.keys()
        for name, classes in before.items():
            assert np.array_equal(after[name], np.array([0, 1, 2, 1], np.uint8)[classes])


def test_coordinates_keep_their_text(dataset: Dataset, tmp_path: Path) -> None:
    merged = derive(dataset, tmp_path / "out", merge=MERGE)
    for split in dataset.splits:
        for image, other in zip(dataset.splits[split], merged.splits[split], strict=True):
            rows = [line.split(" ", 1) for line in label_path(image).read_text().splitlines()]
            assert [line.split(" ", 1) for line in label_path(other).read_text().splitlines()] == [
                ["010"[int(old)], text] for old, text in rows
            ]


def test_the_truth_is_merged_for_pycocotools_too(
    dataset: Dataset, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    merged = derive(dataset, tmp_path / "out", merge=MERGE)
    for split in dataset.splits:
        before, after = (COCO(str(one.root / "annotations" / f"{split}.json")) for one in (dataset, merged))
        assert [one["name"] for one in after.dataset["categories"]] == ["oil", "ship"]
        assert after.dataset["images"] == before.dataset["images"]
        assert after.dataset["annotations"] == [
            {**one, "category_id": (0, 1, 0)[one["category_id"]]} for one in before.dataset["annotations"]
        ]


def test_the_manifest_says_the_same_but_for_the_classes(dataset: Dataset, tmp_path: Path) -> None:
    merged = derive(dataset, tmp_path / "out", merge=MERGE)
    for before, after in zip(read_manifest(dataset.root), read_manifest(merged.root), strict=True):
        counts = before["instances"]
        oil = {"oil": counts["thick"] + counts["sheen"], "ship": counts["ship"]}
        assert after == {**before, "instances": oil}


def test_images_are_shared_by_name_split_and_content(dataset: Dataset, tmp_path: Path) -> None:
    merged = derive(dataset, tmp_path / "out", merge=MERGE)
    for split, images in dataset.splits.items():
        assert [image.name for image in merged.splits[split]] == [image.name for image in images]
        assert all(a.samefile(b) for a, b in zip(images, merged.splits[split], strict=True))


def test_images_are_copied_where_links_do_not_work(
    dataset: Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise OSError(18, "Invalid cross-device link")

    monkeypatch.setattr(os, "link", refuse)
    merged = derive(dataset, tmp_path / "out", merge=MERGE)
    for image, other in zip(dataset.splits["val"], merged.splits["val"], strict=True):
        assert not image.samefile(other)
        assert image.read_bytes() == other.read_bytes()


def test_check_finds_no_fault_in_a_merged_dataset_with_added_tiles(dataset: Dataset, tmp_path: Path) -> None:
    assert faults(dataset.root) == []
    derive(dataset, tmp_path / "out", merge=MERGE, added=[a_tile(), a_tile("t-pasted1", 8)])
    assert faults(tmp_path / "out") == []


def test_an_added_tile_is_exact_in_pixels_labels_and_truth(
    dataset: Dataset, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    tile = a_tile()
    more = derive(dataset, tmp_path / "out", added=[tile])
    assert {image.name for image in more.splits["train"]} - {image.name for image in dataset.splits["train"]} == {
        "t-pasted0.png"
    }
    image = more.root / "images" / "train" / "t-pasted0.png"
    assert np.array_equal(cv2.imread(str(image), cv2.IMREAD_UNCHANGED), tile.pixels)
    coco = COCO(str(more.root / "annotations" / "train.json"))
    (image_id,) = (one["id"] for one in coco.dataset["images"] if one["file_name"] == image.name)
    rows = read_rows(label_path(image))
    for one in coco.loadAnns(coco.getAnnIds([image_id])):
        mine = [rows[row] for row in one["rows"]]
        assert {class_id for class_id, _ in mine} == {one["category_id"]}
        assert np.array_equal(outline.rasterize([polygon for _, polygon in mine], 48, 48), coco.annToMask(one))
    assert [one.rle.decode() for one in tile.truth.instances] == [
        one["segmentation"]["counts"] for one in coco.loadAnns(coco.getAnnIds([image_id]))
    ]


def test_ids_of_the_truth_are_unique(dataset: Dataset, tmp_path: Path) -> None:
    derive(dataset, tmp_path / "out", added=[a_tile(), a_tile("t-pasted1", 8)])
    truth = json.loads((tmp_path / "out" / "annotations" / "train.json").read_text())
    for key in ("images", "annotations"):
        ids = [one["id"] for one in truth[key]]
        assert len(set(ids)) == len(ids)


def test_an_added_tile_stands_in_the_manifest_with_its_origin(dataset: Dataset, tmp_path: Path) -> None:
    tile = a_tile()
    derive(dataset, tmp_path / "out", merge=MERGE, added=[tile])
    *_, line = read_manifest(tmp_path / "out")
    assert line["image"] == "images/train/t-pasted0.png"
    assert (line["split"], line["source"], line["group"]) == ("train", "pasted", "scene 3")
    assert line["pasted"] == [{"from": "tile001"}]
    assert line["sha256"] == hashlib.sha256((tmp_path / "out" / line["image"]).read_bytes()).hexdigest()
    assert sum(line["instances"].values()) == len(tile.truth.instances)


def test_adding_tiles_leaves_every_other_file_as_it_was(dataset: Dataset, tmp_path: Path) -> None:
    derive(dataset, tmp_path / "out", added=[a_tile()])
    before, after = files(dataset.root), files(tmp_path / "out")
    changed = {name for name in before.keys() & after.keys() if before[name] != after[name]}
    assert changed == {"data.yaml", "conversion.json", "manifest.jsonl", "annotations/train.json"}
    assert after.keys() - before.keys() == {"images/train/t-pasted0.png", "labels/train/t-pasted0.txt"}


def test_a_stem_that_is_taken_is_refused_and_nothing_is_left(dataset: Dataset, tmp_path: Path) -> None:
    taken = dataset.splits["train"][0].stem.upper()
    for tiles in ([a_tile(taken)], [a_tile(), a_tile()]):
        with pytest.raises(UsageError, match="another stem"):
            derive(dataset, tmp_path / "out", added=tiles)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["seep"]


def test_the_same_derivation_is_taken_as_it_is(dataset: Dataset, tmp_path: Path) -> None:
    def never() -> Iterator[Tile]:
        raise AssertionError
        yield

    note = {"paste": 5, "scale": (0.5, 2)}
    derive(dataset, tmp_path / "out", added=[a_tile()], note=note)
    before = files(tmp_path / "out")
    assert find_derived(dataset, tmp_path / "out", note=note)
    assert derive(dataset, tmp_path / "out", added=never(), note=note).root == tmp_path / "out"
    assert files(tmp_path / "out") == before


def test_another_derivation_does_not_take_its_place_unasked(dataset: Dataset, tmp_path: Path) -> None:
    derive(dataset, tmp_path / "out", note={"paste": 5})
    assert find_derived(dataset, tmp_path / "out", note={"paste": 6}) is None
    with pytest.raises(OutputError, match="already there"):
        derive(dataset, tmp_path / "out", note={"paste": 6})
    derive(dataset, tmp_path / "out", note={"paste": 6}, overwrite=True)
    assert find_derived(dataset, tmp_path / "out", note={"paste": 6})


def test_a_source_that_changed_is_derived_anew(dataset: Dataset, tmp_path: Path) -> None:
    place = sibling_path(dataset, {"merge": MERGE})
    derive(dataset, place, merge=MERGE)
    label_path(dataset.splits["train"][0]).write_text("")
    assert find_derived(dataset, place, merge=MERGE) is None
    assert sibling_path(dataset, {"merge": MERGE}) != place


def test_a_derived_dataset_that_was_edited_is_not_trained_on_unseen(dataset: Dataset, tmp_path: Path) -> None:
    merged = derive(dataset, tmp_path / "out", merge=MERGE)
    label_path(merged.splits["train"][0]).write_text("")
    with pytest.raises(OutputError, match="were changed"):
        derive(dataset, tmp_path / "out", merge=MERGE)


def test_siblings_lie_beside_the_dataset_by_settings(dataset: Dataset, monkeypatch: pytest.MonkeyPatch) -> None:
    place = sibling_path(dataset, {"merge": MERGE, "paste": 0})
    assert place.parent == dataset.root.parent
    assert place.name.startswith("seep.derived-")
    assert sibling_path(dataset, {"paste": 0, "merge": MERGE}) == place
    assert sibling_path(dataset, {"paste": 1, "merge": MERGE}) != place
    assert sibling_path(read_dataset(dataset.root / "folds" / "0.yaml"), {}).parent == place.parent
    monkeypatch.chdir(dataset.root)
    assert sibling_path(read_dataset(Path("data.yaml")), {"merge": MERGE, "paste": 0}) == place


def test_the_same_call_gives_the_same_bytes(dataset: Dataset, tmp_path: Path) -> None:
    for name in ("one", "two"):
        derive(dataset, tmp_path / name, merge=MERGE, added=[a_tile()], note={"seed": 1})
    assert files(tmp_path / "one") == files(tmp_path / "two")


@pytest.mark.parametrize("merge", [(), MERGE])
def test_a_fold_becomes_a_plain_dataset(dataset: Dataset, tmp_path: Path, merge: list[str]) -> None:
    fold = read_dataset(dataset.root / "folds" / "1.yaml")
    merged = derive(fold, tmp_path / "out", merge=merge, added=[a_tile()])
    assert faults(tmp_path / "out") == []
    assert merged.imgsz == 64
    for split in ("train", "val"):
        names = {image.name for image in fold.splits[split]}
        assert {image.name for image in merged.splits[split]} - {"t-pasted0.png"} == names
        truth = json.loads((tmp_path / "out" / "annotations" / f"{split}.json").read_text())
        assert {one["file_name"] for one in truth["images"]} - {"t-pasted0.png"} == names


def test_settings_stay_and_wishes_that_were_granted_go(dataset: Dataset, tmp_path: Path) -> None:
    data = yaml.safe_load(dataset.yaml.read_text())
    data["seepseg"]["balance"] = {"merge": MERGE, "paste": 9, "weights": "sqrt"}
    dataset.yaml.write_text(yaml.safe_dump({**data, "channels": 3}))
    source = read_dataset(dataset.root)
    merged = derive(source, tmp_path / "out", merge=MERGE)
    assert merged.settings == {**source.settings, "balance": {"weights": "sqrt"}}
    assert yaml.safe_load(merged.yaml.read_text())["channels"] == 3


def test_the_record_says_what_it_was_derived_from(dataset: Dataset, tmp_path: Path) -> None:
    derived = derive(dataset, tmp_path / "out", merge=MERGE, note={"seed": 1}, told={"tiles": 0})
    record = json.loads((tmp_path / "out" / "conversion.json").read_text())
    assert record["source"] == {"kind": "derived", "dataset": "../seep/data.yaml"}
    assert record["derived"] == {
        "source_hash": dataset_hash(dataset),
        "merge": MERGE,
        "note": {"seed": 1},
        "added": 0,
        "told": {"tiles": 0},
        "hash": dataset_hash(derived),
    }
    assert staging.check_place(tmp_path / "out", overwrite=True, proof="conversion.json")


def test_rows_of_one_box_that_merging_brings_together_stay_two_objects(tmp_path: Path) -> None:
    slashes = np.zeros((32, 32), np.uint8)
    root = write_dataset(tmp_path / "in", {"train": {"a.png": slashes}, "val": {"b.png": slashes}}, truth=False)
    rows = ["0 0.1 0.1 0.2 0.1 0.9 0.9 0.8 0.9", "1 0.9 0.1 0.9 0.2 0.1 0.9 0.1 0.8"]
    (root / "labels" / "train" / "a.txt").write_text("\n".join([*rows, rows[0]]) + "\n")
    merged = derive(read_dataset(root), tmp_path / "out", merge=["x=oil,ship"])
    lines = label_path(merged.splits["train"][0]).read_text().splitlines()
    assert lines[0] == lines[2] == rows[0]
    first, second = (polygon.astype(np.float32) for _, polygon in read_rows(label_path(merged.splits["train"][0]))[:2])
    assert (first.max(axis=0) != second.max(axis=0)).any()
    assert np.abs(second - np.array(rows[1].split()[1:], np.float32).reshape(-1, 2)).max() < 1e-6


def test_a_dataset_that_others_made_is_derived_by_its_labels(tmp_path: Path) -> None:
    for split, folder in (("train", "train"), ("val", "valid")):
        image = write_image(
            tmp_path / "in" / folder / "images" / "a.jpg", grey_image(np.random.default_rng(len(split)), 32, 32)
        )
        label_path(image).parent.mkdir()
        label_path(image).write_text("1.0 .1 .1 .9 .1 .5 .9\r\n0 0.1 0.1 0.9 0.1 0.5 0.8")
    (tmp_path / "in" / "data.yaml").write_text(
        "train: ../train/images\nval: ../valid/images\nnc: 3\nnames: [a, b, c]\nroboflow: {version: 3}\n"
    )
    merged = derive(read_dataset(tmp_path / "in"), tmp_path / "out", merge=["x=b,c"], added=[a_tile()])
    assert merged.names == ("a", "x")
    text = (tmp_path / "out" / "labels" / "val" / "a.txt").read_text()
    assert text == "1 .1 .1 .9 .1 .5 .9\n0 0.1 0.1 0.9 0.1 0.5 0.8\n"
    assert not (tmp_path / "out" / "annotations").exists()
    assert len(merged.splits["train"]) == 2


def test_a_split_named_twice_is_written_once(tmp_path: Path) -> None:
    classes = {"a.png": np.eye(32, dtype=np.uint8)}
    root = write_dataset(tmp_path / "in", {"train": classes}, names=("oil", "ship"))
    (root / "data.yaml").write_text("train: images/train\nval: images/train\nnames: [oil, ship]\n")
    merged = derive(read_dataset(root), tmp_path / "out", merge=["x=oil,ship"])
    assert merged.splits["train"] == merged.splits["val"]
    with pytest.raises(UsageError, match="val and train are the same images"):
        derive(read_dataset(root), tmp_path / "more", added=[replace(a_tile(), truth=LabelledImage(48, 48))])


def test_a_class_that_is_none_is_refused(dataset: Dataset, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no category is called rainbow; there are sheen, ship, thick"):
        derive(dataset, tmp_path / "out", merge=["oil=thick,rainbow"])


def test_a_label_row_of_no_class_is_refused_with_its_line(dataset: Dataset, tmp_path: Path) -> None:
    label_path(dataset.splits["val"][0]).write_text("0 .1 .1 .2 .2 .1 .2\n7 .1 .1 .2 .2 .1 .2\n")
    with pytest.raises(DatasetError, match=r"\.txt:2: no class id from 0 to 2"):
        derive(dataset, tmp_path / "out", merge=MERGE)
    assert not (tmp_path / "out").exists()


def test_a_list_of_repeats_is_to_be_made_afterwards(dataset: Dataset, tmp_path: Path) -> None:
    twice = replace(dataset, splits={**dataset.splits, "train": dataset.splits["train"] * 2})
    with pytest.raises(UsageError, match="lists images more than once"):
        derive(twice, tmp_path / "out", merge=MERGE)
    derive(dataset, tmp_path / "out", merge=MERGE)
    with pytest.raises(UsageError, match="lists images more than once"):
        derive(twice, tmp_path / "out", merge=MERGE)


def test_the_dataset_itself_is_never_written_to(dataset: Dataset, tmp_path: Path) -> None:
    before = files(dataset.root)
    derive(dataset, tmp_path / "out", merge=MERGE, added=[a_tile()])
    for out in (dataset.root, dataset.root / "merged"):
        with pytest.raises(OutputError):
            derive(dataset, out, merge=MERGE, overwrite=True)
    assert files(dataset.root) == before
