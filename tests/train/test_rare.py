import hashlib
import json
from collections import Counter
from pathlib import Path

import cv2
import numpy as np
import pytest
from scipy import ndimage

from make import Bitmap, write_image
from make_dataset import write_dataset
from seepseg import rle
from seepseg.check.report import check_dataset
from seepseg.check.rules import FAULT
from seepseg.dataset.fidelity import paint_row
from seepseg.dataset.layout import Dataset, label_path, read_dataset, read_rows
from seepseg.errors import UsageError
from seepseg.train.derive import Tile, derive
from seepseg.train.patches import cut_patch, part_of, turn_patch
from seepseg.train.rare import PastePlan, paint_pastes, plan_pastes
from seepseg.train.seam import REACH
from seepseg.values import Instance

SIDE = 96
NAMES = ("sheen", "thick")


def slicks(*boxes: tuple[int, int, int, int, int]) -> Bitmap:
    """Ellipses of a class + 1: value, centre, half axes."""
    classes = np.zeros((SIDE, SIDE), np.uint8)
    for value, x, y, wide, high in boxes:
        cv2.ellipse(classes, (x, y), (wide, high), 30, 0, 360, value, -1)
    return classes


def sea(seed: int, classes: Bitmap) -> Bitmap:
    level = 140.0 - 45 * cv2.GaussianBlur((classes > 0).astype(np.float32), (0, 0), 0.6)
    return np.clip(np.random.default_rng(seed).normal(level, 9), 1, 254).astype(np.uint8)


TRAIN = {
    "s1.000.png": slicks((1, 30, 30, 14, 6)),
    "s1.001.png": slicks((1, 60, 60, 20, 5), (1, 20, 70, 5, 5)),
    "s2.000.png": slicks((2, 50, 40, 12, 7)),
    "s2.001.png": slicks((2, 70, 20, 9, 3), (1, 20, 70, 8, 5)),
    "s3.000.png": slicks(),
    "s3.001.png": slicks(),
    "s3.002.png": slicks((1, 80, 80, 9, 4)),
}
OTHER = {"val": {"v.png": slicks((2, 40, 40, 20, 10))}, "test": {"t.png": slicks((2, 40, 40, 10, 20))}}


def write(root: Path, train: dict[str, Bitmap] | None = None, **options: object) -> Dataset:
    splits = {"train": TRAIN if train is None else train, **OTHER}
    images = {name: classes for split in splits.values() for name, classes in split.items()}
    pixels = {name: sea(seed, classes) for seed, (name, classes) in enumerate(images.items())}
    groups = {name: name.split(".")[0] for name in images}
    settings = {"names": NAMES, "imgsz": SIDE, "pixels": pixels, "groups": groups} | options
    write_dataset(root, splits, **settings)  # type: ignore[arg-type]
    return read_dataset(root)


@pytest.fixture
def dataset(tmp_path: Path) -> Dataset:
    return write(tmp_path / "sea")


def mask_of(tile: Tile, one: Instance) -> Bitmap:
    return rle.decode(one.rle, tile.truth.width, tile.truth.height)


def painted(plan: PastePlan) -> list[tuple[Tile, list[Bitmap], list[Bitmap]]]:
    """Each tile, the masks of its own objects, and those of the pasted ones."""
    found = []
    for tile, planned in zip(paint_pastes(plan), plan.tiles, strict=True):
        masks = [mask_of(tile, one) for one in tile.truth.instances]
        own = len(planned.receiver.objects)
        found.append((tile, masks[:own], masks[own:]))
    return found


def fingerprint(tiles: list[Tile]) -> list[tuple[str, str, str]]:
    return [(tile.stem, hashlib.sha256(tile.pixels.tobytes()).hexdigest(), repr(tile.truth)) for tile in tiles]


def test_every_class_has_the_target_afterwards(dataset: Dataset, tmp_path: Path) -> None:
    plan = plan_pastes(dataset, target=14)
    derived = derive(dataset, tmp_path / "more", added=paint_pastes(plan))
    document = json.loads((derived.root / "annotations/train.json").read_text())
    counts = Counter(one["category_id"] for one in document["annotations"])
    rows = Counter(row[0] for image in derived.splits["train"] for row in read_rows(label_path(image)))
    assert plan.after == (14, 14) == (counts[0], counts[1]) == (rows[0], rows[1])
    assert plan.before == (5, 2)
    assert plan.notes == ()


def test_a_class_that_has_enough_is_not_pasted(dataset: Dataset) -> None:
    plan = plan_pastes(dataset, target=5)
    assert plan.pasted == (0, 3)
    assert plan.after[1] == 5


def test_nothing_is_done_where_no_class_is_rare(dataset: Dataset) -> None:
    plan = plan_pastes(dataset, target=2)
    assert plan.tiles == ()
    assert list(paint_pastes(plan)) == []


