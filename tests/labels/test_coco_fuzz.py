import copy
import json
from collections import Counter

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from pycocotools import mask as coco_mask

from seepseg import rle
from seepseg.errors import SeepsegError
from seepseg.labels import coco, coco_image, coco_shapes, polygons
from seepseg.labels.coco import read_coco

WIDTH, HEIGHT = 20, 16
FILES = ("a.png", "b.png", "sub/c.png")
NO_LOSS = {
    polygons.CLIPPED,
    polygons.TINY,
    coco_shapes.SHORT_PART,
    coco_image.SCALED,
    coco.MISSING,
    coco.UNLISTED,
}
"""Reasons that do not stand for an annotation left out."""

across = st.one_of(st.integers(-WIDTH, 2 * WIDTH), st.floats(-8, 30))
down = st.one_of(st.integers(-HEIGHT, 2 * HEIGHT), st.floats(-8, 28))
polygon = st.lists(st.tuples(across, down), min_size=3, max_size=8).map(lambda points: [n for xy in points for n in xy])
tiny = st.tuples(st.floats(0, 18), st.floats(0, 14)).map(
    lambda at: [at[0], at[1], at[0] + 0.2, at[1], at[0], at[1] + 0.2]
)


@st.composite
def run_lengths(draw):
    bits = draw(st.lists(st.integers(0, WIDTH * HEIGHT), max_size=12).map(sorted))
    counts = np.diff([0, *bits, WIDTH * HEIGHT]).tolist()
    size = [HEIGHT, WIDTH]
    if draw(st.booleans()):
        bitmap = np.repeat(np.arange(len(counts)) % 2, counts).astype(np.uint8).reshape(WIDTH, HEIGHT).T
        counts = coco_mask.encode(np.asfortranarray(bitmap))["counts"].decode()
    return {"size": size, "counts": counts}


@st.composite
def documents(draw):
    """A COCO JSON as it should be."""
    count = draw(st.integers(1, 3))
    images = [{"id": number, "file_name": FILES[number], "width": WIDTH, "height": HEIGHT} for number in range(count)]
    segmentation = st.one_of(st.lists(polygon, min_size=1, max_size=3), run_lengths(), tiny.map(lambda one: [one]))
    annotations = [
        {
            "id": number,
            "image_id": draw(st.integers(0, count - 1)),
            "category_id": draw(st.integers(1, 2)),
            "segmentation": draw(segmentation),
            "bbox": [1, 1, 5, 5],
            "iscrowd": draw(st.sampled_from([0, 0, 0, 1])),
        }
        for number in range(draw(st.integers(0, 5)))
    ]
    categories = [{"id": 1, "name": "oil", "supercategory": "none"}, {"id": 2, "name": "ship"}]
    return {"images": images, "annotations": annotations, "categories": categories}


junk = st.one_of(
    st.none(),
    st.booleans(),
    st.sampled_from([-1, 0, 1, 2, 7, 10**20, 1e300, float("nan"), float("inf"), -0.0, 0.5]),
    st.sampled_from(["", "a.png", "../a.png", "/etc/passwd", "sub/c.png", "\ud800", "x\0y", "oil", "oooo", "PPP1"]),
    st.just([]),
    st.just({}),
    st.just([[]]),
    st.just([[1, 2, 3]]),
    st.just({"size": [HEIGHT, WIDTH], "counts": "0"}),
    st.text(max_size=6),
    polygon,
)


def places(value, path=()):
    """Every place in a JSON value, the outermost first."""
    yield path
    if isinstance(value, dict | list):
        for key in value if isinstance(value, dict) else range(len(value)):
            yield from places(value[key], (*path, key))


@st.composite
def mangled(draw):
    """A COCO JSON with some places overwritten, taken out or doubled."""
    document = draw(documents())
    for _ in range(draw(st.integers(1, 3))):
        path = draw(st.sampled_from(list(places(document))[1:] or [()]))
        if not path:
            break
        holder = document
        for key in path[:-1]:
            holder = holder[key]
        action = draw(st.sampled_from(["overwrite", "overwrite", "remove", "double"]))
        if action == "remove":
            del holder[path[-1]]
        elif action == "double" and isinstance(holder, list):
            holder.append(copy.deepcopy(holder[path[-1]]))
        else:
            holder[path[-1]] = copy.deepcopy(draw(junk))
    return document


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    root = tmp_path_factory.mktemp("coco")
    (root / "sub").mkdir()
    for name in FILES:
        (root / name).touch()
    return root


