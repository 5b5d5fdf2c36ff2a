import zipfile
from pathlib import Path

import pytest

from app.made_batch import batch_of, finish, tiles
from seepseg.app import batch_archive
from seepseg.app.batch_archive import pack


def folder_of(tmp_path: Path) -> Path:
    batch = batch_of(tiles(tmp_path / "tiles", 2), tmp_path / "out")
    batch.start()
    finish(batch)
    return tmp_path / "out"


def test_the_zip_holds_every_file_of_the_prediction_and_no_journal(tmp_path: Path) -> None:
    folder = folder_of(tmp_path)
    with zipfile.ZipFile(pack(folder, tmp_path / "found.zip")) as archive:
        packed = {name.removeprefix("found/"): archive.read(name) for name in archive.namelist()}
    there = {file.relative_to(folder).as_posix(): file.read_bytes() for file in folder.rglob("*") if file.is_file()}
    assert there.pop("progress.jsonl")
    assert packed == there


def test_a_zip_too_large_for_a_browser_leaves_the_pictures_out_and_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(batch_archive, "MOST_BYTES", 10)
    with zipfile.ZipFile(pack(folder_of(tmp_path), tmp_path / "found.zip")) as archive:
        packed = archive.namelist()
    assert "found/masks/tile1.png" in packed
    assert "found/LEFT-OUT.txt" in packed
    assert not any(name.startswith("found/overlays/") for name in packed)
