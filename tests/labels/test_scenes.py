import json
import pickle
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rasterio.features import rasterize
from rasterio.transform import Affine
from scipy import ndimage
from shapely import MultiPolygon, Point, Polygon, box
from shapely.affinity import translate
from shapely.geometry import mapping

from count_skips import count_skips
from make import grey_image, ragged, write_image
from make_geotiff import CORNER, UTM, damage, speckle, utm, write_geojson, write_geotiff, write_gpkg
from seepseg import rle
from seepseg.errors import SourceError, UsageError
from seepseg.labels import scene_tiles
from seepseg.labels.scene_polygons import Shape, cut_polygons, read_polygons
from seepseg.labels.scenes import read_scenes
from seepseg.raster import open_picture
from seepseg.scale_choice import choose_rule
from seepseg.values import FURTHER, UNFIT, Item

RNG = np.random.default_rng(0)
DONUT = Point(40, 38).buffer(17).difference(Point(43, 36).buffer(7))


def scene(folder, name="bay", height=150, width=200, **settings):
    return write_geotiff(folder / "scenes" / f"{name}.tif", speckle(height, width), **settings)


def truths(source):
    """What each tile holds: the union of each class, by the tile's stem."""
    found = {}
    for item in source.items:
        image = source.read(item, item.window.width, item.window.height)
        classes = np.zeros((len(source.names), image.height, image.width), bool)
        for one in image.instances:
            classes[one.class_id] |= rle.decode(one.rle, image.width, image.height).astype(bool)
        found[item.stem] = classes
    return found


def union(image):
    bitmaps = [rle.decode(one.rle, image.width, image.height) for one in image.instances]
    return sum(bitmaps, np.zeros((image.height, image.width), np.uint8)) > 0


def cropped(whole, item):
    return whole[item.window.y : item.window.y + item.window.height, item.window.x : item.window.x + item.window.width]


def drawn(*shapes, height=150, width=200):
    return rasterize([(one, 1) for one in shapes], (height, width), transform=Affine.identity()).astype(bool)


def write_degrees(path, *polygons):
    """In longitude and latitude, as they are."""
    rows = [{"type": "Feature", "properties": {"class": "oil"}, "geometry": mapping(one)} for one in polygons]
    path.write_text(json.dumps({"type": "FeatureCollection", "features": rows}))
    return path


def counts(source):
    return count_skips(source, (source.read(item, item.window.width, item.window.height) for item in source.items))


@given(st.integers(1, 3000), st.integers(32, 700), st.data())
def test_tiles_cover_a_side_and_share_what_was_asked(length, tile, data):
    overlap = data.draw(st.integers(0, tile - 1))
    starts = sorted({window.x for window in scene_tiles.windows(length, 1, tile, overlap)})
    ends = [start + min(tile, length) for start in starts]
    assert (starts[0], ends[-1]) == (0, length)
    assert all(end - start >= overlap for end, start in zip(ends[:-1], starts[1:], strict=True))


def test_the_last_tile_moves_inwards():
    assert [window.x for window in scene_tiles.windows(150, 64, 64, 16)] == [0, 48, 86]


def test_a_tile_holds_what_the_scene_does_with_holes(tmp_path):
    image = scene(tmp_path)
    truth = write_geojson(tmp_path / "truth.geojson", [(DONUT, {"class": "oil"})])
    source = read_scenes(image, truth, tile=64, overlap=16, least_seen=0)
    whole = drawn(DONUT)
    found = truths(source)
    assert any(found[item.stem].any() for item in source.items)
    for item in source.items:
        assert np.array_equal(found[item.stem][0], cropped(whole, item))