def read_all(folder, text, **settings):
    """Source, instances and skips; the images are there and of one size."""
    path = folder / "coco.json"
    path.write_text(text)
    source = read_coco(path, **settings)
    labelled = [source.read(item, WIDTH, HEIGHT) for item in source.items]
    instances = [one for image in labelled for one in image.instances]
    return source, instances, [*source.skipped, *(skip for image in labelled for skip in image.skipped)]


def check_nothing_is_lost(document, instances, skipped):
    lost = sum(skip.reason not in NO_LOSS for skip in skipped)
    assert len(document["annotations"]) == len(instances) + lost


def of_pycocotools(segmentation):
    """The raster by the rules of COCO's own reader; parts that are no polygons cover nothing."""
    if isinstance(segmentation, list):
        parts = segmentation if segmentation and isinstance(segmentation[0], list) else [segmentation]
        merged = coco_mask.merge(coco_mask.frPyObjects([part for part in parts if len(part) >= 6], HEIGHT, WIDTH))
        return coco_mask.decode(merged)
    if isinstance(segmentation["counts"], list):
        segmentation = coco_mask.frPyObjects(segmentation, HEIGHT, WIDTH)
    return coco_mask.decode(segmentation)


def check_masks(document, instances, skipped):
    """Each instance covers what its annotation covers, or at least a pixel where that covers none."""
    rows = {row["id"]: row for row in document["annotations"]}
    ids = Counter(row["id"] for row in document["annotations"])
    for one in instances:
        assert one.outlines
        if ids[one.source_id] > 1 or rows[one.source_id].get("segmentation") in (None, {}, [], [[]]):
            continue
        truth = of_pycocotools(rows[one.source_id]["segmentation"])
        mask = rle.decode(one.rle, WIDTH, HEIGHT)
        if truth.any():
            assert np.array_equal(mask, truth)
        else:
            assert mask.any()
            assert polygons.TINY in {skip.reason for skip in skipped}


@settings(max_examples=100)
@given(document=documents(), crowd=st.sampled_from(["skip", "keep"]))
def test_what_is_right_is_read_right(folder, document, crowd):
    _, instances, skipped = read_all(folder, json.dumps(document), crowd=crowd)
    check_nothing_is_lost(document, instances, skipped)
    check_masks(document, instances, skipped)


@settings(max_examples=300)
@given(document=mangled(), crowd=st.sampled_from(["skip", "keep"]), boxes=st.sampled_from(["refuse", "box"]))
def test_what_is_mangled_is_refused_or_read_right(folder, document, crowd, boxes):
    try:
        _, instances, skipped = read_all(folder, json.dumps(document), crowd=crowd, boxes=boxes)
    except SeepsegError:
        return
    check_nothing_is_lost(document, instances, skipped)
    if all(type(row.get("id")) is int for row in document["annotations"]):
        check_masks(document, instances, skipped)


@settings(max_examples=100)
@given(document=documents(), at=st.floats(0, 1), piece=st.text(max_size=3), length=st.integers(0, 20))
def test_text_that_is_damaged_is_refused_or_read_right(folder, document, at, piece, length):
    text = json.dumps(document)
    start = int(at * len(text))
    damaged = text[:start] + piece.encode("utf-8", "replace").decode() + text[start + length :]
    try:
        _, instances, skipped = read_all(folder, damaged, crowd="keep")
    except SeepsegError:
        return
    try:
        document = json.loads(damaged)
    except ValueError:
        # Polygons of an annotation that is left out are never decoded.
        assert {coco.NO_IMAGE, coco.ORPHAN} & {skip.reason for skip in skipped}
    else:
        check_nothing_is_lost(document, instances, skipped)


far = st.floats(-1e5, 1e5)


@settings(max_examples=100)
@given(points=st.lists(st.tuples(far, far), min_size=3, max_size=6))
@example(points=[(0.0, -5.9e-286), (1.0, 2.0), (-1.0, 0.0)])
def test_polygons_that_run_far_out_cover_what_a_larger_raster_says(points):
    drawn = np.array(points)
    found, reason = polygons.fit_polygons([drawn], WIDTH, HEIGHT, 0)
    truth = of_pycocotools([drawn.ravel().tolist()])
    mask = rle.decode(found.rle, WIDTH, HEIGHT) if found else np.zeros_like(truth)
    if truth.any() and not truth.all():
        assert (mask != truth).sum() <= 2 * (WIDTH + HEIGHT)
    elif reason != polygons.TINY:
        assert np.array_equal(mask, truth)
