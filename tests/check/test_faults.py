import io

import cv2
import numpy as np
import pytest
import rasterio
from PIL import Image

from make import grey_image, write_image
from seepseg.check.faults import inspect_image, inspect_labels

TRIANGLE = "0 .1 .1 .9 .1 .9 .9"


def codes(found):
    return [code for code, _ in found]


def ultralytics_drops(image, labels):
    from ultralytics.data.utils import verify_image_label

    return verify_image_label((str(image), str(labels), "", False, 2, 0, 0, False))[8] == 1


LABELS = {
    f"{TRIANGLE}\n1 .2 .2 .4 .2 .4 .5\n": [],
    "": [],
    f"{TRIANGLE}\n0 .5 .5 .2 .2\n": ["label-mixed"],
    "0 .5 .5 .2\n" + TRIANGLE: ["label-points"],
    "0 .1 .1 .9 .1 .9 .9 .5\n": ["label-points"],
    "0 .1,.1 .9 .1 .9 .9\n": ["label-numbers"],
    "0 .1 nan .9 .1 .9 .9\n": ["label-numbers"],
    "0.5 .1 .1 .9 .1 .9 .9\n": ["label-numbers"],
    "oil .1 .1 .9 .1 .9 .9\n": ["label-numbers"],
    "2 .1 .1 .9 .1 .9 .9\n": ["label-class"],
    "-1 .1 .1 .9 .1 .9 .9\n": ["label-class"],
    "0 10 10 90 10 90 90\n": ["label-outside"],
    "0 -.5 -.5 .1 -.5 .1 .1\n": ["label-outside"],
}


@pytest.mark.parametrize(("text", "expected"), LABELS.items())
def test_what_ultralytics_drops_is_a_fault_and_nothing_else_is(tmp_path, text, expected):
    image = write_image(tmp_path / "a.png", grey_image(np.random.default_rng(0), 20, 20))
    labels = tmp_path / "a.txt"
    labels.write_text(text)
    assert codes(inspect_labels(labels, 2)[0]) == expected
    assert ultralytics_drops(image, labels) == bool(expected)


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (f"{TRIANGLE}\n\n{TRIANGLE}\n".encode(), ["label-duplicate"]),
        (b"0 .5 .5 .2 .2\n", ["label-boxes"]),
        (b"\xef\xbb\xbf" + TRIANGLE.encode(), ["label-bom"]),
        (TRIANGLE.encode("utf-16"), ["label-encoding"]),
        (b"0 -.005 .1 .9 .1 .9 1.005", ["label-edge"]),
        (TRIANGLE.encode() + b"\r\n", []),
        (b"0.0 .1 .1 .9 .1 .9 .9", []),
    ],
)
def test_what_ultralytics_changes_or_stops_at_is_told_too(tmp_path, content, expected):
    labels = tmp_path / "a.txt"
    labels.write_bytes(content)
    assert codes(inspect_labels(labels, 2)[0]) == expected


def test_a_fault_names_its_line_and_the_other_rows_are_read(tmp_path):
    labels = tmp_path / "a.txt"
    labels.write_text(f"{TRIANGLE}\n\n7 .1 .1 .9 .1 .9 .9\n1 .1 .1 .9 .1 .9 .9\n")
    found, rows = inspect_labels(labels, 2)
    assert found == [("label-class", f"{labels}:3")]
    assert [(row.line, row.class_id) for row in rows] == [(1, 0), (4, 1)]


def encoded(suffix, pixels):
    return cv2.imencode(suffix, pixels)[1].tobytes()


def gif():
    file = io.BytesIO()
    Image.new("L", (20, 20)).save(file, "GIF")
    return file.getvalue()


RNG = np.random.default_rng(0)
GREY = grey_image(RNG, 40, 40)
PICTURES = {
    "good.png": (encoded(".png", GREY), None),
    "good.jpg": (encoded(".jpg", GREY), None),
    "good.tif": (encoded(".tif", GREY), None),
    "a.jpg": (encoded(".png", GREY), "image-suffix"),
    "b.png": (encoded(".png", GREY)[:-30], "image-truncated"),
    "c.jpg": (encoded(".jpg", GREY)[:-200], "image-truncated"),
    "d.jpg": (encoded(".jpg", GREY) + b"tail", "image-trailing"),
    "e.png": (b"no picture", "image-unreadable"),
    "f.png": (b"", "image-unreadable"),
    "g.png": (encoded(".png", GREY[:9]), "image-small"),
    "h.png": (gif(), "image-format"),
    "i.png": (encoded(".png", GREY.astype(np.uint16)), "image-depth"),
    "j.tif": (encoded(".tif", GREY.astype(np.uint16)), "image-depth"),
    "k.tif": (encoded(".tif", GREY.astype(np.float32)), "image-depth"),
    "l.webp": (encoded(".webp", np.dstack([GREY] * 3))[:-50], "image-truncated"),
}


@pytest.mark.parametrize("name", PICTURES)
def test_an_image_is_looked_through(tmp_path, name):
    content, expected = PICTURES[name]
    (tmp_path / name).write_bytes(content)
    assert codes(inspect_image(tmp_path / name).found) == ([expected] if expected else [])
    assert (tmp_path / name).read_bytes() == content


@pytest.mark.parametrize(
    ("bands", "kind", "expected"),
    [(2, "float32", "image-depth"), (2, "uint8", "image-bands"), (5, "uint8", "image-bands")],
)
@pytest.mark.filterwarnings("ignore::rasterio.errors.NotGeoreferencedWarning")
def test_a_tif_of_several_bands_is_told_apart_from_a_broken_one(tmp_path, bands, kind, expected):
    file = tmp_path / "a.tif"
    profile = {"driver": "GTiff", "width": 20, "height": 20, "count": bands, "dtype": kind}
    with rasterio.open(file, "w", **profile) as grid:
        grid.write(np.ones((bands, 20, 20), kind))
    assert codes(inspect_image(file).found) == [expected]


def test_a_missing_image_is_told(tmp_path):
    assert codes(inspect_image(tmp_path / "a.png").found) == ["image-missing"]