@settings(max_examples=25)
@given(st.integers(0, 10**6))
def test_any_polygon_is_cut_as_if_drawn_on_the_whole_scene(seed):
    corners = np.random.default_rng(seed).uniform(-20, 120, (6, 3, 2))
    shapes = [Polygon(three) for three in corners]
    tiles = scene_tiles.windows(100, 90, 40, 10)
    cut = cut_polygons([Shape(one, 0, "a") for one in shapes], tiles, (100, 90), 0.0)
    for tile, fragments in zip(tiles, cut, strict=True):
        item = Item(Path("a.tif"), "a", [one for one in fragments if not one.whole], window=tile)
        image = read_polygons(item, 40, 40)
        frame = box(tile.x, tile.y, tile.x + 40, tile.y + 40)
        expected = np.zeros((40, 40), bool)
        for one in shapes:
            if not frame.contains(one):
                expected |= cropped(drawn(one, height=90, width=100), item)
        assert np.array_equal(union(image), expected)


def test_names_groups_and_windows_tell_where_a_tile_lies(tmp_path):
    image = scene(tmp_path)
    truth = write_geojson(tmp_path / "truth.geojson", [(box(90, 90, 120, 120), {"class": "oil"})])
    source = read_scenes(image, truth, tile=64, overlap=16, empty=1)
    assert [item.stem for item in source.items][:2] == ["bay.000000_000000", "bay.000000_000048"]
    assert {item.group for item in source.items} == {"bay"}
    assert all(item.stem == f"bay.{item.window.y:06d}_{item.window.x:06d}" for item in source.items)


@pytest.mark.parametrize("crs", [None, "urn:ogc:def:crs:EPSG::32631"])
def test_polygons_of_any_crs_land_on_the_scene(tmp_path, crs):
    truth = write_geojson(tmp_path / "truth.geojson", [(box(20, 30, 50, 60), {"class": "oil"})], crs=crs)
    source = read_scenes(scene(tmp_path), truth, tile=200, overlap=0)
    assert np.array_equal(truths(source)["bay.000000_000000"][0], drawn(box(20, 30, 50, 60)))


def test_polygons_land_on_a_scene_in_degrees(tmp_path):
    degrees = Affine(1e-4, 0, 3.0, 0, -1e-4, 36.15)
    image = write_geotiff(tmp_path / "bay.tif", speckle(150, 200), crs="EPSG:4326", transform=degrees)
    truth = write_degrees(tmp_path / "truth.geojson", box(3.002, 36.144, 3.005, 36.147))
    source = read_scenes(image, truth, tile=200, overlap=0)
    assert np.array_equal(truths(source)["bay.000000_000000"][0], drawn(box(20, 30, 50, 60)))


@pytest.mark.parametrize(("scene_west", "truth_west"), [(190, -170), (-170, 190), (-170, -170), (190, 190)])
def test_polygons_land_on_a_scene_however_each_counts_longitudes(tmp_path, scene_west, truth_west):
    degrees = Affine(1e-4, 0, scene_west, 0, -1e-4, 36.15)
    image = write_geotiff(tmp_path / "bay.tif", speckle(150, 200), crs="EPSG:4326", transform=degrees)
    placed = box(truth_west + 0.002, 36.144, truth_west + 0.005, 36.147)
    source = read_scenes(image, write_degrees(tmp_path / "truth.geojson", placed), tile=200, overlap=0)
    assert np.array_equal(truths(source)["bay.000000_000000"][0], drawn(box(20, 30, 50, 60)))


def test_a_polygon_that_was_cut_at_the_antimeridian_is_one_again(tmp_path):
    degrees = Affine(1e-4, 0, 179.99, 0, -1e-4, 36.15)
    image = write_geotiff(tmp_path / "bay.tif", speckle(150, 200), crs="EPSG:4326", transform=degrees)
    parts = MultiPolygon([box(179.992, 36.144, 180, 36.147), box(-180, 36.144, -179.995, 36.147)])
    (item,) = read_scenes(image, write_degrees(tmp_path / "truth.geojson", parts), tile=200, overlap=0, empty=1).items
    found = read_polygons(item, 200, 150)
    assert len(found.instances) == 1
    assert np.array_equal(union(found), drawn(box(20, 30, 150, 60)))


