import errno
import json
import os
import pickle
from pathlib import Path

import numpy as np
import pytest
from pycocotools import mask as coco_mask
from pycocotools.coco import COCO

from make import grey_image, write_image
from seepseg import rle
from seepseg.cli import main
from seepseg.errors import SourceError, UsageError
from seepseg.labels.coco import read_coco

SQUARE = [2.0, 2.0, 8.0, 2.0, 8.0, 8.0, 2.0, 8.0]
WIDTH, HEIGHT = 20, 16


def annotation(identity=1, segmentation=None, **others):
    segmentation = [SQUARE] if segmentation is None else segmentation
    row = {"id": identity, "image_id": 0, "category_id": 1, "segmentation": segmentation, "iscrowd": 0}
    return row | {"bbox": [2, 2, 6, 6], "area": 36} | others


def image(identity=0, file_name="a.png", **others):
    return {"id": identity, "file_name": file_name, "width": WIDTH, "height": HEIGHT} | others


def category(identity=1, name="oil", parent="none"):
    return {"id": identity, "name": name, "supercategory": parent}


def write_coco(path, annotations, *, images=None, categories=None, files=None, **others):
    """A COCO JSON and, beside it, an empty file for each image."""
    images = [image()] if images is None else images
    path.parent.mkdir(parents=True, exist_ok=True)
    document = {"images": images, "annotations": annotations, "categories": categories or [category()]} | others
    path.write_text(json.dumps(document))
    for name in [row["file_name"] for row in images] if files is None else files:
        (path.parent / name).parent.mkdir(parents=True, exist_ok=True)
        (path.parent / name).touch()
    return path


def read_all(path, *, width=WIDTH, height=HEIGHT, **settings):
    """All instances and all skips of a source whose images have one size."""
    source = read_coco(path, **settings)
    labelled = [source.read(item, width, height) for item in source.items]
    return [one for image in labelled for one in image.instances], [
        *source.skipped,
        *(skip for image in labelled for skip in image.skipped),
    ]


def reasons(skipped):
    return sorted(skip.reason for skip in skipped)


def mask(instance, width=WIDTH, height=HEIGHT):
    return rle.decode(instance.rle, width, height)


def of_pycocotools(path, identity, capsys):
    coco = COCO(path)
    capsys.readouterr()
    return coco.annToMask(coco.anns[identity])


# What it is


def test_a_simple_polygon_passes_through_unchanged(tmp_path):
    drawn = [1.25, 2.5, 9.125, 3.0, 7.75, 11.0625]
    (instance,), skipped = read_all(write_coco(tmp_path / "a.json", [annotation(segmentation=[drawn])]))
    assert instance.outlines[0].points.ravel().tolist() == drawn
    assert instance.outlines[0].inward is None
    assert not skipped


def test_the_truth_of_a_polygon_is_the_raster_of_pycocotools(tmp_path, capsys):
    path = write_coco(tmp_path / "a.json", [annotation(segmentation=[[1.2, 2.4, 17.3, 3.1, 9.7, 14.2, 5.5, 6.1]])])
    (instance,), _ = read_all(path)
    assert np.array_equal(mask(instance), of_pycocotools(path, 1, capsys))


def test_a_closed_polygon_keeps_its_last_point(tmp_path):
    (instance,), _ = read_all(write_coco(tmp_path / "a.json", [annotation(segmentation=[[*SQUARE, 2.0, 2.0]])]))
    assert len(instance.outlines[0].points) == 5


def test_parts_are_one_instance_and_a_nested_part_is_no_hole(tmp_path, capsys):
    nested = [4.0, 4.0, 6.0, 4.0, 6.0, 6.0, 4.0, 6.0]
    apart = [12.0, 3.0, 15.0, 3.0, 15.0, 9.0]
    path = write_coco(tmp_path / "a.json", [annotation(segmentation=[SQUARE, nested, apart])])
    (instance,), _ = read_all(path)
    assert len(instance.outlines) == 3
    assert mask(instance)[5, 5]
    assert np.array_equal(mask(instance), of_pycocotools(path, 1, capsys))


def test_numbers_outside_of_a_list_of_parts_are_one_polygon(tmp_path):
    (instance,), _ = read_all(write_coco(tmp_path / "a.json", [annotation(segmentation=SQUARE)]))
    assert instance.area == 36


