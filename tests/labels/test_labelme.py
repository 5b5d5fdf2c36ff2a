import base64
import json
import pickle
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from pycocotools import mask as coco_mask

from count_skips import count_skips
from make import grey_image, write_image
from seepseg.errors import SourceError, UsageError
from seepseg.labels.labelme import read_labelme
from seepseg.values import LabelledImage, Source

WIDTH, HEIGHT = 40, 30
TRIANGLE = [[2.0, 3.0], [22.5, 4.0], [9.0, 21.0]]
SQUARE = [[10.0, 10.0], [20.0, 10.0], [20.0, 20.0], [10.0, 20.0]]


def shape(label: Any = "oil", points: Any = TRIANGLE, kind: Any = "polygon", **more: Any) -> dict[str, Any]:
    return {"label": label, "points": points, "shape_type": kind, "group_id": None, "flags": {}, **more}


def drawn(*shapes: Any, image: str = "a.png", **more: Any) -> dict[str, Any]:
    size = {"imageWidth": WIDTH, "imageHeight": HEIGHT}
    return {"version": "5.5.0", "shapes": list(shapes), "imagePath": image, "imageData": None, **size, **more}


def folder(root: Path, *, images: tuple[str, ...] = ("a.png",), **files: Any) -> Path:
    for name in images:
        write_image(root / name, grey_image(np.random.default_rng(0), HEIGHT, WIDTH))
    for name, content in files.items():
        (root / f"{name}.json").write_text(json.dumps(content), encoding="utf-8")
    return root


def read_all(source: Source) -> dict[str, LabelledImage]:
    return {item.stem: source.read(item, WIDTH, HEIGHT) for item in pickle.loads(pickle.dumps(source.items))}


def masks(image: LabelledImage) -> list[tuple[int, NDArray[np.uint8]]]:
    return [(one.class_id, decode(one.rle)) for one in image.instances]


def decode(counts: bytes | None) -> NDArray[np.uint8]:
    return coco_mask.decode({"size": [HEIGHT, WIDTH], "counts": counts})


def raster(*polygons: list[list[float]]) -> NDArray[np.uint8]:
    rles = coco_mask.frPyObjects([np.ravel(one).tolist() for one in polygons], HEIGHT, WIDTH)
    return coco_mask.decode(coco_mask.merge(rles))


def counts(source: Source) -> dict[str, int]:
    return count_skips(source, read_all(source).values())


def one(root: Path, *shapes: Any, **more: Any) -> tuple[Source, LabelledImage]:
    source = read_labelme(folder(root, a=drawn(*shapes)), **more)
    return source, read_all(source)["a"]


def test_polygons_become_what_pycocotools_rasters(tmp_path: Path) -> None:
    source, image = one(tmp_path, shape("ship"), shape("oil", SQUARE))
    assert source.names == ("oil", "ship")
    (first, triangle), (second, square) = masks(image)
    assert (first, second) == (1, 0)
    assert np.array_equal(triangle, raster(TRIANGLE))
    assert np.array_equal(square, raster(SQUARE))
    assert np.array_equal(image.instances[0].outlines[0].points, TRIANGLE)
    assert counts(source) == {}


def test_shapes_of_one_label_and_group_are_one_object(tmp_path: Path) -> None:
    apart = [[30.0, 20.0], [38.0, 20.0], [38.0, 28.0]]
    shapes = [
        shape(group_id=4),
        shape("ship", SQUARE, group_id=4),
        shape("oil", apart, group_id=4),
        shape("oil", SQUARE),
    ]
    _, image = one(tmp_path, *shapes)
    found = {class_id: mask for class_id, mask in masks(image) if class_id == 1 or mask[25, 36]}
    assert len(image.instances) == 3
    assert np.array_equal(found[0], raster(TRIANGLE, apart))
    assert len(next(one for one in image.instances if one.source_id == 1).outlines) == 2