def test_a_polygon_on_the_far_side_of_the_earth_does_not_lie_across_the_scene(tmp_path):
    degrees = Affine(1e-4, 0, 10, 0, -1e-4, 36.15)
    image = write_geotiff(tmp_path / "bay.tif", speckle(150, 200), crs="EPSG:4326", transform=degrees)
    near, far = box(10.002, 36.144, 10.005, 36.147), box(-175, 36, -165, 36.2)
    source = read_scenes(image, write_degrees(tmp_path / "truth.geojson", near, far), tile=200, overlap=0)
    assert np.array_equal(truths(source)["bay.000000_000000"][0], drawn(box(20, 30, 50, 60)))


def test_polygons_land_on_a_scene_placed_by_control_points(tmp_path):
    truth = write_geojson(tmp_path / "truth.geojson", [(box(20, 30, 50, 60), {"class": "oil"})])
    source = read_scenes(scene(tmp_path, gcps=True), truth, tile=200, overlap=0)
    assert np.array_equal(truths(source)["bay.000000_000000"][0], drawn(box(20, 30, 50, 60)))
    assert "bay.tif: laid on the ground by its control points" in source.notes


def test_a_geopackage_is_truth_too(tmp_path):
    truth = write_gpkg(tmp_path / "truth.gpkg", [(box(20, 30, 50, 60), "oil"), (box(80, 30, 90, 60), "ship")])
    source = read_scenes(scene(tmp_path), truth, tile=200, overlap=0)
    assert source.names == ("oil", "ship")
    assert np.array_equal(truths(source)["bay.000000_000000"][1], drawn(box(80, 30, 90, 60)))


def test_polygons_that_overlap_stay_separate_objects(tmp_path):
    objects = [(box(20, 20, 60, 60), {"class": "oil"}), (box(40, 40, 80, 80), {"class": "ship"})]
    source = read_scenes(scene(tmp_path), write_geojson(tmp_path / "t.geojson", objects), tile=200, overlap=0)
    image = source.read(source.items[0], 200, 150)
    assert [(one.class_id, one.area) for one in image.instances] == [(0, 1600), (1, 1600)]


def test_several_parts_are_one_object(tmp_path):
    parts = MultiPolygon([box(20, 20, 30, 30), box(40, 40, 50, 50)])
    truth = write_geojson(tmp_path / "t.geojson", [(parts, {"class": "oil"})])
    source = read_scenes(scene(tmp_path), truth, tile=200, overlap=0)
    (one,) = source.read(source.items[0], 200, 150).instances
    assert (one.area, len(one.outlines)) == (200, 2)


def test_a_polygon_over_no_pixel_centre_does_not_vanish(tmp_path):
    thin = box(20.6, 30.1, 60.2, 30.3)
    source = read_scenes(
        scene(tmp_path), write_geojson(tmp_path / "t.geojson", [(thin, {"class": "oil"})]), tile=200, overlap=0
    )
    image = source.read(source.items[0], 200, 150)
    assert image.instances[0].area == 41
    assert image.skipped[0].reason == "polygon over no pixel centre, drawn by the pixels it touches"


def test_a_sliver_of_an_object_is_ignored_rather_than_taught(tmp_path):
    truth = write_geojson(tmp_path / "t.geojson", [(box(60, 10, 130, 30), {"class": "oil"})])
    source = read_scenes(scene(tmp_path), truth, tile=64, overlap=0, empty=1)
    image = source.read(source.items[0], 64, 64)
    assert image.instances == ()
    assert np.array_equal(rle.decode(image.ignore, 64, 64), drawn(box(60, 10, 130, 30))[:64, :64])
    assert "object cut by the edge of a tile" in image.skipped[0].reason


def test_an_object_cut_by_the_scene_is_judged_by_what_the_scene_shows(tmp_path):
    truth = write_geojson(tmp_path / "t.geojson", [(box(-500, 10, 20, 30), {"class": "oil"})])
    source = read_scenes(scene(tmp_path), truth, tile=200, overlap=0)
    assert source.read(source.items[0], 200, 150).instances[0].area == 400