@pytest.mark.parametrize("form", ["list", "text"])
def test_run_lengths_keep_their_hole(tmp_path, form):
    bitmap = np.zeros((HEIGHT, WIDTH), np.uint8)
    bitmap[3:12, 4:15] = 1
    bitmap[6:8, 7:11] = 0
    counts = coco_mask.encode(np.asfortranarray(bitmap))["counts"].decode()
    if form == "list":
        flat = bitmap.ravel(order="F")
        edges = np.flatnonzero(np.diff(flat)) + 1
        counts = np.diff([0, *edges, flat.size]).tolist()
    runs = {"size": [HEIGHT, WIDTH], "counts": counts}
    (instance,), _ = read_all(write_coco(tmp_path / "a.json", [annotation(segmentation=runs)]))
    assert np.array_equal(mask(instance), bitmap)
    assert len(instance.outlines) == 1


def test_runs_of_no_length_change_nothing(tmp_path):
    runs = {"size": [HEIGHT, WIDTH], "counts": [0, 3, 0, 2, 5, 0, 0, 4, 306, 0]}
    (instance,), _ = read_all(write_coco(tmp_path / "a.json", [annotation(segmentation=runs)]))
    assert np.flatnonzero(mask(instance).T.ravel()).tolist() == [0, 1, 2, 3, 4, 10, 11, 12, 13]
    assert instance.bbox == (0, 0, 1, 14)


def test_an_image_without_annotations_is_kept_as_background(tmp_path):
    images = [image(), image(5, "empty.png")]
    source = read_coco(write_coco(tmp_path / "a.json", [annotation()], images=images))
    assert [item.stem for item in source.items] == ["a", "empty"]
    assert source.read(source.items[1], WIDTH, HEIGHT).instances == ()


def test_items_and_reader_can_be_sent_to_another_process(tmp_path):
    source = read_coco(write_coco(tmp_path / "a.json", [annotation()]))
    read, item = pickle.loads(pickle.dumps((source.read, source.items[0])))
    assert read(item, WIDTH, HEIGHT).instances[0].area == 36


def test_of_all_polygons_only_its_own_are_sent_with_an_item(tmp_path):
    others = [annotation(number, image_id=5, segmentation=[SQUARE * 1000]) for number in range(2, 12)]
    path = write_coco(tmp_path / "a.json", [annotation(), *others], images=[image(), image(5, "b.png")])
    assert len(pickle.dumps(read_coco(path).items[0])) < 2000


def test_the_annotation_id_goes_with_the_instance(tmp_path):
    (instance,), _ = read_all(write_coco(tmp_path / "a.json", [annotation(77)]))
    assert instance.source_id == 77


# Crowds and boxes


def test_crowd_regions_are_counted_and_left_out(tmp_path):
    found, skipped = read_all(write_coco(tmp_path / "a.json", [annotation(), annotation(2, iscrowd=1)]))
    assert len(found) == 1
    assert reasons(skipped) == ["crowd region (iscrowd=1), left out; --crowd keep takes it in"]


def test_crowd_regions_can_be_kept(tmp_path):
    path = write_coco(tmp_path / "a.json", [annotation(iscrowd=1)])
    (instance,), skipped = read_all(path, crowd="keep")
    assert instance.crowd
    assert not skipped


def test_when_all_run_lengths_are_crowds_the_way_to_keep_them_is_told(tmp_path):
    runs = {"size": [HEIGHT, WIDTH], "counts": [5, 3, 312]}
    path = write_coco(tmp_path / "a.json", [annotation(segmentation=runs, iscrowd=1), annotation(2)])
    assert any("--crowd keep" in note for note in read_coco(path).notes)


def test_boxes_without_a_mask_are_refused_with_the_way_out(tmp_path):
    rows = [annotation(number, segmentation=[]) for number in range(8)]
    with pytest.raises(SourceError, match=r"--boxes box.*annotation 0;.*and 3 more"):
        read_coco(write_coco(tmp_path / "a.json", rows))


def test_boxes_become_masks_on_demand(tmp_path):
    row = annotation(segmentation=[], bbox=[2.5, 3, 6.5, 4])
    (instance,), _ = read_all(write_coco(tmp_path / "a.json", [row]), boxes="box")
    assert instance.outlines[0].points.tolist() == [[2.5, 3], [9, 3], [9, 7], [2.5, 7]]


@pytest.mark.parametrize("box", [[1, 1, 0, 5], [1, 1, 5, -2], [1, 1, 5], ["1", 1, 5, 5], [1, 1, float("nan"), 5]])
def test_a_broken_box_is_counted(tmp_path, box):
    path = write_coco(tmp_path / "a.json", [annotation(segmentation=[], bbox=box)])
    assert reasons(read_all(path, boxes="box")[1]) == ["box that is not x, y, width and height above 0"]