def test_a_background_shape_cuts_a_hole_into_what_lies_below_it(tmp_path: Path) -> None:
    hole = [[13.0, 13.0], [17.0, 13.0], [17.0, 17.0], [13.0, 17.0]]
    source, image = one(tmp_path, shape("oil", SQUARE), shape("_background_", hole), shape("ship", hole))
    (_, holed), (_, above) = masks(image)
    assert np.array_equal(holed, raster(SQUARE) & ~raster(hole) & 1)
    assert np.array_equal(above, raster(hole))
    assert source.names == ("oil", "ship")
    assert counts(source) == {"cut out by a _background_ shape": 1}


def test_what_is_painted_over_is_gone_and_counted(tmp_path: Path) -> None:
    source, image = one(tmp_path, shape(), shape("_background_", [[0, 0], [40, 0], [40, 30], [0, 30]]))
    assert image.instances == ()
    assert counts(source) == {"painted over by a _background_ shape": 1}


def test_ignored_shapes_are_neither_object_nor_background(tmp_path: Path) -> None:
    source, image = one(tmp_path, shape("oil", SQUARE), shape("__ignore__"))
    assert source.names == ("oil",)
    assert len(image.instances) == 1
    assert np.array_equal(decode(image.ignore), raster(TRIANGLE))


def test_a_circle_covers_its_area(tmp_path: Path) -> None:
    _, image = one(tmp_path, shape(points=[[20.0, 15.0], [26.0, 23.0]], kind="circle"))
    ((_, mask),) = masks(image)
    y, x = np.mgrid[:HEIGHT, :WIDTH] + 0.5
    inside = (x - 20) ** 2 + (y - 15) ** 2 < 100
    assert np.count_nonzero(mask != inside) <= 0.02 * np.count_nonzero(inside)


@pytest.mark.parametrize("corner", [(5, 4), (-3, -2), (33, 25)])
def test_a_mask_lies_at_its_first_point(tmp_path: Path, corner: tuple[int, int]) -> None:
    bitmap = (np.random.default_rng(1).random((9, 12)) > 0.4).astype(np.uint8)
    x, y = corner
    encoded = base64.b64encode(cv2.imencode(".png", bitmap * 255)[1].tobytes()).decode()
    _, image = one(tmp_path, shape(points=[[x, y], [x + 11, y + 8]], kind="mask", mask=encoded))
    expected = np.zeros((HEIGHT + 40, WIDTH + 40), np.uint8)
    expected[y + 20 : y + 29, x + 20 : x + 32] = bitmap
    ((_, mask),) = masks(image)
    assert np.array_equal(mask, expected[20 : HEIGHT + 20, 20 : WIDTH + 20])


def test_boxes_are_refused_or_taken(tmp_path: Path) -> None:
    shapes = shape(points=[[20.0, 10.0], [10.0, 20.0]], kind="rectangle"), shape("oil", SQUARE, "rotation")
    with pytest.raises(
        SourceError, match=r"2 shapes are boxes without an outline \(a.json: shape 1, a.json: shape 2\)"
    ):
        one(tmp_path, *shapes)
    source, image = one(tmp_path, *shapes, boxes="box")
    assert all(np.array_equal(mask, raster(SQUARE)) for _, mask in masks(image))
    assert counts(source) == {"box taken as the mask": 2}


@pytest.mark.parametrize("kind", ["rectangle", "rotation", "oriented_rectangle"])
def test_boxes_of_four_corners_are_boxes(tmp_path: Path, kind: str) -> None:
    with pytest.raises(SourceError, match="1 shape is a box without an outline"):
        one(tmp_path, shape("oil", SQUARE, kind))
    source, image = one(tmp_path, shape("oil", SQUARE, kind), boxes="box")
    ((_, mask),) = masks(image)
    assert np.array_equal(mask, raster(SQUARE))
    assert counts(source) == {"box taken as the mask": 1}


def test_a_quadrilateral_is_an_outline(tmp_path: Path) -> None:
    source, image = one(tmp_path, shape("oil", SQUARE, "quadrilateral"))
    ((_, mask),) = masks(image)
    assert np.array_equal(mask, raster(SQUARE))
    assert counts(source) == {}