def test_tiles_without_objects_are_thinned_out_and_counted(tmp_path):
    truth = write_geojson(tmp_path / "t.geojson", [(box(5, 5, 20, 20), {"class": "oil"})])
    source = read_scenes(scene(tmp_path, height=320, width=320), truth, tile=32, overlap=0, empty=0.2)
    assert len(source.items) == 1 + 20
    assert counts(source) == {"tile without objects, left out by --empty": 79}
    assert "1 with objects, and 20 of 99 without (--empty 0.2)" in source.notes[-1]


def test_the_seed_decides_which_empty_tiles_stay(tmp_path):
    truth = write_geojson(tmp_path / "t.geojson", [(box(5, 5, 20, 20), {"class": "oil"})])
    image = scene(tmp_path, height=320, width=320)
    stems = [
        [item.stem for item in read_scenes(image, truth, tile=32, overlap=0, seed=seed).items] for seed in (1, 1, 2)
    ]
    assert stems[0] == stems[1] != stems[2]


def test_tiles_without_data_are_left_out_and_counted(tmp_path):
    values = speckle(64, 128)
    values[:, 64:] = np.nan
    image = write_geotiff(tmp_path / "bay.tif", values)
    truth = write_geojson(tmp_path / "t.geojson", [(box(5, 5, 120, 20), {"class": "oil"})])
    source = read_scenes(image, truth, tile=64, overlap=0)
    assert [item.stem for item in source.items] == ["bay.000000_000000"]
    assert counts(source) == {"tile without data": 1}


def test_a_scene_smaller_than_a_tile_is_one_tile(tmp_path):
    truth = write_geojson(tmp_path / "t.geojson", [(box(5, 5, 20, 20), {"class": "oil"})])
    (item,) = read_scenes(scene(tmp_path, height=40, width=70), truth).items
    assert (item.window.width, item.window.height) == (70, 40)


def test_each_scene_has_the_file_of_its_name(tmp_path):
    for number, name in enumerate(("bay", "gulf")):
        scene(tmp_path, name)
        shape = translate(box(5, 5, 20, 20), 30 * number)
        write_geojson(tmp_path / "truth" / f"{name}.geojson", [(shape, {"class": "oil"})])
    scene(tmp_path, "strait")
    source = read_scenes(tmp_path / "scenes", tmp_path / "truth", tile=200, overlap=0)
    found = truths(source)
    assert np.array_equal(found["gulf.000000_000000"][0], drawn(box(35, 5, 50, 20)))
    assert counts(source) == {"scene without truth": 1}


def test_one_file_serves_all_scenes(tmp_path):
    scene(tmp_path, "west")
    scene(tmp_path, "east", transform=Affine(10, 0, CORNER[0] + 2000, 0, -10, CORNER[1]))
    objects = [(box(5, 5, 20, 20), {"class": "oil"}), (box(205, 5, 230, 20), {"class": "oil"})]
    objects.append((box(900, 900, 920, 920), {"class": "oil"}))
    source = read_scenes(tmp_path / "scenes", write_geojson(tmp_path / "t.geojson", objects), tile=200, overlap=0)
    found = truths(source)
    assert np.array_equal(found["east.000000_000000"][0], drawn(box(5, 5, 30, 20)))
    assert np.array_equal(found["west.000000_000000"][0], drawn(box(5, 5, 20, 20)))
    assert counts(source) == {"polygon outside every scene": 1}


def test_files_named_otherwise_than_the_scenes_are_refused(tmp_path):
    for name in ("a", "b"):
        write_geojson(tmp_path / "truth" / f"{name}.geojson", [(box(5, 5, 20, 20), {"class": "oil"})])
    scene(tmp_path)
    with pytest.raises(SourceError, match=r"no file is named as a scene is \(a\.geojson, bay\.tif\)"):
        read_scenes(tmp_path / "scenes", tmp_path / "truth")


