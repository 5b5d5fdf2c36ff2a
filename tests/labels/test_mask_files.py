import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
import rasterio
from numpy.typing import NDArray
from PIL import Image

from make import write_image
from seepseg.errors import SourceError
from seepseg.labels.mask_files import NAN, check_size, read_colours, read_values, read_whole

pytestmark = pytest.mark.filterwarnings("ignore::rasterio.errors.NotGeoreferencedWarning")

VALUES = np.array([[0, 1, 2, 3], [3, 2, 1, 0], [0, 0, 3, 3]], np.uint8)


def write_palette(path: Path, values: NDArray[np.uint8] = VALUES) -> Path:
    image = Image.fromarray(values).convert("L")
    image = Image.frombytes("P", image.size, image.tobytes())
    image.putpalette([0, 0, 0, 128, 0, 0, 0, 128, 0, 9, 9, 200])
    image.save(path)
    return path


def write_tiff(path: Path, values: NDArray[np.generic], **profile: object) -> Path:
    bands = values[None] if values.ndim == 2 else values
    count, height, width = bands.shape
    with rasterio.open(
        path, "w", driver="GTiff", height=height, width=width, count=count, dtype=values.dtype, **profile
    ) as raster:
        raster.write(bands)
    return path


def write_grey_png(path: Path, values: NDArray[np.uint8], bits: int) -> Path:
    """A PNG of 1, 2 or 4 bits a pixel, byte by byte."""
    height, width = values.shape
    rows = b""
    for row in values:
        text = "".join(format(value, f"0{bits}b") for value in row)
        rows += b"\0" + bytes(int(text[at : at + 8].ljust(8, "0"), 2) for at in range(0, len(text), 8))

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, bits, 0, 0, 0, 0))
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + header + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b""))
    return path


@pytest.mark.parametrize("suffix", [".png", ".bmp", ".tif", ".gif"])
def test_grey_masks_keep_their_values(tmp_path: Path, suffix: str):
    Image.fromarray(VALUES).save(tmp_path / f"m{suffix}")
    assert np.array_equal(read_values(tmp_path / f"m{suffix}"), VALUES)


@pytest.mark.parametrize("suffix", [".png", ".bmp", ".tif", ".gif"])
def test_palettes_give_indices_not_colours(tmp_path: Path, suffix: str):
    assert np.array_equal(read_values(write_palette(tmp_path / f"m{suffix}")), VALUES)


@pytest.mark.parametrize("suffix", [".png", ".bmp", ".tif"])
def test_single_bits_are_zero_and_one(tmp_path: Path, suffix: str):
    Image.fromarray(VALUES > 1).save(tmp_path / f"m{suffix}")
    assert np.array_equal(read_values(tmp_path / f"m{suffix}"), VALUES > 1)


@pytest.mark.parametrize("bits", [1, 2, 4])
def test_greys_of_few_bits_are_not_stretched(tmp_path: Path, bits: int):
    values = VALUES % 2**bits
    assert np.array_equal(read_values(write_grey_png(tmp_path / "m.png", values, bits)), values)


@pytest.mark.parametrize("suffix", [".png", ".tif"])
def test_sixteen_bits_are_kept(tmp_path: Path, suffix: str):
    values = VALUES.astype(np.uint16) * 20_000
    path = write_image(tmp_path / f"m{suffix}", values)
    assert np.array_equal(read_values(path), values)


@pytest.mark.parametrize("kind", ["int8", "int16", "int32", "uint32", "float32", "float64"])
def test_tiffs_of_any_number_are_kept(tmp_path: Path, kind: str):
    values = VALUES.astype(kind) - (0 if kind.startswith("u") else 1)
    read = read_whole(write_tiff(tmp_path / "m.tif", values, compress="deflate"))
    assert read.dtype.kind in "iu"
    assert np.array_equal(read, values)


def test_floats_that_are_not_whole_are_refused(tmp_path: Path):
    path = write_tiff(tmp_path / "m.tif", VALUES / np.float32(2))
    with pytest.raises(SourceError, match=r"m\.tif: 6 pixels .* not whole"):
        read_whole(path)


def test_no_number_becomes_a_value_of_its_own(tmp_path: Path):
    path = write_tiff(tmp_path / "m.tif", np.array([[np.nan, 2.0]], np.float32))
    assert read_whole(path).tolist() == [[NAN, 2]]


@pytest.mark.parametrize("suffix", [".png", ".bmp", ".tif"])
def test_equal_channels_are_one_number(tmp_path: Path, suffix: str):
    Image.fromarray(np.dstack([VALUES] * 3)).save(tmp_path / f"m{suffix}")
    assert np.array_equal(read_values(tmp_path / f"m{suffix}"), VALUES)