@pytest.mark.slow
def test_the_derived_dataset_has_no_fault(dataset: Dataset, tmp_path: Path) -> None:
    derived = derive(dataset, tmp_path / "more", added=paint_pastes(plan_pastes(dataset, target=10)))
    report = check_dataset(derived.yaml)
    assert [one for one in report.findings if one.severity == FAULT] == []


def test_pasted_label_rows_paint_the_very_mask(dataset: Dataset, tmp_path: Path) -> None:
    plan = plan_pastes(dataset, target=12)
    derived = derive(dataset, tmp_path / "more", added=paint_pastes(plan))
    for tile, own, pasted in painted(plan):
        drawn = np.zeros((SIDE, SIDE), np.uint8)
        for _, polygon in read_rows(derived.root / f"labels/train/{tile.stem}.txt"):
            crop, x, y = paint_row(polygon, SIDE, SIDE)
            drawn[y : y + crop.shape[0], x : x + crop.shape[1]] |= crop
        assert np.array_equal(drawn, np.maximum.reduce([*own, *pasted]))


def test_the_mask_is_the_one_that_was_painted(dataset: Dataset) -> None:
    plan = plan_pastes(dataset, target=12)
    for planned, (_, _, pasted) in zip(plan.tiles, painted(plan), strict=True):
        for paste, mask in zip(planned.pastes, pasted, strict=True):
            patch = turn_patch(cut_patch(paste.donor, paste.index, plan.seam), paste.turn)
            assert patch is not None
            there, of_patch = part_of(patch, paste.x, paste.y, SIDE, SIDE)
            assert np.array_equal(mask[there], patch.mask[of_patch])
            assert mask.sum() == patch.mask.sum()


def test_pixels_change_at_the_pasted_masks_and_around_them_alone(dataset: Dataset) -> None:
    for tile, _, pasted in painted(plan_pastes(dataset, target=12)):
        before = cv2.imread(str(dataset.root / str(tile.origin["source"])), cv2.IMREAD_GRAYSCALE)
        assert before is not None
        change = tile.pixels.astype(int) - before
        away = ndimage.distance_transform_edt(1 - np.maximum.reduce(pasted))
        assert not change[away > 1.4 * REACH + 1].any()
        for mask in pasted:
            assert change[mask > 0].mean() < -25


def test_no_pasted_object_comes_near_another(dataset: Dataset) -> None:
    for _, own, pasted in painted(plan_pastes(dataset, target=30)):
        for index, mask in enumerate(pasted):
            others = [*own, *pasted[:index]]
            if others:
                away = ndimage.distance_transform_edt(1 - np.maximum.reduce(others))
                assert away[mask > 0].min() > REACH - 1


def test_the_objects_of_the_receiver_stay(dataset: Dataset) -> None:
    plan = plan_pastes(dataset, target=30)
    kept = 0
    for planned, (tile, own, _) in zip(plan.tiles, painted(plan), strict=True):
        before = cv2.imread(str(planned.receiver.image), cv2.IMREAD_GRAYSCALE)
        assert before is not None
        for mask, (_, counts) in zip(own, planned.receiver.objects, strict=True):
            kept += 1
            assert np.array_equal(mask, rle.decode(counts, SIDE, SIDE))
            assert np.array_equal(tile.pixels[mask > 0], before[mask > 0])
    assert kept


def test_no_object_is_laid_on_ignored_pixels_or_where_there_is_no_data(tmp_path: Path) -> None:
    empty, void = slicks(), np.zeros((SIDE, SIDE), np.uint8)
    void[:, :40] = 1
    dataset = write(tmp_path, {"a.png": slicks((2, 60, 40, 9, 5)), "b.png": empty, "c.png": empty})
    black = sea(7, empty)
    black[40:] = 0
    write_image(tmp_path / "images/train/b.png", black)
    document = json.loads((tmp_path / "annotations/train.json").read_text())
    ignore = {"size": [SIDE, SIDE], "counts": rle.encode(void).decode()}
    document["images"][2]["ignore"] = ignore
    (tmp_path / "annotations/train.json").write_text(json.dumps(document))
    closed = {"images/train/b.png": black == 0, "images/train/c.png": void > 0}
    plan = plan_pastes(dataset, target=9)
    seen = set()
    for tile, _, pasted in painted(plan):
        source = str(tile.origin["source"])
        if source in closed:
            seen.add(source)
            assert not closed[source][np.maximum.reduce(pasted) > 0].any()
            assert tile.truth.ignore == (ignore["counts"].encode() if source.endswith("c.png") else None)
    assert seen == set(closed)


def test_neither_val_nor_test_is_read(dataset: Dataset, tmp_path: Path) -> None:
    whole = fingerprint(list(paint_pastes(plan_pastes(dataset, target=10))))
    poisoned = write(tmp_path / "poisoned")
    for split, file in (("val", "v"), ("test", "t")):
        for path in (f"images/{split}/{file}.png", f"labels/{split}/{file}.txt", f"annotations/{split}.json"):
            (poisoned.root / path).unlink()
            (poisoned.root / path).mkdir()
    again = list(paint_pastes(plan_pastes(poisoned, target=10)))
    assert fingerprint(again) == whole
    named = {one["from"] for tile in again for one in tile.origin["pasted"]} | {tile.origin["source"] for tile in again}
    assert named <= {f"images/train/{name}" for name in TRAIN}


