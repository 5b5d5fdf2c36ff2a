import csv
import json
import shutil
from pathlib import Path

import cv2
import numpy as np
import pytest
from pycocotools.coco import COCO
from shapely.geometry import box

from make import grey_image, write_image
from make_dataset import write_dataset
from make_geotiff import speckle, write_geojson, write_geotiff
from predict.conftest import picture, untrained
from seepseg.cli import main
from seepseg.commands.predict import read_hysteresis
from seepseg.errors import UsageError
from seepseg.predict.engine import open_model
from seepseg.scaling import Rule

NAMES = ("class0", "class1")
ENGINE = ["--engine", "torch", "--device", "cpu"]


@pytest.fixture(scope="module")
def made(torch, tmp_path_factory):
    """An evaluated run of an untrained network, the dataset that it was evaluated on, and its figures."""
    root = tmp_path_factory.mktemp("made")
    (root / "run/weights").mkdir(parents=True)
    network = untrained(torch, "yolov8n-seg", 2)
    torch.save({"model": network, "train_args": {"imgsz": 64, "task": "segment"}}, root / "run/weights/best.pt")
    model = open_model(root / "run", engine="torch", device="cpu")
    rng = np.random.default_rng(0)
    pictures = {f"{split}{number}.png": grey_image(rng, 48, 64) for split in ("val", "test") for number in range(4)}
    maps = {name: model.predict([one], conf=0.05)[0].class_map.astype(np.uint8) for name, one in pictures.items()}
    for name in list(maps)[::2]:
        maps[name][:] = 0
    splits = {split: {name: one for name, one in maps.items() if split in name} for split in ("val", "test")}
    write_dataset(root / "data", splits, names=NAMES, pixels=pictures)
    quick = ["--replicates", "100", "--device", "cpu", "--no-report"]
    assert main(["eval", str(root / "run"), str(root / "data"), *quick]) == 0
    return root


def read_csv(file: Path) -> list[dict[str, str]]:
    with file.open(encoding="utf-8", newline="") as text:
        return list(csv.DictReader(text))


def predict(made, source, out, *flags):
    return main(["predict", str(made / "run"), str(source), "--out", str(out), *ENGINE, *flags])


def test_verdicts_are_those_that_eval_counts(made, tmp_path):
    assert predict(made, made / "data/images/test", tmp_path / "out") == 0
    mine, theirs = read_csv(tmp_path / "out/summary.csv"), read_csv(made / "run/images.csv")
    assert [row["image"] for row in mine] == [row["image"] for row in theirs]
    assert [row["score"] for row in mine] == [row["presence_score"] for row in theirs]
    assert [row["verdict"] == "yes" for row in mine] == [row["presence_verdict"] == "1" for row in theirs]
    stored = json.loads((made / "run/thresholds.json").read_text())
    limits = json.loads((tmp_path / "out/prediction.json").read_text())["settings"]["confidence"]
    chosen = {name: one["threshold"] for name, one in stored["confidence"].items()}
    assert limits == {name: 0.25 if limit is None else limit for name, limit in chosen.items()}


def test_objects_are_those_of_the_model_at_the_asked_confidence(made, tmp_path, capsys):
    source = write_image(tmp_path / "images/tile 1.png", picture(50, 70))
    assert predict(made, source.parent, tmp_path / "out", "--conf", ".3") == 0
    assert "confidence as given with --conf" in capsys.readouterr().out
    (expected,) = open_model(made / "run", engine="torch", device="cpu").predict([picture(50, 70)], conf=0.3)
    shown = [one for one in expected.detections if one.mask.any()]
    coco = COCO(str(tmp_path / "out/coco.json"))
    found = coco.loadAnns(coco.getAnnIds())
    assert len(found) == len(shown) > 0
    for annotation, one in zip(found, shown, strict=True):
        assert annotation["score"] == pytest.approx(one.score, abs=1e-6)
        whole = np.zeros((50, 70), np.uint8)
        whole[one.inside] = one.mask
        np.testing.assert_array_equal(coco.annToMask(annotation), whole)


def test_a_folder_of_pictures_and_scenes_goes_both_ways(made, tmp_path, capsys):
    write_image(tmp_path / "images/tile.png", picture(48, 64))
    write_geotiff(tmp_path / "images/scene.tif", picture(100, 90)[..., 0])
    write_image(tmp_path / "images/wide.png", picture(20, 300))
    assert predict(made, tmp_path / "images", tmp_path / "out", "--conf", ".3", "--json") == 0
    told = json.loads(capsys.readouterr().out)
    assert (told["images"], told["scenes"], told["failed"]) == (3, 2, [])
    rows = {row["image"]: row for row in read_csv(tmp_path / "out/summary.csv")}
    assert {name: row["kind"] == "scene" for name, row in rows.items()} == {
        "scene.tif": True,
        "tile.png": False,
        "wide.png": True,
    }
    for name in ("scene.tif", "wide.png"):
        features = json.loads((tmp_path / "out" / name).with_suffix(".geojson").read_text())["features"]
        assert len(features) == int(rows[name]["objects"])
        assert (tmp_path / "out/masks" / name).with_suffix(".tif").is_file()