def test_polygons_far_from_every_scene_are_refused(tmp_path):
    truth = write_geojson(tmp_path / "t.geojson", [(box(5000, 5000, 5020, 5020), {"class": "oil"})])
    with pytest.raises(SourceError, match="no object of it lies in any scene"):
        read_scenes(scene(tmp_path), truth)


def test_every_scene_without_a_place_is_named_when_polygons_are_given(tmp_path):
    for name in ("a", "b"):
        scene(tmp_path, name, crs=None)
    truth = write_geojson(tmp_path / "t.geojson", [(box(5, 5, 20, 20), {"class": "oil"})])
    with pytest.raises(SourceError, match=r"(?s)a\.tif: has no CRS.*b\.tif: has no CRS"):
        read_scenes(tmp_path / "scenes", truth)


def test_scenes_that_polygons_cannot_be_laid_on_are_left_out_where_asked_and_told(tmp_path):
    scene(tmp_path)
    scene(tmp_path, "reef", crs=None)
    (tmp_path / "scenes" / "torn.tif").write_text("nothing")
    truth = write_geojson(tmp_path / "t.geojson", [(box(5, 5, 20, 20), {"class": "oil"})])
    source = read_scenes(tmp_path / "scenes", truth, tile=200, overlap=0, unfit="skip")
    assert {item.group for item in source.items} == {"bay"}
    told = [skip.where.split(":")[0] for skip in source.skipped if skip.reason == UNFIT]
    assert told == ["reef.tif", "torn.tif"]


def test_where_no_scene_takes_polygons_there_is_nothing_to_leave_out(tmp_path):
    truth = write_geojson(tmp_path / "t.geojson", [(box(5, 5, 20, 20), {"class": "oil"})])
    with pytest.raises(SourceError, match=r"bay\.tif: has no CRS"):
        read_scenes(scene(tmp_path, crs=None), truth, unfit="skip")


def test_a_scene_of_damaged_pixels_is_told_when_its_tiles_are_converted(tmp_path):
    image = damage(scene(tmp_path, compress="deflate"))
    truth = write_geojson(tmp_path / "t.geojson", [(box(5, 5, 20, 20), {"class": "oil"})])
    (item,) = read_scenes(image, truth, tile=200, overlap=0).items
    with pytest.raises(SourceError, match=r"bay\.tif: not readable"):
        open_picture(item, None)


def test_polygons_in_files_of_another_kind_are_refused_with_the_way_out(tmp_path):
    shapes = tmp_path / "truth" / "bay.shp"
    shapes.parent.mkdir()
    for suffix in (".shp", ".dbf", ".prj"):
        shapes.with_suffix(suffix).touch()
    for truth in (shapes, shapes.parent):
        with pytest.raises(SourceError, match=r"export bay\.shp as a GeoPackage"):
            read_scenes(scene(tmp_path), truth)


@pytest.mark.parametrize("seed", range(3))
def test_raster_truth_is_cut_as_it_is(tmp_path, seed):
    classes = ragged(np.random.default_rng(seed), 150, 200) + 2 * ragged(np.random.default_rng(seed + 9), 150, 200)
    write_geotiff(tmp_path / "truth" / "bay.tif", classes)
    scene(tmp_path)
    source = read_scenes(
        tmp_path / "scenes", tmp_path / "truth", tile=64, overlap=16, names=("a", "b", "c"), least_seen=0
    )
    found = truths(source)
    for item in source.items:
        for class_id in range(3):
            assert np.array_equal(found[item.stem][class_id], cropped(classes, item) == class_id + 1)


def test_objects_of_raster_truth_are_the_components_of_a_tile(tmp_path):
    bitmap = ragged(RNG, 64, 64, 0.3)
    truth = write_geotiff(tmp_path / "t.tif", bitmap)
    source = read_scenes(scene(tmp_path, height=64, width=64), truth, names=("oil",))
    count = ndimage.label(bitmap, np.ones((3, 3)))[1]
    assert len(source.read(source.items[0], 64, 64).instances) == count