@pytest.mark.parametrize("names", [None, ["oil"]])
def test_shapes_that_are_not_used_name_no_class(tmp_path: Path, names: list[str] | None) -> None:
    source, image = one(tmp_path, shape(), shape("car", SQUARE, "cuboid"), names=names)
    assert source.names == ("oil",)
    assert len(image.instances) == 1
    assert counts(source) == {"cuboid, which is no kind of shape known here": 1}


@pytest.mark.parametrize("wrong", [float("nan"), float("inf"), -1e10])
@pytest.mark.parametrize("kind", ["polygon", "circle"])
def test_coordinates_that_are_no_numbers_are_counted(tmp_path: Path, kind: str, wrong: float) -> None:
    points = [[2.0, 3.0], [5.0, wrong], [9.0, 9.0]][: 3 if kind == "polygon" else 2]
    source, image = one(tmp_path, shape("oil", SQUARE), shape(points=points, kind=kind))
    assert len(image.instances) == 1
    assert counts(source) == {"polygon with coordinates that are no numbers, or beyond ±1e9": 1}


def test_what_has_no_area_is_counted(tmp_path: Path) -> None:
    wrong = [
        shape("mark", [[1, 1]], "point"),
        shape("mark", [[1, 1], [2, 2]], "line"),
        shape("oil", [[1, 1], [2, 2]]),
        shape("oil", SQUARE, "cuboid"),
        shape("oil", SQUARE),
        shape("oil", SQUARE),
    ]
    source, image = one(tmp_path, *wrong)
    assert source.names == ("oil",)
    assert len(image.instances) == 1
    assert counts(source) == {
        "point, which has no area": 1,
        "line, which has no area": 1,
        "shape of too few points": 1,
        "cuboid, which is no kind of shape known here": 1,
        "shape given twice": 1,
    }


def test_images_are_found_by_path_by_name_and_by_the_json(tmp_path: Path) -> None:
    images = ("photos/a.png", "labels/b.png", "labels/c.png", "photos/d.png", "photos/e.png")
    (tmp_path / "labels").mkdir()
    root = folder(tmp_path, images=images)
    paths = {"a": "..\\photos\\a.png", "b": "C:\\elsewhere\\b.png", "c": "", "d": "d.png", "z": "gone.png"}
    for name, path in paths.items():
        (root / "labels" / f"{name}.json").write_text(json.dumps(drawn(shape(), image=path)), encoding="utf-8")
    source = read_labelme(root)
    assert sorted(item.image.relative_to(root).as_posix() for item in source.items) == sorted(images[:4])
    assert counts(source) == {"image file missing": 1, "image without a JSON": 1}
    assert "1 image is without a JSON: left out (--unlisted skip); --unlisted background" in " ".join(source.notes)
    kept = read_labelme(root, unlisted="background")
    assert len(kept.items) == 5
    assert "taken in as background (--unlisted background); --unlisted skip" in " ".join(kept.notes)


def test_labels_that_capitals_alone_tell_apart_are_told(tmp_path: Path) -> None:
    root = folder(tmp_path, a=drawn(shape("Oil"), shape("oil", SQUARE)))
    note = "classes Oil and oil differ in capitals alone and are not one; the same label for all of them makes them one"
    assert note in read_labelme(root).notes
    assert note not in read_labelme(root, names=["Oil", "oil"]).notes


def test_images_may_lie_elsewhere_and_folders_are_splits(tmp_path: Path) -> None:
    folder(tmp_path / "images", images=("train/a.png", "val/b.png"))
    (tmp_path / "labels").mkdir()
    root = folder(tmp_path / "labels", images=(), a=drawn(shape()), b=drawn(shape(), image="b.png"))
    source = read_labelme(root, images=tmp_path / "images")
    assert [(item.stem, item.split) for item in source.items] == [("a", "train"), ("b", "val")]