def test_an_annotation_with_nothing_is_counted(tmp_path):
    row = annotation(segmentation=[])
    del row["bbox"], row["segmentation"]
    assert reasons(read_all(write_coco(tmp_path / "a.json", [row]))[1]) == [
        "annotation with neither segmentation nor box"
    ]


# Classes


def test_classes_stand_in_order_of_their_ids(tmp_path):
    categories = [category(90, "ship"), category(3, "oil"), category(7, "land")]
    path = write_coco(tmp_path / "a.json", [annotation(category_id=90)], categories=categories)
    assert read_coco(path).names == ("oil", "land", "ship")
    assert read_all(path)[0][0].class_id == 2


def test_a_heading_at_id_0_disappears_and_is_told(tmp_path):
    categories = [category(0, "seeps"), category(1, "oil", "seeps"), category(2, "seeps", "seeps")]
    source = read_coco(write_coco(tmp_path / "a.json", [annotation()], categories=categories))
    assert source.names == ("oil", "seeps")
    assert any("id 0" in note for note in source.notes)


def test_a_heading_that_annotations_use_stays(tmp_path):
    categories = [category(0, "seeps"), category(1, "oil", "seeps")]
    rows = [annotation(), annotation(2, category_id=0)]
    assert read_coco(write_coco(tmp_path / "a.json", rows, categories=categories)).names == ("seeps", "oil")


def test_an_unused_class_stays(tmp_path):
    categories = [category(0, "ship"), category(1, "oil")]
    assert read_coco(write_coco(tmp_path / "a.json", [annotation()], categories=categories)).names == ("ship", "oil")


def test_two_categories_of_one_name_are_refused(tmp_path):
    path = write_coco(tmp_path / "a.json", [annotation()], categories=[category(), category(2)])
    with pytest.raises(SourceError, match=r"--merge.*'oil' \(ids 1, 2\)"):
        read_coco(path)


def test_categories_of_one_name_can_be_merged(tmp_path):
    rows = [annotation(), annotation(2, category_id=2, segmentation=[[1, 1, 9, 1, 9, 9]])]
    path = write_coco(tmp_path / "a.json", rows, categories=[category(), category(2)])
    assert read_coco(path, merge=[""]).names == ("oil",)
    assert [one.class_id for one in read_all(path, merge=[""])[0]] == [0, 0]


def test_categories_can_be_merged_under_a_new_name(tmp_path):
    categories = [category(1, "thick"), category(2, "ship"), category(3, "sheen")]
    path = write_coco(tmp_path / "a.json", [annotation(category_id=3)], categories=categories)
    assert read_coco(path, merge=["oil=thick,sheen"]).names == ("oil", "ship")
    assert read_all(path, merge=["oil=thick,sheen"])[0][0].class_id == 0


@pytest.mark.parametrize("text", ["oil", "=oil", "a=", "a=ship", "oil=sea", "a=oil,,sea"])
def test_a_merge_that_makes_no_sense_is_refused(tmp_path, text):
    path = write_coco(tmp_path / "a.json", [annotation()], categories=[category(), category(2, "sea")])
    with pytest.raises(UsageError, match="--merge"):
        read_coco(path, merge=[text])


def test_an_unknown_category_is_refused(tmp_path):
    with pytest.raises(SourceError, match=r"annotation 4 has category_id 9"):
        read_coco(write_coco(tmp_path / "a.json", [annotation(4, category_id=9)]))


# Layouts


def roboflow(root, **tables):
    for split in ("train", "valid", "test"):
        write_coco(root / split / "_annotations.coco.json", [annotation()], images=[image(0, f"{split}.png")], **tables)
    return root


def test_a_roboflow_export_is_recognised_with_its_splits(tmp_path):
    source = read_coco(roboflow(tmp_path))
    assert {item.stem: item.split for item in source.items} == {"train": "train", "valid": "val", "test": "test"}
    assert "Roboflow" in source.notes[0]


def test_a_roboflow_export_may_keep_images_in_a_subfolder(tmp_path):
    images = [image()]
    write_coco(tmp_path / "train/_annotations.coco.json", [annotation()], images=images, files=["images/a.png"])
    (item,) = read_coco(tmp_path).items
    assert item.image == tmp_path / "train/images/a.png"


def test_one_split_alone_is_no_split(tmp_path):
    write_coco(tmp_path / "train/_annotations.coco.json", [annotation()])
    assert read_coco(tmp_path).items[0].split is None


