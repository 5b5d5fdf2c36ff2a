from io import BytesIO

import pytest
from PIL import Image

from seepseg import filetype


def encoded(form: str, **settings: object) -> bytes:
    buffer = BytesIO()
    Image.effect_noise((40, 30), 60).convert("RGB").save(buffer, form, **settings)
    return buffer.getvalue()


FORMS = [("JPEG", ".jpg"), ("PNG", ".png"), ("BMP", ".bmp"), ("GIF", ".gif"), ("TIFF", ".tif"), ("WEBP", ".webp")]


@pytest.mark.parametrize(("form", "suffix"), [*FORMS, ("JPEG2000", ".jp2")])
def test_the_kind_is_told_by_the_content(form, suffix):
    assert filetype.sniff(encoded(form)) == suffix


def test_what_is_no_image_has_no_kind():
    assert filetype.sniff(b"stem,group\na,b\n") == ""


def test_a_suffix_that_fits_is_kept_as_it_is_written():
    assert filetype.right_suffix(".JPEG", ".jpg") == ".JPEG"


def test_a_suffix_that_lies_is_replaced():
    assert filetype.right_suffix(".jpg", ".webp") == ".webp"


@pytest.mark.parametrize("form", ["JPEG", "PNG", "WEBP"])
@pytest.mark.parametrize("share", [0.5, 0.99])
def test_a_file_that_is_cut_off_has_a_fault(form, share):
    data = encoded(form)
    assert "cut off" in filetype.fault(data[: int(len(data) * share)], filetype.sniff(data))


@pytest.mark.parametrize(("form", "suffix"), FORMS)
def test_a_whole_file_has_none(form, suffix):
    assert filetype.fault(encoded(form), suffix) is None


@pytest.mark.parametrize(("form", "suffix"), [("JPEG", ".jpg"), ("PNG", ".png")])
def test_bytes_after_the_end_are_no_fault(form, suffix):
    assert filetype.fault(encoded(form) + b"\0\0\0\0", suffix) is None


def test_a_png_with_a_flipped_byte_has_a_fault():
    data = bytearray(encoded("PNG"))
    data[len(data) // 2] ^= 1
    assert "checksum" in filetype.fault(bytes(data), ".png")


@pytest.mark.parametrize("number", range(1, 9))
@pytest.mark.parametrize(("form", "suffix"), [("JPEG", ".jpg"), ("PNG", ".png"), ("WEBP", ".webp")])
def test_the_orientation_is_the_one_that_exif_says(form, suffix, number):
    exif = Image.Exif()
    exif[274] = number
    assert filetype.orientation(encoded(form, exif=exif), suffix) == number


def test_a_file_without_exif_is_upright():
    assert filetype.orientation(encoded("JPEG"), ".jpg") == 1


def test_sixteen_bits_are_seen_in_the_first_bytes():
    buffer = BytesIO()
    Image.new("I;16", (4, 4)).save(buffer, "PNG")
    assert not filetype.is_eight_bit(buffer.getvalue()[: filetype.HEAD], ".png")
    assert filetype.is_eight_bit(encoded("PNG")[: filetype.HEAD], ".png")


def frames(form: str, count: int, **settings: object) -> bytes:
    """Pictures that differ."""
    some = [Image.effect_noise((40, 30), 60) for _ in range(count)]
    file = BytesIO()
    more = {"save_all": True, "append_images": some[1:]} if count > 1 else {}
    some[0].save(file, form, **more, **settings)
    return file.getvalue()


@pytest.mark.parametrize(("form", "suffix"), [("GIF", ".gif"), ("PNG", ".png"), ("WEBP", ".webp")])
def test_frames_after_the_first_are_seen(form, suffix):
    assert filetype.is_animated(frames(form, 3), suffix)
    assert not filetype.is_animated(frames(form, 1), suffix)


def test_a_comment_in_a_gif_is_no_frame():
    assert not filetype.is_animated(frames("GIF", 1, comment=b"\x2c" * 600, transparency=3), ".gif")


@pytest.mark.parametrize(("form", "suffix"), [("GIF", ".gif"), ("PNG", ".png"), ("WEBP", ".webp")])
def test_a_file_that_ends_anywhere_is_still_looked_at(form, suffix):
    """None of these reads beyond its end."""
    data = frames(form, 2)
    assert {filetype.is_animated(data[:length], suffix) for length in range(len(data))} <= {True, False}