@pytest.mark.parametrize(("save", "written"), [("csv", set()), ("geojson", {"scene.geojson"}), ("masks", {"masks"})])
def test_of_a_scene_nothing_is_made_but_what_is_asked_for(made, tmp_path, save, written):
    source = write_geotiff(tmp_path / "scene.tif", picture(100, 90)[..., 0])
    assert predict(made, source, tmp_path / "out", "--save", save) == 0
    always = {"prediction.json", "progress.jsonl", "summary.csv", *(["instances.csv"] if save == "csv" else [])}
    assert {path.name for path in (tmp_path / "out").iterdir()} == always | written


def test_areas_of_a_scene_are_those_of_its_geojson(made, tmp_path, capsys):
    source = write_geotiff(tmp_path / "scene.tif", picture(100, 90)[..., 0])
    assert predict(made, source, tmp_path / "out", "--conf", ".3") == 0
    assert capsys.readouterr().out.splitlines()[2].split()[-1] == "km2"
    features = json.loads((tmp_path / "out/scene.geojson").read_text())["features"]
    rows = read_csv(tmp_path / "out/instances.csv")
    assert rows
    assert [float(row["area_km2"]) for row in rows] == pytest.approx(
        [one["properties"]["area_km2"] for one in features], rel=1e-4
    )


def test_cleaning_and_filters_reach_the_masks(made, tmp_path):
    source = write_image(tmp_path / "tile.png", picture(50, 70))
    assert predict(made, source, tmp_path / "plain", "--conf", ".3") == 0
    assert predict(made, source, tmp_path / "clean", "--conf", ".3", "--clean", "small:100000") == 0
    assert predict(made, source, tmp_path / "blurred", "--conf", ".3", "--filter", "gaussian:9") == 0
    tables = {name: (tmp_path / name / "instances.csv").read_text() for name in ("plain", "clean", "blurred")}
    assert len(set(tables.values())) == 3
    assert tables["clean"].count("\n") == 1


def test_nothing_readable_is_exit_2(made, tmp_path, capsys):
    (tmp_path / "page.jpg").write_text("<html>")
    assert predict(made, tmp_path / "page.jpg", tmp_path / "out") == 2
    assert "failed: page.jpg" in capsys.readouterr().out
    assert read_csv(tmp_path / "out/summary.csv")[0]["status"].startswith("failed: ")


@pytest.mark.parametrize(
    ("flags", "words"),
    [
        (["--save", "maks"], "did you mean masks"),
        (["--every", "2"], "--every is for video"),
        (["--hysteresis", ".1,.5,.3"], "none higher than the one before"),
        (["--clean", "polish"], "no step is called"),
        (["--overlap", "2000"], "--overlap"),
        (["--batch", "0"], "--batch 0"),
        (["--conf", "tank=.5"], "no class tank"),
        (["--mask-vector", "nowhere.geojson"], "no such file"),
        (["--scale", "db:0,-35"], "--scale db:0,-35: give db:-35,0"),
        (["--frames", "--scale", "minmax"], "--scale is for images and scenes"),
        (["--gsd", "0"], "--gsd 0: give metres per pixel"),
    ],
)
def test_a_wrong_setting_is_told_before_anything_is_written(made, tmp_path, capsys, flags, words):
    source = write_image(tmp_path / "tile.png", picture(50, 70))
    assert predict(made, source, tmp_path / "out", *flags) == 2
    assert words in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_a_model_of_8_bit_images_takes_float_ones_by_a_rule_that_is_given(made, tmp_path, capsys):
    grey = picture(100, 90)[..., 0]
    decibels = ((grey.astype(np.float32) - 1) / 254 * 35 - 35).clip(-35)
    place = dict.fromkeys(("bytes", "float"), "EPSG:32631") | {"plain": None, "plain_float": None}
    for name, crs in place.items():
        write_geotiff(tmp_path / f"{name}.tif", decibels if "float" in name else grey.clip(1), crs=crs)
        scale = ["--scale", "db:-35,0"] if "float" in name else []
        assert predict(made, tmp_path / f"{name}.tif", tmp_path / name, "--conf", ".05", "--save", "masks", *scale) == 0
        assert bool(scale) == ("is not known" in capsys.readouterr().out)
    for one, other, suffix in (("bytes", "float", "tif"), ("plain", "plain_float", "png")):
        masks = [cv2.imread(str(tmp_path / name / f"masks/{name}.{suffix}"), -1) for name in (one, other)]
        assert masks[0].any()
        assert np.array_equal(*masks)
    assert predict(made, tmp_path / "float.tif", tmp_path / "none") == 2
    assert "float32" in capsys.readouterr().out


def test_a_rule_is_refused_where_the_model_has_its_own(made, tmp_path, capsys):
    shutil.copytree(made / "run", tmp_path / "made/run")
    rule = Rule("db", (-30.0,), (0.0,), (1,), "dB")
    (tmp_path / "made/run/input.json").write_text(json.dumps({"imgsz": 64, "scale": rule.as_json()}))
    source = write_geotiff(tmp_path / "scene.tif", speckle(64, 64))
    assert predict(tmp_path / "made", source, tmp_path / "out", "--scale", "minmax") == 2
    assert "has the rule of its training" in capsys.readouterr().err