@pytest.mark.parametrize("folder", ["{}2017", "images/{}2017", "images/{}", "{}"])
def test_the_official_layout_is_recognised(tmp_path, folder):
    for split in ("train", "val"):
        path = tmp_path / f"annotations/instances_{split}2017.json"
        files = [f"../{folder.format(split)}/{split}.png"]
        write_coco(path, [annotation()], images=[image(0, f"{split}.png")], files=files)
    source = read_coco(tmp_path)
    assert [(item.image.relative_to(tmp_path).as_posix(), item.split) for item in source.items] == [
        (f"{folder.format('train')}/train.png", "train"),
        (f"{folder.format('val')}/val.png", "val"),
    ]


def test_splits_with_one_image_folder_keep_to_their_lists(tmp_path):
    for split in ("train", "val"):
        path = tmp_path / f"annotations/instances_{split}.json"
        write_coco(path, [annotation()], images=[image(0, f"{split}.png")], files=[f"../images/{split}.png"])
    source = read_coco(tmp_path)
    assert [(item.stem, item.split) for item in source.items] == [("train", "train"), ("val", "val")]
    assert not source.skipped


def test_one_json_finds_its_images_by_the_folder_given(tmp_path):
    path = write_coco(tmp_path / "labels/a.json", [annotation()], files=["../pictures/a.png"])
    (item,) = read_coco(path, images=tmp_path / "pictures").items
    assert item.image == tmp_path / "pictures/a.png"


def test_the_folder_given_may_hold_a_folder_a_split(tmp_path):
    for split in ("train", "valid"):
        path = tmp_path / f"json/{split}/_annotations.coco.json"
        write_coco(path, [annotation()], images=[image(0, f"{split}.png")], files=[f"../../tiles/{split}/{split}.png"])
    source = read_coco(tmp_path / "json", images=tmp_path / "tiles")
    assert [item.image.name for item in source.items] == ["train.png", "valid.png"]


def test_file_names_may_hold_folders(tmp_path):
    path = write_coco(
        tmp_path / "a.json", [annotation()], images=[image(0, "sub\\deep/a.png")], files=["sub/deep/a.png"]
    )
    assert read_coco(path).items[0].image == tmp_path / "sub/deep/a.png"


def test_several_jsons_without_splits_ask_for_one(tmp_path):
    for name in ("one", "two"):
        write_coco(tmp_path / f"{name}.json", [annotation()])
    with pytest.raises(SourceError, match=r"one\.json, two\.json\); give one"):
        read_coco(tmp_path)


def test_a_folder_without_a_json_points_to_one_deeper_down(tmp_path):
    roboflow(tmp_path / "export")
    with pytest.raises(SourceError, match=r"try .*export$"):
        read_coco(tmp_path)


def test_tables_of_the_splits_are_joined_by_name(tmp_path):
    write_coco(tmp_path / "train/_annotations.coco.json", [annotation()])
    write_coco(
        tmp_path / "valid/_annotations.coco.json",
        [annotation(category_id=2)],
        images=[image(0, "b.png")],
        categories=[category(2, "ship")],
    )
    source = read_coco(tmp_path)
    assert source.names == ("oil", "ship")
    assert [item.payload.annotations[0][0] for item in source.items] == [0, 1]


def test_tables_of_the_splits_that_contradict_each_other_are_refused(tmp_path):
    roboflow(tmp_path)
    write_coco(tmp_path / "valid/_annotations.coco.json", [annotation()], categories=[category(1, "ship")])
    with pytest.raises(SourceError, match=r"id 1 is 'oil' in .* and 'ship' in valid"):
        read_coco(tmp_path)


def test_equal_stems_keep_their_folder(tmp_path):
    for split in ("train", "valid"):
        write_coco(tmp_path / split / "_annotations.coco.json", [annotation()])
    assert [item.stem for item in read_coco(tmp_path).items] == ["train/a", "valid/a"]


def test_equal_stems_in_one_folder_keep_their_suffix(tmp_path):
    images = [image(0, "a.png"), image(1, "A.jpg"), image(2, "b.png")]
    source = read_coco(write_coco(tmp_path / "x.json", [], images=images))
    assert [item.stem for item in source.items] == ["a_png", "A_jpg", "b"]


def test_settings_hold_no_path_of_this_machine(tmp_path):
    source = read_coco(roboflow(tmp_path), images=tmp_path)
    assert str(tmp_path) not in json.dumps([dict(source.settings), source.notes])


# Files