def test_a_sliver_of_raster_truth_is_ignored(tmp_path):
    bitmap = np.zeros((64, 128), np.uint8)
    bitmap[10:20, 62:76] = bitmap[40:50, 10:20] = 1
    truth = write_geotiff(tmp_path / "t.tif", bitmap)
    source = read_scenes(
        scene(tmp_path, height=64, width=128), truth, names=("oil",), tile=64, overlap=0, least_seen=0.2
    )
    image = source.read(source.items[0], 64, 64)
    assert [one.area for one in image.instances] == [100]
    assert rle.decode(image.ignore, 64, 64).sum() == 20
    assert "object cut by the edge of a tile" in image.skipped[0].reason


def test_a_small_part_of_an_object_that_the_tile_shows_well_stays(tmp_path):
    bitmap = np.zeros((64, 128), np.uint8)
    bitmap[10:30, 20:70], bitmap[29:41, 68:70], bitmap[40, 60:70] = 1, 1, 1
    truth = write_geotiff(tmp_path / "t.tif", bitmap)
    source = read_scenes(scene(tmp_path, height=64, width=128), truth, names=("oil",), tile=64, overlap=0)
    assert [one.area for one in source.read(source.items[0], 64, 64).instances] == [880, 4]


def test_no_data_of_the_truth_is_ignored(tmp_path):
    labels = np.zeros((64, 64), np.int16)
    labels[:8], labels[20:30, 20:30] = -1, 1
    source = read_scenes(
        scene(tmp_path, height=64, width=64), write_geotiff(tmp_path / "t.tif", labels), names=("oil",)
    )
    image = source.read(source.items[0], 64, 64)
    assert np.array_equal(rle.decode(image.ignore, 64, 64), labels == -1)
    assert "ignored in the truth: 512 pixels (values -1)" in source.notes


def test_truth_whose_no_data_is_0_has_background_there(tmp_path):
    labels = np.zeros((64, 64), np.uint8)
    labels[20:30, 20:30] = 1
    truth = write_geotiff(tmp_path / "t.tif", labels, nodata=0)
    source = read_scenes(scene(tmp_path, height=64, width=64), truth, names=("oil",))
    assert source.read(source.items[0], 64, 64).ignore is None


