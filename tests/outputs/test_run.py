import csv
import json
import resource
import tracemalloc
from dataclasses import replace

import cv2
import numpy as np
import pytest
from PIL import Image

from make import write_image
from make_geotiff import write_geotiff
from outputs.stand_in import StandIn, predict_folder, stored
from seepseg.errors import OutputError, UsageError
from seepseg.outputs.place import open_place, write_proof
from seepseg.outputs.saving import EVERYTHING


def images(root, count=5):
    for number in range(count):
        picture = np.zeros((16, 16), np.uint8)
        picture[2 : 5 + number, 3:9] = 200 + number
        write_image(root / "images" / f"tile {number}.png", picture)
    return root / "images"


def files(folder):
    return {file.relative_to(folder).as_posix(): file.read_bytes() for file in folder.rglob("*") if file.is_file()}


def status(folder):
    with (folder / "summary.csv").open(newline="") as text:
        return {row["image"]: row["status"] for row in csv.DictReader(text)}


def test_what_was_stopped_goes_on_and_ends_as_if_it_had_not_been(tmp_path, capsys):
    source = images(tmp_path)
    predict_folder(StandIn(), source, tmp_path / "whole", save=EVERYTHING)
    with pytest.raises(KeyboardInterrupt):
        predict_folder(StandIn(stop_after=2), source, tmp_path / "out", save=EVERYTHING, batch=1)
    assert "2 of 5 images finished" in capsys.readouterr().err
    assert not (tmp_path / "out/summary.csv").exists()
    assert json.loads((tmp_path / "out/prediction.json").read_text())["status"] == "unfinished"
    second = StandIn()
    assert predict_folder(second, source, tmp_path / "out", save=EVERYTHING, batch=1).before == 2
    assert second.seen == 3
    assert files(tmp_path / "out") == files(tmp_path / "whole")


def test_a_line_that_was_cut_off_is_predicted_again(tmp_path):
    source = images(tmp_path)
    predict_folder(StandIn(), source, tmp_path / "out")
    whole = files(tmp_path / "out")
    journal = tmp_path / "out/progress.jsonl"
    journal.write_bytes(journal.read_bytes()[:-20])
    again = StandIn()
    predict_folder(again, source, tmp_path / "out")
    assert again.seen == 1
    assert files(tmp_path / "out") == whole


def test_images_that_came_or_changed_since_are_predicted(tmp_path):
    source = images(tmp_path)
    predict_folder(StandIn(), source, tmp_path / "out")
    write_image(source / "tile 1.png", np.full((20, 20), 99, np.uint8))
    write_image(source / "tile 9.png", np.full((7, 7), 99, np.uint8))
    again = StandIn()
    assert predict_folder(again, source, tmp_path / "out").totals.images == 6
    assert again.seen == 2
    assert cv2.imread(str(tmp_path / "out/masks/tile 1.png"), -1).shape == (20, 20)


def test_an_image_that_changed_and_fails_now_leaves_nothing_of_what_it_was(tmp_path):
    source = images(tmp_path, 2)
    predict_folder(StandIn(), source, tmp_path / "out", save=EVERYTHING)
    (source / "tile 1.png").write_bytes(b"no picture")
    predict_folder(StandIn(), source, tmp_path / "out", save=EVERYTHING)
    assert status(tmp_path / "out")["tile 1.png"].startswith("failed: ")
    assert {name.split("/")[-1] for name in files(tmp_path / "out") if "/" in name} == {"tile 0.png", "tile 0.txt"}


def test_a_picture_that_was_georeferenced_since_keeps_no_mask_of_a_picture(tmp_path):
    picture = np.zeros((16, 16), np.uint8)
    picture[2:9, 3:9] = 201
    for place, mask in (({"crs": None}, "sea.png"), ({}, "sea.tif")):
        write_geotiff(tmp_path / "images/sea.tif", picture, **place)
        predict_folder(StandIn(), tmp_path / "images", tmp_path / "out", save=("masks",))
        assert [file.name for file in (tmp_path / "out/masks").iterdir()] == [mask]