def test_missing_images_are_counted_with_their_annotations(tmp_path):
    images = [image(), image(1, "gone.png")]
    rows = [annotation(), annotation(2, image_id=1)]
    found, skipped = read_all(write_coco(tmp_path / "a.json", rows, images=images, files=["a.png"]))
    assert len(found) == 1
    assert reasons(skipped) == ["annotation of a missing image file", "image file missing"]


def test_images_that_are_not_listed_are_counted(tmp_path):
    path = write_coco(tmp_path / "a.json", [annotation()], files=["a.png", "b.png", "notes.txt"])
    assert [(skip.reason, skip.where) for skip in read_coco(path).skipped] == [("image file not in the JSON", "b.png")]


def test_without_any_image_the_error_names_the_setting(tmp_path):
    with pytest.raises(SourceError, match="--images DIR"):
        read_coco(write_coco(tmp_path / "a.json", [annotation()], files=[]))


@pytest.mark.parametrize("name", ["../a.png", "/data/a.png", "C:\\data\\a.png", "x/../../a.png", "//host/a.png"])
def test_a_file_name_that_leads_out_is_refused(tmp_path, name):
    path = write_coco(tmp_path / "in/a.json", [annotation()], images=[image(0, name)], files=["../a.png"])
    with pytest.raises(SourceError, match="leads out of the image folder"):
        read_coco(path)


def test_an_image_listed_twice_is_refused(tmp_path):
    path = write_coco(tmp_path / "a.json", [], images=[image(), image(1, "./a.png")])
    with pytest.raises(SourceError, match=r"image listed twice.*image 1 .*image 0 "):
        read_coco(path)


def test_one_image_in_two_splits_is_refused(tmp_path):
    for split in ("train", "val"):
        write_coco(tmp_path / f"annotations/instances_{split}.json", [annotation()], files=["../images/a.png"])
    with pytest.raises(SourceError, match="image listed twice"):
        read_coco(tmp_path)


def test_an_image_id_given_twice_is_refused(tmp_path):
    path = write_coco(tmp_path / "a.json", [annotation()], images=[image(), image(0, "b.png")])
    with pytest.raises(SourceError, match="image id given twice"):
        read_coco(path)


def test_annotation_ids_given_twice_are_told_and_kept(tmp_path):
    rows = [annotation(), annotation(segmentation=[[1, 1, 9, 1, 9, 9]])]
    path = write_coco(tmp_path / "a.json", rows)
    assert len(read_all(path)[0]) == 2
    assert any("1 annotation with an id that another" in note for note in read_coco(path).notes)


def test_annotations_of_an_unknown_image_are_counted(tmp_path):
    found, skipped = read_all(write_coco(tmp_path / "a.json", [annotation(image_id=5)]))
    assert not found
    assert reasons(skipped) == ["annotation of an image that the JSON does not list"]


# Sizes


def test_annotations_of_a_resized_copy_are_scaled_and_counted(tmp_path):
    path = write_coco(tmp_path / "a.json", [annotation()])
    (instance,), skipped = read_all(path, width=2 * WIDTH, height=2 * HEIGHT)
    assert instance.bbox == (4, 4, 12, 12)
    assert reasons(skipped) == ["scaled from the size in the JSON"]


@pytest.mark.parametrize("size", [(WIDTH, HEIGHT + 5), (HEIGHT, WIDTH), (2 * WIDTH, HEIGHT)])
def test_another_shape_than_in_the_json_is_refused(tmp_path, size):
    path = write_coco(tmp_path / "a.json", [annotation()])
    with pytest.raises(SourceError, match="no resized copy"):
        read_all(path, width=size[0], height=size[1])


def test_run_lengths_are_not_scaled(tmp_path):
    runs = {"size": [HEIGHT, WIDTH], "counts": [5, 3, 312]}
    path = write_coco(tmp_path / "a.json", [annotation(segmentation=runs)])
    with pytest.raises(SourceError, match="run lengths are not scaled"):
        read_all(path, width=2 * WIDTH, height=2 * HEIGHT)


def test_a_json_without_sizes_takes_the_files_own(tmp_path):
    row = {"id": 0, "file_name": "a.png"}
    found, skipped = read_all(write_coco(tmp_path / "a.json", [annotation()], images=[row]), width=30, height=31)
    assert len(found) == 1
    assert not skipped


@pytest.mark.parametrize("size", [{"width": 0}, {"height": -3}, {"width": "20"}, {"width": 2.5}, {"width": True}])
def test_a_size_that_is_none_is_refused(tmp_path, size):
    with pytest.raises(SourceError, match="whole numbers above 0"):
        read_coco(write_coco(tmp_path / "a.json", [annotation()], images=[image(**size)]))