def test_a_tile_that_holds_nothing_but_the_fill_is_left_out(tmp_path):
    values = np.stack([speckle(64, 192)] * 2)
    values[0, :, :128], values[1, :, 64:] = 0, 0
    path = write_geotiff(tmp_path / "scenes" / "bay.tif", values)
    truth = write_geotiff(tmp_path / "t.tif", np.zeros((64, 192), np.uint8))

    def kept(**settings):
        source = read_scenes(path, truth, names=("oil",), tile=64, overlap=0, empty=1, **settings)
        return [item.window.x // 64 for item in source.items]

    assert kept() == [0, 1, 2]
    assert kept(nodata=0.0) == [2]
    assert kept(nodata=0.0, bands=(2,)) == [0]


def test_truth_without_a_crs_but_of_the_size_lies_on_the_scene(tmp_path):
    bitmap = ragged(RNG, 64, 64)
    truth = write_geotiff(tmp_path / "t.tif", bitmap * 255, crs=None)
    source = read_scenes(scene(tmp_path, height=64, width=64), truth, names=("oil",))
    assert np.array_equal(truths(source)["bay.000000_000000"][0], bitmap == 1)
    assert any("no CRS" in note for note in source.notes)
    assert "value 255 of the truth is oil" in source.notes


def test_truth_of_another_grid_is_laid_on_the_scene_by_nearest_pixels(tmp_path):
    coarse = ragged(RNG, 40, 40)
    truth = write_geotiff(tmp_path / "t.tif", coarse, transform=utm(20))
    source = read_scenes(scene(tmp_path, height=64, width=64), truth, names=("oil",), tile=64, overlap=0)
    assert np.array_equal(truths(source)["bay.000000_000000"][0], np.kron(coarse, np.ones((2, 2)))[:64, :64] == 1)


@pytest.mark.parametrize("nodata", [None, 0, 255])
def test_ground_that_the_truth_does_not_cover_is_ignored(tmp_path, nodata):
    truth = write_geotiff(tmp_path / "t.tif", np.ones((30, 40), np.uint8), nodata=nodata)
    source = read_scenes(scene(tmp_path, height=64, width=64), truth, names=("oil",))
    image = source.read(source.items[0], 64, 64)
    assert image.instances[0].area == 1200
    assert rle.decode(image.ignore, 64, 64).sum() == 64 * 64 - 1200


def test_truth_of_another_size_without_a_crs_is_refused(tmp_path):
    truth = write_geotiff(tmp_path / "t.tif", np.ones((30, 40), np.uint8), crs=None)
    with pytest.raises(SourceError, match="40 × 30 pixels without a CRS in common"):
        read_scenes(scene(tmp_path), truth, names=("oil",))


def test_scenes_that_their_truth_does_not_fit_are_left_out_where_asked_and_told(tmp_path):
    for name, height in (("bay", 150), ("reef", 90)):
        scene(tmp_path, name)
        write_geotiff(tmp_path / "truth" / f"{name}.tif", np.ones((height, 200), np.uint8), crs=None)
    folders = tmp_path / "scenes", tmp_path / "truth"
    source = read_scenes(*folders, names=("oil",), unfit="skip")
    assert {item.group for item in source.items} == {"bay"}
    (told,) = [skip.where for skip in source.skipped if skip.reason == UNFIT]
    assert told.startswith("reef: reef.tif: 200 × 90 pixels")
    with pytest.raises(SourceError, match=r"reef\.tif: 200 × 90 pixels"):
        read_scenes(*folders, names=("oil",))


def test_pictures_without_a_place_are_cut_by_their_pixels(tmp_path):
    write_image(tmp_path / "scenes" / "a.png", grey_image(RNG, 64, 96))
    bitmap = ragged(RNG, 64, 96)
    write_image(tmp_path / "truth" / "a.png", bitmap)
    source = read_scenes(tmp_path / "scenes", tmp_path / "truth", names=("oil",), tile=64, overlap=32, least_seen=0)
    assert np.array_equal(truths(source)["a.000000_000032"][0], bitmap[:, 32:] == 1)


def test_raster_truth_needs_names(tmp_path):
    with pytest.raises(UsageError, match="--names"):
        read_scenes(scene(tmp_path), write_geotiff(tmp_path / "t.tif", np.ones((150, 200), np.uint8)))


def test_values_beyond_the_names_are_listed(tmp_path):
    labels = np.zeros((150, 200), np.uint8)
    labels[:2], labels[2:5], labels[9:11] = 1, 4, 7
    with pytest.raises(UsageError, match=r"(?s)--names gives 2 classes.*4: 600 pixels.*7: 400 pixels"):
        read_scenes(scene(tmp_path), write_geotiff(tmp_path / "t.tif", labels), names=("a", "b"))


def test_truth_with_fractions_is_refused(tmp_path):
    truth = write_geotiff(tmp_path / "t.tif", np.full((150, 200), 0.5, np.float32))
    with pytest.raises(SourceError, match="no whole numbers"):
        read_scenes(scene(tmp_path), truth, names=("oil",))


def test_truth_of_many_bands_is_refused(tmp_path):
    truth = write_geotiff(tmp_path / "t.tif", np.ones((3, 150, 200), np.uint8))
    with pytest.raises(SourceError, match="has 3 bands"):
        read_scenes(scene(tmp_path), truth, names=("oil",))


@pytest.mark.parametrize("drawn_as", ["polygons", "raster"])
def test_pages_of_a_scene_after_the_first_are_told_once(tmp_path, drawn_as):
    path = scene(tmp_path)
    write_geotiff(path, speckle(150, 200, seed=1), APPEND_SUBDATASET="YES")
    if drawn_as == "polygons":
        truth = write_geojson(tmp_path / "t.geojson", [(box(10, 10, 140, 90), {"class": "oil"})])
    else:
        truth = write_geotiff(tmp_path / "t.tif", drawn(box(10, 10, 140, 90)).astype(np.uint8))
    source = read_scenes(path, truth, tile=64, overlap=16, names=("oil",))
    assert len(source.items) > 1
    assert counts(source)[FURTHER] == 1
    assert not any(open_picture(item, choose_rule([item], scale=None, bands=None)[0]).several for item in source.items)


def test_truth_of_several_pictures_is_refused(tmp_path):
    truth = write_geotiff(tmp_path / "t.tif", np.ones((150, 200), np.uint8))
    write_geotiff(truth, np.zeros((150, 200), np.uint8), APPEND_SUBDATASET="YES")
    with pytest.raises(SourceError, match=r"t\.tif: holds several pictures"):
        read_scenes(scene(tmp_path), truth, names=("oil",))


def test_a_gsd_resamples_polygons_and_pixels_alike(tmp_path):
    truth = write_geojson(tmp_path / "t.geojson", [(box(20, 30, 50, 60), {"class": "oil"})])
    source = read_scenes(scene(tmp_path), truth, tile=64, overlap=0, gsd=20.0)
    (item,) = [item for item in source.items if item.window.x == item.window.y == 0]
    picture = open_picture(item, choose_rule(source.items, scale=None, bands=None)[0], gsd=20.0)
    assert picture.pixels.shape == (64, 64)
    assert np.array_equal(truths(source)[item.stem][0], drawn(box(10, 15, 25, 30))[:64, :64])


@pytest.mark.parametrize("crs", [UTM, None])
def test_a_gsd_resamples_raster_truth(tmp_path, crs):
    coarse = ragged(RNG, 32, 32)
    truth = write_geotiff(tmp_path / "t.tif", np.kron(coarse, np.ones((2, 2), np.uint8)), crs=crs)
    source = read_scenes(scene(tmp_path, height=64, width=64), truth, names=("oil",), gsd=20.0)
    assert np.array_equal(truths(source)["bay.000000_000000"][0], coarse == 1)


@pytest.mark.parametrize(
    ("settings", "flag"),
    [({"tile": 8}, "--tile 8"), ({"overlap": 640}, "--overlap 640"), ({"empty": 1.5}, "--empty 1.5")],
)
def test_settings_that_make_no_tiles_are_refused(tmp_path, settings, flag):
    with pytest.raises(UsageError, match=flag):
        read_scenes(tmp_path, tmp_path, **settings)


def test_the_reader_can_be_sent_to_a_worker(tmp_path):
    truth = write_geotiff(tmp_path / "t.tif", ragged(RNG, 64, 64))
    source = read_scenes(scene(tmp_path, height=64, width=64), truth, names=("oil",))
    item, read = pickle.loads(pickle.dumps((source.items[0], source.read)))
    mine, sent = source.read(source.items[0], 64, 64), read(item, 64, 64)
    assert [one.rle for one in sent.instances] == [one.rle for one in mine.instances] != []


def test_a_truth_file_that_is_neither_kind_is_told_once(tmp_path):
    for name in ("a", "b", "c"):
        scene(tmp_path, name)
    (tmp_path / "b.csv").write_text("image,x,y\n")
    with pytest.raises(SourceError) as error:
        read_scenes(tmp_path / "scenes", tmp_path / "b.csv", names=("oil",))
    assert str(error.value).count("not readable as an image") == 1


def test_truth_behind_a_link_is_found(tmp_path):
    write_geojson(tmp_path / "elsewhere/bay.geojson", [(box(20, 30, 50, 60), {"class": "oil"})])
    scene(tmp_path)
    (tmp_path / "truth").mkdir()
    (tmp_path / "truth/corrected").symlink_to(tmp_path / "elsewhere")
    source = read_scenes(tmp_path / "scenes", tmp_path / "truth", tile=64, overlap=0)
    assert any(found.any() for found in truths(source).values())