def test_frames_become_a_film(made, tmp_path, capsys):
    for number in range(3):
        write_image(tmp_path / f"frames/{number}.png", picture(48, 64, number))
    flags = ["--frames", "--conf", ".3", "--save", "csv", "--json"]
    assert predict(made, tmp_path / "frames", tmp_path / "out", *flags) == 0
    assert json.loads(capsys.readouterr().out)["frames"] == 3
    assert (tmp_path / "out/tracks.csv").is_file()


def test_all_of_a_film_is_what_a_film_can_give(made, tmp_path):
    write_image(tmp_path / "frames/1.png", picture(48, 64))
    assert predict(made, tmp_path / "frames", tmp_path / "out", "--frames", "--conf", ".3", "--save", "all") == 0
    written = {path.name for path in (tmp_path / "out").iterdir()}
    assert written == {"frames.mp4", "tracks.csv", "tracks_by_frame.csv", "masks", "instances", "video.json"}


def test_another_confidence_is_another_prediction(made, tmp_path, capsys):
    source = write_image(tmp_path / "tile.png", picture(50, 70))
    assert predict(made, source, tmp_path / "out") == 0
    assert predict(made, source, tmp_path / "out", "--conf", ".3") == 2
    assert 'presence was "stored thresholds" and is "as confidence"' in capsys.readouterr().err


def test_other_land_in_the_same_file_is_another_prediction(made, tmp_path, capsys):
    source = write_geotiff(tmp_path / "scene.tif", picture(100, 90)[..., 0])
    land = ["--mask-vector", str(write_geojson(tmp_path / "land.geojson", [(box(0, 0, 9, 9), {})]))]
    assert predict(made, source, tmp_path / "out", *land) == 0
    assert predict(made, source, tmp_path / "out", *land) == 0
    write_geojson(tmp_path / "land.geojson", [(box(0, 0, 50, 9), {})])
    assert predict(made, source, tmp_path / "out", *land) == 2
    assert "mask_vector_sha256 was" in capsys.readouterr().err


def test_other_thresholds_or_another_scaling_beside_the_weights_make_another_prediction(made, tmp_path, capsys):
    shutil.copytree(made / "run", tmp_path / "made/run")
    source, run = write_image(tmp_path / "tile.png", picture(50, 70)), tmp_path / "made/run"
    assert predict(tmp_path / "made", source, tmp_path / "out", "--conf", ".3") == 0
    assert predict(tmp_path / "made", source, tmp_path / "out", "--conf", ".3") == 0
    (run / "input.json").write_text(json.dumps({"imgsz": 64, "metres_per_pixel": 20.0}))
    assert predict(tmp_path / "made", source, tmp_path / "out", "--conf", ".3") == 2
    assert "input_sha256 was" in capsys.readouterr().err
    (run / "thresholds.json").unlink()
    assert predict(tmp_path / "made", source, tmp_path / "out", "--conf", ".3") == 2
    assert "thresholds_sha256 was" in capsys.readouterr().err


def test_overwrite_does_not_remove_the_land_that_is_to_be_read(made, tmp_path, capsys):
    source = write_geotiff(tmp_path / "scene.tif", picture(100, 90)[..., 0])
    assert predict(made, source, tmp_path / "out") == 0
    land = write_geojson(tmp_path / "out/land.geojson", [(box(0, 0, 9, 9), {})])
    assert predict(made, source, tmp_path / "out", "--mask-vector", str(land), "--overwrite") == 2
    assert "which is to be read and lies in" in capsys.readouterr().err
    assert land.is_file()


def test_flags_of_scenes_that_met_none_are_told(made, tmp_path, capsys):
    source = write_image(tmp_path / "tile.png", picture(50, 70))
    assert predict(made, source, tmp_path / "out", "--gsd", "10", "--overlap", ".3") == 0
    assert "--gsd and --overlap changed nothing: no image was a scene" in capsys.readouterr().out


def test_what_was_written_is_listed(made, tmp_path, capsys):
    source = write_image(tmp_path / "tile.png", picture(50, 70))
    assert predict(made, source, tmp_path / "out", "--save", "masks,csv") == 0
    assert "written: masks/, instances.csv, summary.csv" in capsys.readouterr().out


@pytest.mark.parametrize("flags", [["--gsd", "10"], ["--overlap", "0"], ["--tile", "never"], ["--geopackage"]])
def test_flags_of_scenes_are_refused_for_a_film(made, tmp_path, capsys, flags):
    write_image(tmp_path / "frames/1.png", picture(48, 64))
    assert predict(made, tmp_path / "frames", tmp_path / "out", "--frames", *flags) == 2
    assert f"{flags[0]} is for scenes" in capsys.readouterr().err


def test_hysteresis_is_three_numbers():
    assert read_hysteresis(".5,.3,.1").outline == 0.3
    with pytest.raises(UsageError, match="three confidences"):
        read_hysteresis(".5,.3")