# Geometry


def test_a_polygon_is_clipped_along_the_border(tmp_path, capsys):
    over = [-6.0, 4.0, 6.0, 4.0, 6.0, 10.0]
    path = write_coco(tmp_path / "a.json", [annotation(segmentation=[over])])
    (instance,), skipped = read_all(path)
    corners = {tuple(point) for point in instance.outlines[0].points.tolist()}
    assert corners == {(0.0, 4.0), (6.0, 4.0), (6.0, 10.0), (0.0, 7.0)}
    assert np.array_equal(mask(instance), of_pycocotools(path, 1, capsys))
    assert reasons(skipped) == ["polygon clipped to the image"]


def test_what_clipping_divides_becomes_parts(tmp_path):
    comb = [2.0, -5.0, 2.0, 6.0, 6.0, 6.0, 6.0, -2.0, 12.0, -2.0, 12.0, 6.0, 16.0, 6.0, 16.0, -5.0]
    (instance,), _ = read_all(write_coco(tmp_path / "a.json", [annotation(segmentation=[comb])]))
    assert len(instance.outlines) == 2
    assert not mask(instance)[:, 7:11].any()


def test_a_polygon_that_crosses_itself_and_the_border_is_traced(tmp_path, capsys):
    bow = [-4.0, 2.0, 12.0, 12.0, 12.0, 2.0, -4.0, 12.0]
    path = write_coco(tmp_path / "a.json", [annotation(segmentation=[bow])])
    (instance,), skipped = read_all(path)
    assert np.array_equal(mask(instance), of_pycocotools(path, 1, capsys))
    assert instance.outlines[0].inward is not None
    assert reasons(skipped) == ["polygon clipped to the image"]


def test_a_polygon_far_larger_than_the_image_is_cut_before_it_is_painted(tmp_path, monkeypatch):
    painted = []
    encode = rle.encode_each
    monkeypatch.setattr(rle, "encode_each", lambda objects, *size: painted.extend(objects) or encode(objects, *size))
    huge = [-9e8, -9e8, 9e8, -9e8, 9e8, 9e8, -9e8, 9e8]
    (instance,), _ = read_all(write_coco(tmp_path / "a.json", [annotation(segmentation=[huge])]))
    assert instance.area == WIDTH * HEIGHT
    assert max(np.abs(part).max() for parts in painted for part in parts) <= 2 * WIDTH


@pytest.mark.parametrize("away", [(100, 0), (-8, 0), (0, -40), (18, 14.5)])
def test_a_polygon_outside_is_counted(tmp_path, away):
    moved = (np.array(SQUARE).reshape(-1, 2) + away).ravel().tolist()
    found, skipped = read_all(write_coco(tmp_path / "a.json", [annotation(segmentation=[moved])]))
    assert not found
    assert reasons(skipped) == ["polygon outside the image"]


@pytest.mark.parametrize(
    "small", [[3.1, 3.1, 3.3, 3.1, 3.2, 3.3], [5, 5, 5, 5, 5, 5], [20, 16, 20, 16, 20, 16], [0, 2, 0, 4, 0, 9]]
)
def test_a_polygon_smaller_than_a_pixel_does_not_vanish(tmp_path, small):
    (instance,), skipped = read_all(write_coco(tmp_path / "a.json", [annotation(segmentation=[small])]))
    x, y = min(int(small[0]), WIDTH - 1), min(int(small[1]), HEIGHT - 1)
    assert mask(instance)[y, x]
    assert reasons(skipped) == ["smaller than a pixel: kept as the pixels it touches"]


@pytest.mark.parametrize(
    ("segmentation", "reason"),
    [
        ([[1, 1, 9, 1, 9, float("nan")]], "polygon with coordinates that are no numbers, or beyond ±1e9"),
        ([[1, 1, 9, 1, 9, float("inf")]], "polygon with coordinates that are no numbers, or beyond ±1e9"),
        ([[1, 1, 9, 1, 9, 10**400]], "polygon with coordinates that are no numbers, or beyond ±1e9"),
        ([[1, 1, 9, 1, 9, "9"]], "polygon with coordinates that are no numbers, or beyond ±1e9"),
        ([[1, 1, 9, 1, 9, None]], "polygon with coordinates that are no numbers, or beyond ±1e9"),
        ([SQUARE, "mask"], "polygon with coordinates that are no numbers, or beyond ±1e9"),
        ([[1, 1, 9, 1, 9, 9, 4]], "polygon with an odd number of coordinates"),
        ([[1, 1, 9, 9]], "polygon of fewer than 3 points"),
        ("mask", "segmentation that is neither polygons nor run lengths"),
        (7, "segmentation that is neither polygons nor run lengths"),
    ],
)
def test_a_broken_polygon_is_counted(tmp_path, segmentation, reason):
    found, skipped = read_all(write_coco(tmp_path / "a.json", [annotation(segmentation=segmentation)]))
    assert not found
    assert reasons(skipped) == [reason]


