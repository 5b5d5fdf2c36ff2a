import numpy as np
import pytest
from PIL import Image

from predict.conftest import picture
from seepseg.edge.images import parse_size, read_image
from seepseg.errors import SourceError, UsageError


def write(folder, data, name="some.pgm"):
    (folder / name).write_bytes(data)
    return folder / name


@pytest.mark.parametrize("name", ["a.pgm", "a.ppm", "a.png"])
def test_pixels_are_those_that_pillow_wrote(tmp_path, name):
    image = picture(13, 17)
    Image.fromarray(image[..., ::-1]).convert("L" if name == "a.pgm" else "RGB").save(tmp_path / name)
    expected = np.atleast_3d(np.asarray(Image.open(tmp_path / name)))
    np.testing.assert_array_equal(read_image(tmp_path / name), expected.transpose(2, 0, 1))


@pytest.mark.parametrize("image", [picture(4, 5), picture(4, 5)[..., :1], picture(4, 5)[..., 0].astype(np.float32)])
def test_an_array_is_as_predict_takes_it(tmp_path, image):
    np.save(tmp_path / "a.npy", image)
    found = read_image(tmp_path / "a.npy")
    assert found.dtype == image.dtype
    np.testing.assert_array_equal(found.transpose(1, 2, 0)[..., ::-1], np.atleast_3d(image))


@pytest.mark.parametrize("channels", [1, 3])
def test_sixteen_bits_come_highest_byte_first(tmp_path, channels):
    values = np.arange(6 * channels, dtype=np.uint16).reshape(2, 3, channels) * 1000
    head = b"P%d 3 2 65535\n" % (5 if channels == 1 else 6)
    found = read_image(write(tmp_path, head + values.astype(">u2").tobytes()))
    np.testing.assert_array_equal(found, values.transpose(2, 0, 1))


def test_a_head_may_hold_comments(tmp_path):
    file = write(tmp_path, b"P5\n# made by hand\n3 # wide\n 2\n255\n" + bytes(range(6)))
    assert read_image(file).tolist() == [[[0, 1, 2], [3, 4, 5]]]


def test_pixels_may_look_like_white_space(tmp_path):
    assert read_image(write(tmp_path, b"P5 2 1 255\n\n ")).tolist() == [[[10, 32]]]


def test_a_size_makes_bytes_an_image(tmp_path):
    file = write(tmp_path, bytes(range(12)), "a.raw")
    assert read_image(file, parse_size("4x3"))[0, 2].tolist() == [8, 9, 10, 11]
    assert read_image(file, parse_size("2x2x3"))[:, 0, 1].tolist() == [3, 4, 5]


@pytest.mark.parametrize("kind", ["<u2", "<f4"])
def test_the_length_tells_the_type(tmp_path, kind):
    values = np.arange(6).astype(kind)
    found = read_image(write(tmp_path, values.tobytes(), "a.raw"), (3, 2, 1))
    assert found.dtype == np.dtype(kind)
    np.testing.assert_array_equal(found.ravel(), values)


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "not an image that is read here: give PGM"),
        (b"\xff\xd8\xff\xe0 a JPEG", "not an image that is read here: give PGM"),
        (b"P5 3 2 255\n12345", "is cut off: 5 bytes of pixels instead of 6"),
        (b"P5 3 2 255\n1234567", "holds more than one image: 7 bytes of pixels instead of 6"),
        (b"P6 3 2 65535\n12345", "is cut off: 5 bytes of pixels instead of 36"),
        (b"P5 999999999 999999999 255\n1", "is cut off"),
        (b"P5 3 2", "its head is damaged"),
        (b"P5 -3 2 255\n12345", "its head is damaged"),
        (b"P5 0 2 255\n", r"is 0 × 2 with values up to 255"),
        (b"P5 1 1 100\n1", "is 1 × 1 with values up to 100; save it with 8 bits"),
        (b"P5 1 1 70000\n1234", "is 1 × 1 with values up to 70000"),
        (b"\x93NUMPY\x01\x00", "not an array that numpy reads"),
        (b"\x93NUMPY\x01\x00\x10\x00{'descr':'|u1'}\n", "not an array that numpy reads"),
        (b"\x89PNG\r\n\x1a\n", "is cut off: the end of the PNG is missing"),
    ],
)
def test_what_cannot_be_read_is_refused_by_name(tmp_path, data, words):
    with pytest.raises(SourceError, match=rf"some\.pgm: {words}"):
        read_image(write(tmp_path, data))


def test_an_array_that_is_cut_off_is_refused(tmp_path):
    np.save(tmp_path / "a.npy", np.zeros((100, 100)))
    file = write(tmp_path, (tmp_path / "a.npy").read_bytes()[:-8], "b.npy")
    with pytest.raises(SourceError, match=r"b\.npy: not an array"):
        read_image(file)


def test_an_array_of_objects_runs_nothing(tmp_path):
    np.save(tmp_path / "a.npy", np.array([print], object), allow_pickle=True)
    with pytest.raises(SourceError, match=r"a\.npy: not an array"):
        read_image(tmp_path / "a.npy")


def test_a_missing_file_is_refused(tmp_path):
    with pytest.raises(SourceError, match="nothing: not readable: No such file"):
        read_image(tmp_path / "nothing")


def test_bytes_of_another_number_are_refused(tmp_path):
    with pytest.raises(SourceError, match="holds 5 bytes, and --size asks for 6 values"):
        read_image(write(tmp_path, b"12345"), (3, 2, 1))


@pytest.mark.parametrize("text", ["", "3", "3x", "0x4", "3x4x0", "-3x4", "3x4x3x1", "99999999x1"])
def test_a_size_that_is_none_is_refused(text):
    with pytest.raises(UsageError, match=r"--size .*give width and height"):
        parse_size(text)
