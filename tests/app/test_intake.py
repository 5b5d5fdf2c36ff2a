import os
import zlib
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import cv2
import numpy as np
import pytest
import rasterio
from hypothesis import given
from hypothesis import strategies as st

from app.conftest import Upload, zip_of
from seepseg.app.intake import Intake, shown_name, take
from seepseg.app.intake_limits import Limits
from seepseg.app.intake_look import name_of_kind


def encoded(suffix: str = ".png", width: int = 8, height: int = 6) -> bytes:
    rng = np.random.default_rng(0)
    done, data = cv2.imencode(suffix, rng.integers(0, 256, (height, width), dtype=np.uint8))
    assert done
    return data.tobytes()


def png_head(width: int, height: int) -> bytes:
    """A PNG that says how large it is, and holds next to nothing."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        body = kind + data
        return len(data).to_bytes(4, "big") + body + zlib.crc32(body).to_bytes(4, "big")

    head = width.to_bytes(4, "big") + height.to_bytes(4, "big") + b"\x08\0\0\0\0"
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(b"\0")) + chunk(b"IEND", b"")


def geotiff(bands: int = 1, side: int = 8, **more: Any) -> bytes:
    with rasterio.MemoryFile() as file:
        profile = {"driver": "GTiff", "width": side, "height": side, "count": bands, "dtype": "uint8"}
        place = {"crs": "EPSG:32631", "transform": rasterio.Affine(10, 0, 5e5, 0, -10, 6e6)}
        with file.open(**(profile | place | more)):
            pass
        return bytes(file.read())


def taken(tmp_path: Path, *files: tuple[str, bytes], limits: Limits | None = None) -> Intake:
    return take([Upload(*file) for file in files], tmp_path / "place", limits or Limits())


def refusal(tmp_path: Path, name: str, data: bytes, limits: Limits | None = None) -> str:
    """The one sentence; and nothing of the file stays behind."""
    intake = taken(tmp_path, (name, data), limits=limits)
    assert intake.files == ()
    assert list((tmp_path / "place").iterdir()) == []
    (sentence,) = intake.refused
    assert sentence.startswith(name)
    assert str(tmp_path) not in sentence
    return sentence


def test_an_image_is_taken_byte_for_byte(tmp_path: Path) -> None:
    (file,) = taken(tmp_path, ("tile.png", encoded())).files
    assert (file.name, file.kind, file.path.read_bytes()) == ("tile.png", "image", encoded())


@pytest.mark.parametrize("suffix", [".png", ".jpg", ".tif", ".bmp", ".webp", ".jp2"])
def test_each_format_is_taken_and_can_then_be_read(tmp_path: Path, suffix: str) -> None:
    (file,) = taken(tmp_path, (f"tile{suffix}", encoded(suffix, 32, 32))).files
    assert cv2.imread(str(file.path), cv2.IMREAD_UNCHANGED).shape[:2] == (32, 32)


def test_a_georeferenced_tiff_is_a_scene(tmp_path: Path) -> None:
    assert taken(tmp_path, ("s1.tif", geotiff())).files[0].kind == "scene"


def test_a_long_image_is_a_scene(tmp_path: Path) -> None:
    assert taken(tmp_path, ("long.png", encoded(width=3000))).files[0].kind == "scene"


def test_a_name_gets_the_suffix_of_its_content(tmp_path: Path) -> None:
    assert taken(tmp_path, ("tile.png", encoded(".jpg"))).files[0].path.name == "tile.jpg"


def test_no_file_can_become_the_side_car_of_another(tmp_path: Path) -> None:
    files = taken(tmp_path, ("a.tif", geotiff()), ("a.tif.ovr", geotiff()), ("a.tif.msk", geotiff())).files
    assert {file.path.suffix for file in files} == {".tif"}
    assert len({file.path for file in files}) == 3


def test_equal_names_do_not_overwrite_each_other(tmp_path: Path) -> None:
    files = taken(tmp_path, ("a.png", encoded()), ("a.png", encoded(width=9))).files
    assert [file.path.read_bytes() for file in files] == [encoded(), encoded(width=9)]


def test_a_zip_gives_its_images_in_natural_order(tmp_path: Path) -> None:
    packed = zip_of({f"x/{number}.png": encoded() for number in (10, 9, 1)})
    assert [file.name for file in taken(tmp_path, ("all.zip", packed)).files] == ["x/1.png", "x/9.png", "x/10.png"]


def test_what_is_no_image_in_a_zip_is_named_and_the_rest_taken(tmp_path: Path) -> None:
    intake = taken(tmp_path, ("all.zip", zip_of({"a.png": encoded(), "notes.txt": b"hello"})))
    assert len(intake.files) == 1
    assert intake.refused[0].startswith("all.zip: notes.txt: is a text file")


def test_a_zip_with_nothing_in_it_is_told_beside_other_refusals(tmp_path: Path) -> None:
    refused = taken(tmp_path, ("a.svg", b"<svg/>"), ("empty.zip", zip_of({}))).refused
    assert [sentence.split(":")[0] for sentence in refused] == ["a.svg", "empty.zip"]


def test_nothing_but_what_was_taken_stays_in_the_folder(tmp_path: Path) -> None:
    taken(tmp_path, ("all.zip", zip_of({"a.png": encoded(), "b.exe": b"MZ"})), ("c.svg", b"<svg/>"))
    assert os.listdir(tmp_path / "place") == ["a.png"]


def test_a_huge_png_is_refused_by_its_header(tmp_path: Path) -> None:
    assert "40,000 × 40,000" in refusal(tmp_path, "huge.png", png_head(40_000, 40_000))


def test_a_png_without_pixels_is_refused(tmp_path: Path) -> None:
    assert "no pixels" in refusal(tmp_path, "none.png", png_head(0, 5))


def test_a_huge_tiff_is_refused_by_its_header(tmp_path: Path) -> None:
    sparse = geotiff(side=60_000, tiled=True, SPARSE_OK=True, BLOCKXSIZE=4096, BLOCKYSIZE=4096)
    assert "60,000 × 60,000" in refusal(tmp_path, "huge.tif", sparse)


def test_a_tiff_of_200_bands_is_refused(tmp_path: Path) -> None:
    assert "200 bands" in refusal(tmp_path, "cube.tif", geotiff(200))


def test_a_tiff_of_huge_blocks_is_refused(tmp_path: Path) -> None:
    blocks = geotiff(side=9000, tiled=True, SPARSE_OK=True, BLOCKXSIZE=4096, BLOCKYSIZE=4096)
    assert "blocks of 17 MB" in refusal(tmp_path, "blocks.tif", blocks, Limits(block_bytes=10_000_000))


def test_a_zip_bomb_is_refused(tmp_path: Path) -> None:
    bomb = zip_of({"zeros.png": bytes(80 << 20)})
    assert "grows more than 100-fold" in refusal(tmp_path, "bomb.zip", bomb)


def test_a_zip_that_would_unpack_to_more_than_allowed_is_refused(tmp_path: Path) -> None:
    large = zip_of({"a.png": bytes(2_000_000)})
    assert "would unpack to 2 MB" in refusal(tmp_path, "large.zip", large, Limits(zip_bytes=1_000_000))


def test_a_zip_that_understates_its_content_is_refused(tmp_path: Path) -> None:
    true = zip_of({"a.png": bytes(100_000)})
    lying = true.replace((100_000).to_bytes(4, "little"), (10).to_bytes(4, "little"))
    assert lying != true
    refusal(tmp_path, "liar.zip", lying)


@pytest.mark.parametrize("path", ["../out.png", "/out.png", "a/../../out.png", "C:\\out.png", "..\\out.png"])
def test_a_zip_that_leads_out_of_its_folder_is_refused(tmp_path: Path, path: str) -> None:
    refusal(tmp_path, "escape.zip", zip_of({path: encoded()}))
    assert list(tmp_path.rglob("out.png")) == []


def test_a_link_in_a_zip_is_refused(tmp_path: Path) -> None:
    import zipfile

    packed = Upload("links.zip", b"")
    with zipfile.ZipFile(packed, "w") as archive:
        link = zipfile.ZipInfo("a.png")
        link.external_attr = 0o120777 << 16
        archive.writestr(link, "/etc/passwd")
    assert "link" in refusal(tmp_path, "links.zip", packed.getvalue())


def test_a_zip_of_too_many_files_is_refused(tmp_path: Path) -> None:
    packed = zip_of({f"{number}.png": b"x" for number in range(30)})
    assert "more than the 20 files" in refusal(tmp_path, "many.zip", packed, Limits(zip_files=20))


def test_a_zip_with_an_endless_list_is_refused_before_it_is_listed(tmp_path: Path) -> None:
    packed = bytearray(zip_of({"a.png": encoded()}))
    packed[-10:-6] = (1 << 30).to_bytes(4, "little")
    assert "more than the 2,000 files" in refusal(tmp_path, "list.zip", bytes(packed))


def test_a_zip_in_a_zip_is_not_opened(tmp_path: Path) -> None:
    assert "is a zip too" in refusal(tmp_path, "outer.zip", zip_of({"in.zip": zip_of({"a.png": encoded()})}))


@pytest.mark.parametrize("data", [b"PK\3\4junk", zip_of({"a.png": encoded()})[:-30]])
def test_a_damaged_zip_is_refused(tmp_path: Path, data: bytes) -> None:
    assert "damaged" in refusal(tmp_path, "cut.zip", data)


@pytest.mark.parametrize(
    ("name", "data", "what"),
    [
        ("drawing.svg", b"<?xml version='1.0'?>\n<svg xmlns='http://www.w3.org/2000/svg'/>", "an SVG"),
        ("drawing.png", b"<svg/>", "an SVG"),
        ("tile.png", b"MZ\x90\0\3", "a Windows program"),
        ("tile.tif", b"\x7fELF\2\1", "a Linux program"),
        ("tile.jpg", b"#!/bin/sh\n", "a script"),
        ("model.png", b"\x80\x02}q\0", "a pickle"),
        ("band.tif", b"<VRTDataset rasterXSize='8' rasterYSize='8'/>", "a text file"),
        ("noise.png", bytes(range(1, 200)), "none of the image formats"),
    ],
)
def test_what_is_no_image_is_called_by_its_name(tmp_path: Path, name: str, data: bytes, what: str) -> None:
    assert f"is {what}" in refusal(tmp_path, name, data)


def test_a_model_is_never_taken(tmp_path: Path) -> None:
    """A .pt is a zip to look at."""
    refusal(tmp_path, "best.pt", zip_of({"archive/data.pkl": b"\x80\x02}q\0."}))


def test_an_empty_file_is_refused(tmp_path: Path) -> None:
    assert "0 bytes" in refusal(tmp_path, "empty.png", b"")


def test_a_tiff_that_is_cut_off_is_refused(tmp_path: Path) -> None:
    assert "not readable" in refusal(tmp_path, "cut.tif", geotiff()[:40])


def test_too_large_a_file_is_refused(tmp_path: Path) -> None:
    assert "10 bytes are allowed" in refusal(tmp_path, "a.png", encoded(), Limits(file_bytes=10))


def test_what_earlier_visits_of_the_folder_left_counts(tmp_path: Path) -> None:
    limits = Limits(total_bytes=len(encoded()) + 5)
    assert len(taken(tmp_path, ("a.png", encoded()), limits=limits).files) == 1
    assert "no room left" in taken(tmp_path, ("b.png", encoded()), limits=limits).refused[0]


def test_of_500_files_the_first_are_taken_and_the_others_named(tmp_path: Path) -> None:
    intake = taken(tmp_path, *[(f"{number}.png", encoded()) for number in range(500)])
    assert len(intake.files) == 200
    assert intake.refused[0].startswith("500 files")


def test_an_upload_may_be_any_object_that_can_be_read(tmp_path: Path) -> None:
    upload = SimpleNamespace(name="a.png", read=encoded)
    assert len(take([upload], tmp_path / "place").files) == 1


def test_a_name_may_not_steer(tmp_path: Path) -> None:
    (file,) = taken(tmp_path, ("../../x\x1b[31m\u202e$(id).png", encoded())).files
    assert file.path.parent == tmp_path / "place"
    assert file.name.isprintable()


@given(st.text(max_size=300))
def test_any_name_becomes_one_short_line(name: str) -> None:
    shown = shown_name(name)
    assert 0 < len(shown) <= 80
    assert "/" not in shown
    assert shown.isprintable() or any(sign.isspace() for sign in shown)


@pytest.mark.parametrize(
    ("name", "suffix", "whole"),
    [
        ("a.JPEG", ".jpg", "a.JPEG"),
        ("a.exe", ".png", "a.png"),
        ("a", ".tif", "a.tif"),
        ("a.mkv", ".video", "a.mkv"),
        ("a.png", ".video", "a.mp4"),
    ],
)
def test_a_suffix_fits_the_content(name: str, suffix: str, whole: str) -> None:
    assert name_of_kind(name, suffix) == whole
