import hashlib
from pathlib import Path

import cv2
import numpy as np

from make import grey_image, write_image
from seepseg.check.findings import Ledger
from seepseg.check.leakage import Tile, judge_leakage, judge_near
from seepseg.splits.twins import fingerprint

RNG = np.random.default_rng(7)


def tile(root: Path, split, name, pixels, group=None):
    image = write_image(root / split / f"{name}.png", pixels)
    return Tile(split, image, name, hashlib.sha256(image.read_bytes()).hexdigest(), group, fingerprint(pixels))


def judge(tiles):
    ledger = Ledger()
    judge_leakage(tiles, ledger)
    return [(one.code, one.count) for one in ledger.findings()]


def test_other_pictures_do_not_leak(tmp_path):
    tiles = [tile(tmp_path, split, split, grey_image(RNG, 64, 64), split) for split in ("train", "val")]
    assert judge(tiles) == []


def test_a_scene_on_two_sides_is_told_once(tmp_path):
    tiles = [
        tile(tmp_path, split, f"{split}{k}", grey_image(RNG, 64, 64), "s") for split in ("train", "val") for k in "ab"
    ]
    assert judge(tiles) == [("leak-group", 1)]


def test_the_same_file_on_two_sides_is_a_fault_and_within_one_a_warning(tmp_path):
    pixels = grey_image(RNG, 64, 64)
    train, twin = tile(tmp_path, "train", "a", pixels), tile(tmp_path, "train", "b", pixels)
    assert judge([train, tile(tmp_path, "val", "c", pixels)]) == [("leak-copy", 1)]
    assert judge([train, twin]) == [("copy-within", 1)]


def test_a_turned_and_a_flipped_copy_across_the_split_are_faults(tmp_path):
    pixels = grey_image(RNG, 64, 48)
    tiles = [
        tile(tmp_path, "train", "a", pixels),
        tile(tmp_path, "val", "b", np.rot90(pixels).copy()),
        tile(tmp_path, "test", "c", pixels[:, ::-1].copy()),
    ]
    assert judge(tiles) == [("leak-turned", 2)]


def test_near_twins_are_told_and_bring_their_scenes_together(tmp_path):
    sea = cv2.GaussianBlur(RNG.standard_normal((160, 160)), (0, 0), 1.5)
    sea = ((sea - sea.min()) / np.ptp(sea) * 255).astype(np.uint8)
    tiles = [
        tile(tmp_path, "train", "a", sea[:128, :128].copy(), "s1"),
        tile(tmp_path, "train", "b", grey_image(RNG, 128, 128), "s1"),
        tile(tmp_path, "val", "c", sea[10:138, 7:135].copy(), "s2"),
        tile(tmp_path, "val", "d", grey_image(RNG, 128, 128), "s3"),
    ]
    ledger = Ledger()
    groups = judge_near(tiles, ledger)
    assert [one.code for one in ledger.findings()] == ["leak-near"]
    assert groups == {"a": "a", "b": "a", "c": "a"}
    backwards = Ledger()
    assert judge_near(tiles[::-1], backwards) == groups
    assert backwards.findings() == ledger.findings()