def test_a_part_of_two_points_is_dropped_and_counted(tmp_path):
    found, skipped = read_all(write_coco(tmp_path / "a.json", [annotation(segmentation=[SQUARE, [1, 1, 3, 3]])]))
    assert len(found[0].outlines) == 1
    assert reasons(skipped) == ["part of fewer than 3 points dropped"]


@pytest.mark.parametrize(
    "runs",
    [
        {"size": [HEIGHT, WIDTH], "counts": [5, 3, 311]},
        {"size": [HEIGHT, WIDTH], "counts": [5, -3, 318]},
        {"size": [HEIGHT, WIDTH], "counts": [5.5, 2.5, 312]},
        {"size": [HEIGHT, WIDTH], "counts": []},
        {"size": [HEIGHT, WIDTH], "counts": "é"},
        {"size": [HEIGHT, WIDTH], "counts": ""},
        {"size": [HEIGHT, WIDTH], "counts": "oooooooooooo"},
        {"size": [HEIGHT, WIDTH], "counts": "PPPPPPPPPPPP1"},
        {"size": [HEIGHT, WIDTH], "counts": None},
        {"size": [HEIGHT], "counts": [5, 3, 312]},
        {"size": ["16", 20], "counts": [5, 3, 312]},
        {"size": [10**9, 10**9], "counts": [10**18]},
        {"counts": [5, 3, 312]},
    ],
)
def test_broken_run_lengths_are_counted(tmp_path, runs):
    found, skipped = read_all(write_coco(tmp_path / "a.json", [annotation(segmentation=runs)]))
    assert not found
    assert reasons(skipped) == ["run lengths that are broken or do not add up to their size"]


def test_run_lengths_of_another_size_are_counted(tmp_path):
    runs = {"size": [WIDTH, HEIGHT], "counts": [5, 3, 312]}
    _, skipped = read_all(write_coco(tmp_path / "a.json", [annotation(segmentation=runs)]))
    assert reasons(skipped) == ["run lengths of another size than the image"]


def test_empty_run_lengths_are_counted(tmp_path):
    runs = {"size": [HEIGHT, WIDTH], "counts": [320]}
    _, skipped = read_all(write_coco(tmp_path / "a.json", [annotation(segmentation=runs)]))
    assert reasons(skipped) == ["empty run lengths"]


def test_an_annotation_given_twice_is_dropped_and_counted(tmp_path):
    rows = [annotation(1), annotation(2), annotation(3, category_id=2)]
    path = write_coco(tmp_path / "a.json", rows, categories=[category(), category(2, "ship")])
    found, skipped = read_all(path)
    assert [one.source_id for one in found] == [1, 3]
    assert [(skip.reason, skip.where) for skip in skipped] == [
        ("annotation given twice", "a.json: annotation 2 of a.png")
    ]


# The JSON itself


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "not readable as JSON"),
        ("[]", "not readable as JSON"),
        ('{"images": [', "not readable as JSON"),
        ('{"images": [] "annotations": []}', "line 1 column 15"),
        ('{"images": [], "images": []}', "twice"),
        ("{} {}", "more text"),
        ("[" * 100_000, "not readable as JSON"),
        ('{"a": ' + "[" * 100_000, "not readable as JSON"),
        ('{"a": ' + "9" * 5_000 + "}", "not readable as JSON"),
        ("{}", "has no 'images'"),
        ('{"images": {}, "annotations": 3, "categories": null}', "'annotations' is not a list"),
        ('{"images": [], "annotations": [], "categories": []}', "lists no images"),
        ('{"images": [4], "annotations": [null], "categories": ["x"]}', "annotation that is no record"),
    ],
)
def test_what_is_not_coco_is_refused(tmp_path, text, message):
    path = tmp_path / "a.json"
    path.write_text(text)
    with pytest.raises(SourceError, match=message):
        read_coco(path)


def test_text_that_is_not_utf8_is_refused(tmp_path):
    (tmp_path / "a.json").write_bytes(b'{"images": "\xff"}')
    with pytest.raises(SourceError, match="not readable as JSON"):
        read_coco(tmp_path / "a.json")


