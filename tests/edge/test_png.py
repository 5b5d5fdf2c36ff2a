import io
import struct
import zlib

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from predict.conftest import picture
from seepseg.edge.png import decode_png


def chunk(kind, body):
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def png(width, height, lines, *, depth=8, colour=0, interlaced=0, more=b""):
    head = struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, interlaced)
    parts = [chunk(b"IHDR", head), more, chunk(b"IDAT", zlib.compress(lines)), chunk(b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts)


@settings(max_examples=150)
@given(st.data(), st.integers(1, 9), st.integers(1, 6), st.sampled_from([0, 2]), st.sampled_from([8, 16]))
def test_rows_stored_in_any_way_are_what_opencv_reads(data, width, height, colour, depth):
    step = {0: 1, 2: 3}[colour] * depth // 8
    ways = data.draw(st.lists(st.integers(0, 4), min_size=height, max_size=height))
    rows = [bytes([way]) + data.draw(st.binary(min_size=width * step, max_size=width * step)) for way in ways]
    file = png(width, height, b"".join(rows), depth=depth, colour=colour)
    expected = cv2.imdecode(np.frombuffer(file, np.uint8), cv2.IMREAD_UNCHANGED)
    expected = expected[..., None] if colour == 0 else expected[..., ::-1]
    np.testing.assert_array_equal(decode_png(file), expected)


@pytest.mark.parametrize("mode", ["L", "RGB"])
def test_a_png_of_pillow_is_read(mode):
    stream = io.BytesIO()
    image = Image.fromarray(picture(40, 50)).convert(mode)
    image.save(stream, "PNG")
    np.testing.assert_array_equal(decode_png(stream.getvalue()).squeeze(), np.asarray(image))


@pytest.mark.parametrize("mode", ["P", "RGBA", "LA", "1"])
def test_other_kinds_are_refused(mode):
    stream = io.BytesIO()
    Image.new(mode, (4, 4)).save(stream, "PNG")
    with pytest.raises(ValueError, match="save it as grey or RGB"):
        decode_png(stream.getvalue())


@pytest.mark.parametrize(
    ("file", "words"),
    [
        (png(2, 2, b"\0ab\0ab", interlaced=1), "interlacing"),
        (png(2, 2, b"\0ab\0ab", more=chunk(b"tRNS", b"\0\1")), "transparency"),
        (png(2, 2, b"\0ab\0a"), "pixels are missing"),
        (png(2, 2, b"\0ab\7ab"), "a row says that it is stored in way 7"),
        (png(0, 2, b""), "0 × 2 pixels are not read"),
        (png(2**20, 2**20, b""), "pixels are not read here"),
        (png(2, 2, b"\0ab\0ab")[:-20], "the end of the PNG is missing"),
        (png(2, 2, b"\0ab\0ab").replace(b"IDAT", b"IDAX"), "a checksum of the PNG does not match"),
        (b"\x89PNG\r\n\x1a\n" + chunk(b"IDAT", b"") + chunk(b"IEND", b""), "its head is damaged"),
        (b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", bytes(13)) + chunk(b"IEND", b""), "save it as grey or RGB"),
        (png(2, 2, b"")[:33] + chunk(b"IDAT", b"no zlib") + chunk(b"IEND", b""), "can't be unpacked"),
    ],
)
def test_damage_is_told(file, words):
    with pytest.raises(ValueError, match=words):
        decode_png(file)


def test_more_pixels_than_the_head_says_are_not_unpacked():
    assert decode_png(png(2, 1, b"\0ab" + bytes(10**6))).tolist() == [[[97], [98]]]