def test_the_quick_look_of_a_scene_takes_no_file_of_a_picture(tmp_path):
    picture = np.zeros((16, 16), np.uint8)
    picture[2:9, 3:9] = 201
    for name, place in (("a.tif", None), ("masks/a.tif", "EPSG:32631"), ("b.tif", "EPSG:32631"), ("masks/b.tif", None)):
        write_geotiff(tmp_path / "images" / name, picture, crs=place)
    for _ in range(2):
        predict_folder(StandIn(), tmp_path / "images", tmp_path / "out", save=(*EVERYTHING, "quicklook"))
        told = status(tmp_path / "out")
        assert told.pop("masks/a.tif") == (
            "failed: its quick look would take the name of a file of a.tif; rename either"
        )
        assert set(told.values()) == {"ok"}
        assert cv2.imread(str(tmp_path / "out/masks/a.png"), -1).shape == (16, 16)


def test_a_scene_that_fails_while_it_is_written_leaves_nothing_that_looks_whole(tmp_path, monkeypatch):
    def refuse(*_):
        raise UsageError("more classes than a class mask can hold")

    monkeypatch.setattr("seepseg.scenes.write_scene.write_class_mask", refuse)
    write_geotiff(tmp_path / "images/sea.tif", np.full((16, 16), 201, np.uint8))
    predict_folder(StandIn(), tmp_path / "images", tmp_path / "out", save=("masks", "geojson"))
    assert status(tmp_path / "out")["sea.tif"] == "failed: more classes than a class mask can hold"
    assert not list((tmp_path / "out").glob("sea*"))


def test_images_that_left_the_source_are_told(tmp_path):
    source = images(tmp_path, 3)
    predict_folder(StandIn(), source, tmp_path / "out")
    (source / "tile 1.png").unlink()
    totals = predict_folder(StandIn(), source, tmp_path / "out").totals
    assert totals.images == 2
    assert totals.notes[0].startswith("1 image of an earlier run is not in the source now, such as tile 1")


def test_a_model_that_was_moved_is_the_same_and_another_one_is_not(tmp_path):
    made = {"model": {"file": "a.pt", "sha256": "a" * 64}, "settings": {}}
    place, _ = open_place(tmp_path / "out", tmp_path / "in", tmp_path / "a.pt", made, overwrite=False)
    write_proof(place, made)
    moved = {"model": {"file": "b.pt", "sha256": "a" * 64}, "settings": {}}
    assert open_place(tmp_path / "out", tmp_path / "in", tmp_path / "b.pt", moved, overwrite=False)[1]
    other = {"model": {"file": "b.pt", "sha256": "b" * 64}, "settings": {}}
    with pytest.raises(OutputError, match=r"sha256 was a{12}\.\.\. and is b{12}\.\.\."):
        open_place(tmp_path / "out", tmp_path / "in", tmp_path / "b.pt", other, overwrite=False)


def test_other_settings_are_refused_by_name(tmp_path):
    source = images(tmp_path)
    predict_folder(StandIn(), source, tmp_path / "out")
    with pytest.raises(OutputError, match=r"limits was \[0.25, 0.25\] and is \[0.5, 0.5\].*--overwrite"):
        predict_folder(StandIn(), source, tmp_path / "out", conf=0.5)


def test_overwrite_leaves_nothing_of_the_earlier_prediction(tmp_path):
    source = images(tmp_path)
    predict_folder(StandIn(), source, tmp_path / "out", save=EVERYTHING)
    (source / "tile 0.png").unlink()
    predict_folder(StandIn(), source, tmp_path / "out", conf=0.5, save=("masks",), overwrite=True)
    assert sorted(one for one in files(tmp_path / "out") if "/" in one) == [f"masks/tile {n}.png" for n in range(1, 5)]


def test_a_folder_that_is_not_ours_is_left_alone(tmp_path):
    (tmp_path / "out").mkdir()
    (tmp_path / "out/thesis.txt").write_text("years of work")
    for overwrite in (False, True):
        with pytest.raises(OutputError):
            predict_folder(StandIn(), images(tmp_path), tmp_path / "out", overwrite=overwrite)
    assert (tmp_path / "out/thesis.txt").read_text() == "years of work"