def test_images_of_one_name_are_told_apart_by_their_folders(tmp_path: Path) -> None:
    folder(tmp_path / "images", images=("train/a.png", "val/a.png"))
    for split in ("train", "val"):
        (tmp_path / "labels" / split).mkdir(parents=True)
        folder(tmp_path / "labels" / split, images=(), a=drawn(shape()))
    with pytest.raises(SourceError, match=r"labels/train/a.json: .* images/train/a.png, images/val/a.png; .*--images"):
        read_labelme(tmp_path)
    source = read_labelme(tmp_path / "labels", images=tmp_path / "images")
    assert [(item.stem, item.payload) for item in source.items] == [
        ("train/a", "train/a.json"),
        ("val/a", "val/a.json"),
    ]


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (drawn(shape("ship")), "a.json: shape 1 is ship, which is not in --names"),
        (drawn(shape(None)), "a.json: shape 1 has no label"),
        (drawn(shape(points=[[1, "x"]])), "a.json: shape 1: its points are no pairs of numbers"),
        (drawn(shape(points=[[1, 2, 3], [4, 5, 6]])), "a.json: shape 1: its points are no pairs of numbers"),
        (drawn(shape(points=[[1, 10**400]])), "a.json: shape 1: its points are no pairs of numbers"),
        (drawn(shape(points=None)), "a.json: shape 1: its points are no pairs of numbers"),
        (drawn(shape(points=[[1, 1]], kind="mask", mask="no")), "a.json: shape 1: its mask is no PNG in base64"),
        ({"images": []}, "no JSON of LabelMe in it"),
        (drawn(shape(), image="x.png"), "a.json: b.json is of the same image|b.json: a.json is of the same image"),
    ],
)
def test_what_cannot_be_read_is_a_sentence(tmp_path: Path, content: dict[str, Any], said: str) -> None:
    files = {"a": content}
    if "same image" in said:
        files["b"] = drawn(shape(), image="a.png")
    with pytest.raises(SourceError, match=said):
        read_labelme(folder(tmp_path, **files), names=["oil"])


def test_half_a_json_is_a_sentence(tmp_path: Path) -> None:
    folder(tmp_path)
    (tmp_path / "a.json").write_text('{"shapes": [')
    with pytest.raises(SourceError, match=r"a.json: not readable as JSON"):
        read_labelme(tmp_path)


def test_an_image_of_another_size_is_refused(tmp_path: Path) -> None:
    source = read_labelme(folder(tmp_path, a=drawn(shape(), imageWidth=WIDTH + 1)))
    with pytest.raises(SourceError, match=r"a.json: a.png is 40x30 px, but 41x30 in the JSON"):
        source.read(source.items[0], WIDTH, HEIGHT)


@pytest.mark.parametrize("size", [-1, None])
def test_a_json_may_not_know_the_size(tmp_path: Path, size: int | None) -> None:
    source = read_labelme(folder(tmp_path, a=drawn(shape(), imageWidth=size, imageHeight=size)))
    assert len(read_all(source)["a"].instances) == 1


def test_a_folder_without_its_images_says_where_to_look(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match=r"of 1 image that the JSON files name it holds none; .*--images"):
        read_labelme(folder(tmp_path, images=(), a=drawn(shape())))


def test_unlisted_has_two_values(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="skip, background"):
        read_labelme(tmp_path, unlisted="keep")


_NUMBERS = st.one_of(st.floats(), st.integers(-(10**12), 10**12))


@given(
    points=st.lists(st.lists(_NUMBERS, min_size=2, max_size=2), max_size=6),
    kind=st.sampled_from(["polygon", "circle", "rectangle", "mask", "point"]),
    label=st.sampled_from(["oil", "_background_", "__ignore__"]),
)
def test_any_coordinates_give_an_image_or_a_sentence(
    tmp_path_factory: pytest.TempPathFactory, points: list[list[float]], kind: str, label: str
) -> None:
    encoded = base64.b64encode(cv2.imencode(".png", np.ones((3, 3), np.uint8))[1].tobytes()).decode()
    root = folder(
        tmp_path_factory.mktemp("any"), a=drawn(shape("oil", SQUARE), shape(label, points, kind, mask=encoded))
    )
    for image in read_all(read_labelme(root, boxes="box")).values():
        for _, mask in masks(image):
            assert mask.any()