def test_a_byte_order_mark_is_passed_over(tmp_path):
    path = write_coco(tmp_path / "a.json", [annotation()])
    path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes())
    assert len(read_coco(path).items) == 1


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ({"annotations": [annotation(image_id=None)]}, "without a usable image_id"),
        ({"annotations": [annotation(category_id=[1])]}, "without a usable image_id"),
        ({"annotations": [annotation(iscrowd="no")]}, "neither 0 nor 1"),
        ({"images": [image(None)]}, "image without a usable id"),
        ({"images": [image(True)]}, "image without a usable id"),
        ({"images": [image(0, 3)], "files": []}, "usable file_name"),
        ({"images": [image(0, "\ud800.png")], "files": []}, "usable file_name"),
        ({"images": [image(0, "a\0.png")], "files": []}, "usable file_name"),
        ({"categories": [category("x\udfff")]}, "category without a usable id"),
        ({"categories": [category(1, " ")]}, "category without a usable name"),
        ({"categories": [category(1, None)]}, "category without a usable name"),
        ({"categories": [category(), category(1, "ship")]}, "category id given twice"),
    ],
)
def test_records_that_cannot_be_used_are_refused(tmp_path, rows, message):
    rows = {"annotations": []} | rows
    with pytest.raises(SourceError, match=message):
        read_coco(write_coco(tmp_path / "a.json", rows.pop("annotations"), **rows))


def test_all_faults_come_in_one_error(tmp_path):
    rows = [annotation(1, category_id=9), annotation(2, segmentation=[])]
    path = write_coco(tmp_path / "a.json", rows, images=[image(), image(0, "../b.png")], files=[])
    with pytest.raises(SourceError) as caught:
        read_coco(path)
    for part in ("category_id 9", "--boxes box", "leads out", "--images DIR"):
        assert part in str(caught.value)


def test_ids_may_be_text_or_whole_floats(tmp_path):
    rows = [annotation("x", image_id="a7", category_id=1.0)]
    path = write_coco(tmp_path / "a.json", rows, images=[image("a7")])
    assert read_all(path)[0][0].source_id == "x"


@pytest.mark.parametrize("settings", [{"crowd": "all"}, {"boxes": "yes"}, {"images": Path("nowhere")}])
def test_a_setting_that_is_none_is_refused(tmp_path, settings):
    with pytest.raises(UsageError):
        read_coco(write_coco(tmp_path / "a.json", [annotation()]), **settings)


def test_it_converts_through_the_command_line(tmp_path):
    path = write_coco(tmp_path / "in/a.json", [annotation()], files=[])
    write_image(tmp_path / "in/a.png", grey_image(np.random.default_rng(3), HEIGHT, WIDTH))
    out = tmp_path / "out"
    assert main(["convert", "coco", str(path), str(out), "--split", "1,0,0", "--workers", "1", "--merge"]) == 0
    row = np.array((out / "labels/train/a.txt").read_text().split(), float)
    assert np.allclose(row[1:].reshape(-1, 2) * (WIDTH, HEIGHT), np.reshape(SQUARE, (-1, 2)))


def test_a_split_that_can_not_be_read_is_an_error_and_not_left_out(tmp_path, monkeypatch):
    for number, split in enumerate(("train", "valid")):
        name = f"{split}.png"
        write_coco(tmp_path / split / "_annotations.coco.json", [annotation()], images=[image(number, name)])
    scan = os.scandir

    def refuse(path="."):
        if Path(path).parts[-1] == "valid":
            raise PermissionError(errno.EACCES, "Permission denied", path)
        return scan(path)

    monkeypatch.setattr(os, "scandir", refuse)
    with pytest.raises(PermissionError):
        read_coco(tmp_path)


def test_an_image_in_a_folder_that_can_not_be_read_is_no_missing_one(tmp_path, monkeypatch):
    path = write_coco(tmp_path / "a.json", [annotation()], images=[image(0, "in/a.png")])
    status = os.stat

    def refuse(path, **options):
        if str(path).endswith("in/a.png"):
            raise PermissionError(errno.EACCES, "Permission denied", path)
        return status(path, **options)

    monkeypatch.setattr(os, "stat", refuse)
    with pytest.raises(PermissionError):
        read_coco(path)


def test_an_enormous_coordinate_is_named_as_such(tmp_path):
    rows = [annotation(segmentation=[[1, 1, 9e9, 1, 9, 9]])]
    assert reasons(read_all(write_coco(tmp_path / "a.json", rows))[1]) == [
        "polygon with coordinates that are no numbers, or beyond ±1e9"
    ]