def test_the_originals_stay_as_they_were(dataset: Dataset) -> None:
    def digest() -> dict[Path, bytes]:
        return {file: file.read_bytes() for file in dataset.root.rglob("*") if file.is_file()}

    before = digest()
    list(paint_pastes(plan_pastes(dataset, target=10)))
    assert digest() == before


def test_one_seed_gives_one_result_and_another_seed_another(dataset: Dataset) -> None:
    first, second, other = (list(paint_pastes(plan_pastes(dataset, target=10, seed=seed))) for seed in (3, 3, 4))
    assert fingerprint(first) == fingerprint(second)
    assert fingerprint(first) != fingerprint(other)


@pytest.mark.slow
def test_more_workers_give_the_same_tiles(dataset: Dataset) -> None:
    plan = plan_pastes(dataset, target=10)
    assert fingerprint(list(paint_pastes(plan, workers=2))) == fingerprint(list(paint_pastes(plan)))


def test_a_pasted_tile_belongs_to_the_receivers_group_and_says_where_it_is_from(dataset: Dataset) -> None:
    for tile in paint_pastes(plan_pastes(dataset, target=8)):
        source = Path(str(tile.origin["source"]))
        assert tile.origin["group"] == source.name.split(".")[0]
        assert tile.stem.startswith(f"{source.stem}.paste")
        assert tile.origin["seam"] == "speckle"
        assert {one["class"] for one in tile.origin["pasted"]} <= set(NAMES)
        assert json.loads(json.dumps(tile.origin)) == tile.origin


def test_empty_tiles_receive_first(dataset: Dataset) -> None:
    plan = plan_pastes(dataset, target=3)
    assert {tile.receiver.stem for tile in plan.tiles} <= {"s3.000", "s3.001"}


def test_no_object_is_pasted_into_its_own_tile(dataset: Dataset) -> None:
    plan = plan_pastes(dataset, target=40)
    assert all(paste.donor.image != tile.receiver.image for tile in plan.tiles for paste in tile.pastes)


def test_donors_take_turns(dataset: Dataset) -> None:
    plan = plan_pastes(dataset, target=22)
    taken = Counter((paste.donor.stem, paste.index) for tile in plan.tiles for paste in tile.pastes if paste.class_id)
    assert max(taken.values()) - min(taken.values()) <= 1


def test_a_class_of_one_instance_is_pasted(tmp_path: Path) -> None:
    train = {"a.png": slicks((2, 40, 40, 8, 5), (1, 70, 80, 8, 4))} | {f"{n}.png": slicks() for n in range(3)}
    plan = plan_pastes(write(tmp_path, train), target=6)
    assert plan.after == (6, 6)


def test_a_class_without_instances_says_so(tmp_path: Path) -> None:
    plan = plan_pastes(write(tmp_path, {"a.png": slicks((1, 40, 40, 8, 5)), "b.png": slicks()}), target=4)
    assert plan.after == (4, 0)
    assert plan.notes == ("thick: pasting reaches 0 of 4 instances: the training split holds none to paste",)


def test_full_tiles_say_what_could_not_be_done(tmp_path: Path) -> None:
    full = np.ones((SIDE, SIDE), np.uint8)
    plan = plan_pastes(write(tmp_path, {"a.png": slicks((2, 40, 40, 9, 5)), "b.png": full, "c.png": full}), target=2)
    assert plan.after == (2, 1)
    assert plan.notes == ("thick: pasting reaches 1 of 2 instances: no other training tile has room for one",)


def test_the_only_tile_cannot_receive_its_own_object(tmp_path: Path) -> None:
    plan = plan_pastes(write(tmp_path, {"a.png": slicks((2, 40, 40, 8, 5))}), target=2)
    assert plan.after == (0, 1)
    assert len(plan.notes) == 2


def test_a_dataset_without_truth_gives_objects_from_its_rows(tmp_path: Path) -> None:
    plan = plan_pastes(write(tmp_path, truth=False), target=9)
    assert plan.after == (9, 9)
    assert all(len(pasted) and all(mask.sum() > 20 for mask in pasted) for _, _, pasted in painted(plan))


@pytest.mark.parametrize(("target", "most"), [(0, 3), (-4, 3), (10, 0)])
def test_a_target_of_nothing_is_told(dataset: Dataset, target: int, most: int) -> None:
    with pytest.raises(UsageError, match="must be whole numbers from 1 on"):
        plan_pastes(dataset, target=target, most_per_tile=most)


def test_no_tile_gets_more_than_asked_for(dataset: Dataset) -> None:
    assert max(len(tile.pastes) for tile in plan_pastes(dataset, target=20, most_per_tile=1).tiles) == 1