def test_out_may_not_lie_in_what_is_read(tmp_path):
    source = images(tmp_path)
    with pytest.raises(OutputError, match="which is to be read"):
        predict_folder(StandIn(), source, source / "out")


def test_a_link_that_leads_out_of_the_folder_is_not_followed(tmp_path):
    source = images(tmp_path)
    predict_folder(StandIn(), source, tmp_path / "out")
    for file in (tmp_path / "out/masks").iterdir():
        file.unlink()
    (tmp_path / "out/masks").rmdir()
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "out/masks").symlink_to(tmp_path / "elsewhere")
    write_image(source / "tile 7.png", np.full((7, 7), 99, np.uint8))
    with pytest.raises(OutputError, match="leads out of"):
        predict_folder(StandIn(), source, tmp_path / "out")
    assert not any((tmp_path / "elsewhere").iterdir())


def test_a_link_in_place_of_a_file_is_replaced_and_what_it_leads_to_stays(tmp_path):
    source = images(tmp_path, 1)
    (tmp_path / "precious").write_text("mine")
    (tmp_path / "out/masks").mkdir(parents=True)
    (tmp_path / "out/masks/tile 0.png").symlink_to(tmp_path / "precious")
    (tmp_path / "out/prediction.json").write_text("{}")
    with pytest.raises(OutputError):
        predict_folder(StandIn(), source, tmp_path / "out")
    predict_folder(StandIn(), source, tmp_path / "out", overwrite=True)
    assert (tmp_path / "precious").read_text() == "mine"
    assert not (tmp_path / "out/masks/tile 0.png").is_symlink()


def test_a_full_disk_is_a_sentence_and_leaves_nothing_that_looks_whole(tmp_path):
    rng = np.random.default_rng(0)
    source = write_image(tmp_path / "images/noise.png", rng.integers(1, 3, (200, 200), dtype=np.uint8)).parent
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (4000, hard))
    try:
        with pytest.raises(OutputError, match=r"the disk is full.*give the same command again"):
            predict_folder(StandIn(), source, tmp_path / "out", conf=0.001)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert set(files(tmp_path / "out")) == {"prediction.json", "progress.jsonl"}
    assert predict_folder(StandIn(), source, tmp_path / "out", conf=0.001).totals.worked == 1


def test_a_disk_that_was_full_from_the_start_is_no_hindrance_once_there_is_room(tmp_path):
    source = images(tmp_path, 1)
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (10, hard))
    try:
        with pytest.raises(OutputError, match="the disk is full"):
            predict_folder(StandIn(), source, tmp_path / "out")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert predict_folder(StandIn(), source, tmp_path / "out").totals.worked == 1


def test_bad_files_are_told_and_the_rest_goes_on(tmp_path):
    source = images(tmp_path, 2)
    (source / "empty.png").write_bytes(b"")
    (source / "page.jpg").write_text("<html>not found</html>")
    (source / "cut.png").write_bytes((source / "tile 0.png").read_bytes()[:-20])
    write_image(source / "dot.png", np.full((1, 1), 200, np.uint8))
    outcome = predict_folder(StandIn(), source, tmp_path / "out", batch=2)
    told = status(tmp_path / "out")
    assert {name for name, one in told.items() if one == "ok"} == {"dot.png", "tile 0.png", "tile 1.png"}
    assert "cut off" in told["cut.png"]
    assert [name for name, _ in outcome.totals.failed] == ["cut.png", "empty.png", "page.jpg"]


def test_pages_after_the_first_are_told_of_pictures_and_scenes(tmp_path):
    source = images(tmp_path, 2)
    some = [Image.fromarray(np.tri(100, dtype=np.uint8) * grey) for grey in (200, 210)]
    some[0].crop((0, 0, 40, 40)).save(source / "pages.tif", save_all=True, append_images=some[1:])
    some[0].save(source / "large.tif", save_all=True, append_images=some[1:])
    some[0].save(source / "large.gif", save_all=True, append_images=some[1:])
    totals = predict_folder(StandIn(imgsz=20), source, tmp_path / "out").totals
    told = [note for note in totals.notes if "several pictures" in note]
    assert (totals.worked, totals.scenes) == (5, 2)
    assert [note.partition(":")[0] for note in told] == ["large.gif", "large.tif", "pages.tif"]
    assert json.loads((tmp_path / "out/prediction.json").read_text())["notes"] == totals.notes


