import csv
import shutil
from pathlib import Path

import numpy as np
import pytest

from app.made_batch import Gate, batch_of, finish, tiles
from make_geotiff import write_geotiff
from outputs.stand_in import StandIn, predict_folder
from seepseg.app.batch import AT_ONCE, Batch, tell, write_wait
from seepseg.errors import OutputError
from seepseg.predict.model_input import ModelInput


def started(batch: Batch) -> Batch:
    batch.start()
    return batch


def run(source: Path, out: Path, **wish: object) -> Batch:
    return finish(started(batch_of(source, out, **wish)))


def test_a_batch_writes_what_the_command_writes(tmp_path: Path) -> None:
    source = tiles(tmp_path / "tiles", 6)
    batch = run(source, tmp_path / "page")
    predict_folder(StandIn(), source, tmp_path / "command")
    for file in ("summary.csv", "instances.csv", "coco.json", "masks/tile3.png", "overlays/tile5.png"):
        assert (tmp_path / "page" / file).read_bytes() == (tmp_path / "command" / file).read_bytes()
    assert batch.state == "finished"
    assert tell(batch) == "Potential finds in 5 of 6 images."


def test_the_confidence_that_was_asked_for_counts(tmp_path: Path) -> None:
    batch = run(tiles(tmp_path / "tiles", 4), tmp_path / "out", conf=201.5 / 255)
    assert batch.ready.confidence.source == "confidence as chosen on the page"
    assert batch.outcome.totals.counts == [1, 1]
    assert batch.outcome.totals.present == 2


def test_small_objects_are_left_out_where_that_was_asked(tmp_path: Path) -> None:
    batch = run(tiles(tmp_path / "tiles", 4), tmp_path / "out", smallest_px=25)
    assert sum(batch.outcome.totals.counts) == 1


def test_float_values_are_read_by_the_rule_that_was_asked_for(tmp_path: Path) -> None:
    pixels = np.zeros((16, 16), np.float32)
    pixels[4:9, 3:9] = 1
    for number in range(2):
        write_geotiff(tmp_path / f"tiles/{number}.tif", pixels + number, crs=None)
    model = StandIn(input=ModelInput())
    refused = finish(started(batch_of(tmp_path / "tiles", tmp_path / "a", model)))
    assert tell(refused).endswith("2 images could not be read.")
    batch = finish(started(batch_of(tmp_path / "tiles", tmp_path / "b", model, scale="minmax")))
    assert tell(batch) == "Potential finds in 2 of 2 images."
    assert model.input == ModelInput()


def test_a_file_that_is_no_image_is_counted_and_does_not_stop_the_others(tmp_path: Path) -> None:
    source = tiles(tmp_path / "tiles", 3)
    (source / "broken.png").write_bytes(b"no image")
    batch = run(source, tmp_path / "out")
    assert tell(batch) == "Potential finds in 2 of 3 images; 1 image could not be read."


def test_progress_counts_finished_images(tmp_path: Path) -> None:
    model = Gate()
    batch = batch_of(tiles(tmp_path / "tiles", 5), tmp_path / "out", model)
    batch.start()
    before = batch.progress()
    model.opened.set()
    finish(batch)
    after = batch.progress()
    assert (before.done, before.total, before.seconds_left) == (0, 5, None)
    assert (after.done, after.share, after.seconds_left) == (5, 1.0, 0.0)


def test_what_is_finished_when_a_batch_is_cancelled_is_kept(tmp_path: Path) -> None:
    model = Gate()
    batch = batch_of(tiles(tmp_path / "tiles", 3 * AT_ONCE), tmp_path / "out", model)
    batch.start()
    assert model.asked.wait(10)
    batch.cancel()
    assert batch.stopping
    model.opened.set()
    finish(batch)
    with (tmp_path / "out/summary.csv").open() as table:
        assert len(list(csv.DictReader(table))) == AT_ONCE
    assert tell(batch) == "Cancelled after 4 of 12 images. Potential finds in 3 of 4 images."


def test_a_cancelled_batch_ends_even_where_what_is_finished_cannot_be_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(place: object) -> object:
        raise OSError("the disk is gone")

    model = Gate()
    batch = batch_of(tiles(tmp_path / "tiles", 3 * AT_ONCE), tmp_path / "out", model)
    batch.start()
    assert model.asked.wait(10)
    batch.cancel()
    monkeypatch.setattr("seepseg.app.batch.open_journal", broken)
    model.opened.set()
    finish(batch)
    assert (batch.state, str(batch.error)) == ("failed", "the disk is gone")


def test_a_batch_whose_visitor_is_gone_ends_and_leaves_nothing(tmp_path: Path) -> None:
    model = Gate()
    batch = batch_of(tiles(tmp_path / "tiles", 3 * AT_ONCE), tmp_path / "out", model)
    batch.start()
    assert model.asked.wait(10)
    shutil.rmtree(tmp_path / "out")
    model.opened.set()
    finish(batch)
    assert not (tmp_path / "out").exists() or not any((tmp_path / "out").rglob("*.png"))
    assert model.seen <= AT_ONCE


def test_the_lock_of_the_model_is_held_while_it_predicts_and_free_afterwards(tmp_path: Path) -> None:
    held = []

    class Watched(StandIn):
        def predict(self, images: object, **asked: object) -> object:
            held.append(batch._lock.locked())
            return super().predict(images, **asked)

    batch = batch_of(tiles(tmp_path / "tiles", 2), tmp_path / "out", Watched())
    batch.start()
    finish(batch)
    assert held == [True]
    assert not batch._lock.locked()


def test_an_error_ends_the_batch_and_is_kept_for_the_page(tmp_path: Path) -> None:
    class Broken(StandIn):
        def predict(self, images: object, **asked: object) -> object:
            raise OutputError("the disk is full")

    batch = batch_of(tiles(tmp_path / "tiles", 2), tmp_path / "out", Broken())
    batch.start()
    finish(batch)
    assert batch.state == "failed"
    assert str(batch.error) == "the disk is full"


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (None, "the first images take a moment"),
        (4, "a few seconds left"),
        (44, "about 40 seconds left"),
        (130, "about 2 minutes left"),
        (3 * 3600, "about 3.0 hours left"),
    ],
)
def test_the_time_left_is_told_no_finer_than_it_is_known(seconds: float | None, words: str) -> None:
    assert write_wait(seconds) == words
