import json

import cv2
import numpy as np
import pytest

from seepseg.cli import main
from seepseg.simulate.drift import DriftSettings, write_drift
from seepseg.splits.groups import recognise_groups

SETTINGS = DriftSettings(count=3, size=128, frames=4)


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    out = tmp_path_factory.mktemp("drift") / "out"
    return out, write_drift(out, SETTINGS)


def frames_of(out, kind, sequence):
    files = sorted((out / f"train_{kind}_128").glob(f"{sequence:06d}.*.tif"))
    return [cv2.imread(str(file), cv2.IMREAD_UNCHANGED) for file in files]


def test_names_are_sequence_and_frame_and_keep_together(made):
    names = {
        kind: sorted(file.stem for file in (made[0] / f"train_{kind}_128").iterdir()) for kind in ("images", "masks")
    }
    assert names["images"] == names["masks"]
    groups, _ = recognise_groups(names["images"], None)
    assert sorted(set(groups)) == ["000001", "000002", "000003"]
    assert len(groups) == 12


def test_slicks_move_but_stay_about_as_large(made):
    areas = []
    for sequence in range(1, 4):
        first, *_, last = frames_of(made[0], "masks", sequence)
        assert (first != last).any()
        areas.append(last.sum() / first.sum())
    assert all(0.5 < area < 2 for area in areas)


def test_speckle_is_new_in_every_frame(made):
    one, two = frames_of(made[0], "images", 1)[:2]
    rough = [image - cv2.GaussianBlur(image, (0, 0), 4) for image in (one.astype(np.float32), two.astype(np.float32))]
    assert abs(np.corrcoef(rough[0].ravel(), rough[1].ravel())[0, 1]) < 0.05


def test_slicks_are_darker_than_the_sea_beside_them(made):
    darker = []
    for sequence in range(1, 4):
        for image, mask in zip(
            frames_of(made[0], "images", sequence), frames_of(made[0], "masks", sequence), strict=True
        ):
            ring = cv2.dilate(mask, np.ones((15, 15), np.uint8)) - cv2.dilate(mask, np.ones((3, 3), np.uint8))
            darker.append(image[ring > 0].mean() - image[mask > 0].mean())
    assert min(darker) > 0


def test_the_record_counts_what_the_masks_hold(made):
    counted = sum(cv2.connectedComponents(mask)[0] - 1 for s in (1, 2, 3) for mask in frames_of(made[0], "masks", s))
    record = json.loads((made[0] / "simulation.json").read_text())
    assert record["instances"] == made[1]["instances"] == {"slick": counted}


def test_the_same_seed_gives_the_same_bytes_whoever_works(made, tmp_path):
    write_drift(tmp_path / "again", SETTINGS, workers=2)
    for file in made[0].rglob("*.tif"):
        assert file.read_bytes() == (tmp_path / "again" / file.relative_to(made[0])).read_bytes()


def test_by_command_and_ready_for_convert(tmp_path, capsys):
    out, data = str(tmp_path / "sea"), str(tmp_path / "data")
    assert main(["simulate", "drift", out, "--count", "3", "--frames", "2", "--workers", "1"]) == 0
    assert "3 simulated sequences; instances: slick" in capsys.readouterr().out
    masks = ["convert", "masks", f"{out}/train_images_128", f"{out}/train_masks_128", data]
    assert main([*masks, "--names", "slick", "--imgsz", "128", "--workers", "1"]) == 0


def test_frames_are_one_or_more(tmp_path, capsys):
    assert main(["simulate", "drift", str(tmp_path / "a"), "--frames", "0"]) == 2
    assert "--frames 0: give a whole number from 1" in capsys.readouterr().err