def test_an_image_in_which_there_is_nothing_to_see_is_told(tmp_path):
    """One value, no data at all, and a scene of the sea alone."""
    source = images(tmp_path, 2)
    write_image(source / "grey.png", np.full((20, 30), 90, np.uint8))
    write_image(
        source / "clear.png", np.dstack([np.random.default_rng(0).integers(1, 256, (20, 30, 3)), np.zeros((20, 30))])
    )
    write_geotiff(source / "sea.tif", np.full((100, 90), 90, np.uint8))
    write_geotiff(source / "void.tif", np.zeros((100, 90), np.uint8), nodata=0)
    write_geotiff(source / "spot.tif", np.pad(np.full((1, 1), 200, np.uint8), 70))
    totals = predict_folder(StandIn(), source, tmp_path / "out").totals
    told = {note.partition(":")[0] for note in totals.notes if "its answer says nothing" in note}
    assert totals.worked == 7
    assert told == {"grey.png", "clear.png", "sea.tif", "void.tif"}
    with (tmp_path / "out/instances.csv").open() as rows:
        assert "clear.png" not in {row["image"] for row in csv.DictReader(rows)}


def test_what_failed_is_tried_again(tmp_path):
    source = images(tmp_path, 2)
    (source / "late.png").write_bytes(b"")
    predict_folder(StandIn(), source, tmp_path / "out")
    write_image(source / "late.png", np.full((7, 7), 99, np.uint8))
    again = StandIn()
    predict_folder(again, source, tmp_path / "out")
    assert (again.seen, status(tmp_path / "out")["late.png"]) == (1, "ok")


def test_a_model_that_fails_on_one_image_of_a_batch_is_asked_only_for_good_ones(tmp_path):
    source = images(tmp_path, 3)
    (source / "tile 1.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    model = StandIn()
    predict_folder(model, source, tmp_path / "out", batch=3)
    assert model.seen == 2


def test_memory_does_not_grow_with_the_number_of_images(tmp_path):
    rng = np.random.default_rng(0)
    peaks = []
    for count in (16, 64):
        for number in range(count):
            write_image(tmp_path / f"{count}/{number}.png", rng.integers(1, 3, (200, 200), dtype=np.uint8))
        tracemalloc.start()
        predict_folder(StandIn(), tmp_path / str(count), tmp_path / f"out{count}", batch=4, save=("masks",))
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert peaks[1] < 1.2 * peaks[0]


def test_a_second_prediction_into_the_same_folder_waits_its_turn(tmp_path):
    source = images(tmp_path, 1)

    class Slow(StandIn):
        def predict(self, given, **asked):
            with pytest.raises(OutputError, match="another prediction is writing there"):
                predict_folder(StandIn(), source, tmp_path / "out")
            return super().predict(given, **asked)

    predict_folder(Slow(), source, tmp_path / "out")
    assert status(tmp_path / "out") == {"tile 0.png": "ok"}


class Sparing(StandIn):
    """Computes no mask that nobody asked for, as a model does."""

    def predict(self, images, *, masks_above=0.0, **asked):
        least = np.broadcast_to(np.asarray(masks_above, np.float64), len(self.names))
        none = np.zeros((0, 0), np.uint8)
        return [
            replace(
                found,
                detections=tuple(
                    one if one.score > least[one.class_id] else replace(one, mask=none) for one in found.detections
                ),
            )
            for found in StandIn.predict(self, images, **asked)
        ]


@pytest.mark.parametrize(("nodata", "present"), [(None, 1), (101, 0)])
def test_what_is_too_unsure_for_an_object_tells_nothing_where_data_are_missing(tmp_path, nodata, present):
    pixels = np.zeros((30, 30), np.uint8)
    pixels[5:15, 5:15] = 101
    write_geotiff(tmp_path / "images/a.tif", pixels, crs=None, nodata=nodata)
    totals = predict_folder(Sparing(stored()), tmp_path / "images", tmp_path / "out").totals
    assert (totals.worked, totals.with_objects, totals.present) == (1, 0, present)