@pytest.mark.parametrize("channels", [2, 4])
def test_an_opaque_alpha_is_left_out(tmp_path: Path, channels: int):
    pixels = np.dstack([VALUES] * (channels - 1) + [np.full_like(VALUES, 255)])
    Image.fromarray(pixels).save(tmp_path / "m.png")
    assert np.array_equal(read_values(tmp_path / "m.png"), VALUES)


def test_a_transparent_mask_is_refused(tmp_path: Path):
    Image.fromarray(np.dstack([VALUES] * 4)).save(tmp_path / "m.png")
    with pytest.raises(SourceError, match="transparent"):
        read_values(tmp_path / "m.png")


def test_colours_are_not_taken_for_numbers(tmp_path: Path):
    Image.fromarray(np.dstack([VALUES, VALUES * 50, VALUES])).save(tmp_path / "m.png")
    with pytest.raises(SourceError, match="--colours"):
        read_values(tmp_path / "m.png")


def test_greys_that_jpeg_tinted_are_read_when_asked(tmp_path: Path):
    grey = np.full((3, 4), 100, np.uint8)
    Image.fromarray(np.dstack([grey + 2, grey, grey - 1])).save(tmp_path / "m.png")
    assert (read_values(tmp_path / "m.png", tolerance=16) == 100).all()


def test_bands_that_are_no_colours_are_refused(tmp_path: Path):
    path = write_tiff(tmp_path / "m.tif", np.stack([VALUES, VALUES]))
    with pytest.raises(SourceError, match="2 bands"):
        read_values(path)


@pytest.mark.parametrize("suffix", [".gif", ".tif"])
def test_several_pictures_in_one_file_are_refused(tmp_path: Path, suffix: str):
    frames = [Image.fromarray(VALUES), Image.fromarray(VALUES[::-1].copy())]
    frames[0].save(tmp_path / f"m{suffix}", save_all=True, append_images=frames[1:])
    with pytest.raises(SourceError, match="several pictures"):
        read_values(tmp_path / f"m{suffix}")


def test_overviews_of_a_mask_are_passed_over(tmp_path: Path):
    whole = np.tile(VALUES, (20, 20))
    path = write_tiff(tmp_path / "m.tif", whole)
    with rasterio.open(path, "r+") as file:
        file.build_overviews([2])
    assert np.array_equal(read_values(path), whole)


@pytest.mark.parametrize("suffix", [".png", ".tif", ".jpg", ".gif"])
def test_a_broken_file_is_named(tmp_path: Path, suffix: str):
    path = tmp_path / f"m{suffix}"
    Image.fromarray(np.random.default_rng(0).integers(0, 255, (64, 64), np.uint8)).save(path)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    with pytest.raises(SourceError, match=rf"m\{suffix}: cannot be read"):
        read_values(path)


@pytest.mark.parametrize("content", [b"", b"\x89PNG\r\n\x1a\n", b"II*\0", b"hello"])
def test_what_is_no_picture_is_named(tmp_path: Path, content: bytes):
    (tmp_path / "m.png").write_bytes(content)
    for read in (read_values, read_colours):
        with pytest.raises(SourceError, match=r"m\.png: cannot be read"):
            read(tmp_path / "m.png")


def test_the_content_decides_not_the_suffix(tmp_path: Path):
    write_palette(tmp_path / "m.png").rename(tmp_path / "m.bmp")
    assert np.array_equal(read_values(tmp_path / "m.bmp"), VALUES)


def test_colours_of_a_palette_are_looked_up(tmp_path: Path):
    colours = read_colours(write_palette(tmp_path / "m.png"))
    assert colours[0].tolist() == [[0, 0, 0], [128, 0, 0], [0, 128, 0], [9, 9, 200]]


def test_deep_colours_are_refused(tmp_path: Path):
    write_image(tmp_path / "m.png", np.dstack([VALUES.astype(np.uint16)] * 3))
    with pytest.raises(SourceError, match="more than 8 bits"):
        read_colours(tmp_path / "m.png")


def test_another_size_than_the_image_says_both():
    with pytest.raises(SourceError, match=r"mask is 4×3, its image 8×6; give masks"):
        check_size(VALUES, Path("m.png"), 8, 6)


def test_a_turned_mask_is_called_turned():
    with pytest.raises(SourceError, match="EXIF"):
        check_size(VALUES, Path("m.png"), 3, 4)


@pytest.mark.parametrize(
    ("content", "reason"), [(b"hello", r"\(its content is that of no known picture\)"), (None, r"\(Is a directory\)")]
)
def test_why_a_file_can_not_be_read_is_said_without_its_path_again(tmp_path: Path, content: bytes | None, reason: str):
    path = tmp_path / "m.png"
    if content is None:
        path.mkdir()
    else:
        path.write_bytes(content)
    with pytest.raises(SourceError, match=rf"m\.png: cannot be read as a picture {reason}$"):
        read_values(path)
