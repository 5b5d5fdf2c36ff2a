import pickle
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pycocotools import mask as coco_mask

from count_skips import count_skips
from make import grey_image, write_image
from seepseg.errors import SourceError, UsageError
from seepseg.labels.boxes import Boxes, _read, read_boxes
from seepseg.values import Item, LabelledImage, Source

WIDTH, HEIGHT = 40, 30


def folder(tmp_path: Path, table: str, *names: str) -> tuple[Path, Path]:
    for name in names or ("a.png", "b.png"):
        write_image(tmp_path / "images" / name, grey_image(np.random.default_rng(0), HEIGHT, WIDTH))
    (tmp_path / "boxes.csv").write_text(table, encoding="utf-8")
    return tmp_path / "boxes.csv", tmp_path / "images"


def read_all(source: Source) -> dict[str, LabelledImage]:
    return {item.stem: source.read(item, WIDTH, HEIGHT) for item in source.items}


def boxes_of(source: Source) -> dict[str, list[tuple[int, tuple[int, int, int, int]]]]:
    return {stem: [(one.class_id, one.bbox) for one in image.instances] for stem, image in read_all(source).items()}


def counts(source: Source) -> dict[str, int]:
    return count_skips(source, read_all(source).values())


def test_the_airbus_table_is_read(tmp_path: Path) -> None:
    table = 'image_id,bounds,class\na,"(2, 3, 12, 8)",oil-storage-tank\nb,"(0, 0, 40, 30)",oil-storage-tank\n'
    source = read_boxes(*folder(tmp_path, table))
    assert source.names == ("oil-storage-tank",)
    assert boxes_of(source) == {"a": [(0, (2, 3, 10, 5))], "b": [(0, (0, 0, 40, 30))]}


@pytest.mark.parametrize(
    "table",
    [
        "filename,width,height,class,xmin,ymin,xmax,ymax\na.png,40,30,tank,2,3,12,8\n",
        "Image ID;Label;X;Y;W;H\na;tank;2;3;10;5\n",
        "image_path\tclass\tleft\ttop\twidth\theight\nsome/where/a.png\ttank\t2\t3\t10\t5\n",
        "/data/images/a.png,2,3,12,8,tank\n",
        "ImageID,Source,LabelName,XMin,XMax,YMin,YMax\na,hand,tank,2,12,3,8\n",
        '\ufeffIMAGE_ID , BOUNDS , CLASS\r\na.png , "[2.0 3.0 12.0 8.0]" , tank\r\n',
    ],
    ids=["tensorflow", "semicolons", "left-top-size", "no-header", "open-images", "bom-and-blanks"],
)
def test_other_tables_say_the_same_box(tmp_path: Path, table: str) -> None:
    source = read_boxes(*folder(tmp_path, table, "a.png"))
    assert source.names == ("tank",)
    assert boxes_of(source) == {"a": [(0, (2, 3, 10, 5))]}


def test_a_box_column_needs_to_be_told_what_it_holds(tmp_path: Path) -> None:
    paths = folder(tmp_path, 'image_id,bbox\na,"[2, 3, 10, 5]"\n', "a.png")
    with pytest.raises(UsageError, match="--form corners or --form size"):
        read_boxes(*paths)
    assert boxes_of(read_boxes(*paths, form="size")) == {"a": [(0, (2, 3, 10, 5))]}
    assert boxes_of(read_boxes(*paths, form="corners")) == {"a": [(0, (2, 3, 8, 2))]}


def test_a_form_against_the_columns_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="say corners"):
        read_boxes(*folder(tmp_path, 'image_id,bounds\na,"(1,1,5,5)"\n'), form="size")


def test_classes_are_sorted_unless_names_are_given(tmp_path: Path) -> None:
    paths = folder(tmp_path, "image,class,x,y,w,h\na,ship,1,1,5,5\na,buoy,9,9,5,5\n", "a.png")
    assert read_boxes(*paths).names == ("buoy", "ship")
    assert boxes_of(read_boxes(*paths, names=("ship", "buoy")))["a"] == [(0, (1, 1, 5, 5)), (1, (9, 9, 5, 5))]


def test_a_class_that_names_lacks_is_an_error_with_its_line(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match=r"boxes\.csv:2: class ship is not in --names"):
        read_boxes(*folder(tmp_path, "image,class,x,y,w,h\na,ship,1,1,5,5\n"), names=("buoy",))


def test_a_table_without_classes_has_one(tmp_path: Path) -> None:
    paths = folder(tmp_path, "image,x,y,w,h\na,1,1,5,5\n", "a.png")
    assert read_boxes(*paths).names == ("object",)
    assert "no column says a class" in " ".join(read_boxes(*paths).notes)
    assert read_boxes(*paths, names=("tank",)).names == ("tank",)
    with pytest.raises(UsageError, match="one name"):
        read_boxes(*paths, names=("tank", "ship"))


def test_a_row_without_a_box_is_a_background(tmp_path: Path) -> None:
    source = read_boxes(*folder(tmp_path, "image,class,x1,y1,x2,y2\na,tank,1,1,5,5\nb,,,,,\n"))
    assert boxes_of(source) == {"a": [(0, (1, 1, 4, 4))], "b": []}
    assert counts(source) == {}


def test_a_class_without_a_box_is_counted(tmp_path: Path) -> None:
    source = read_boxes(*folder(tmp_path, "image,class,x1,y1,x2,y2\na,tank,1,1,5,5\nb,tank,,,,\n"))
    assert counts(source) == {"class without a box": 1}


def test_unlisted_images_are_left_out_or_backgrounds_by_rule(tmp_path: Path) -> None:
    paths = folder(tmp_path, 'image_id,bounds\na,"(1,1,5,5)"\n')
    source = read_boxes(*paths)
    assert list(boxes_of(source)) == ["a"]
    assert counts(source) == {"image not in the table": 1}
    assert "1 image is not in the table: left out (--unlisted skip); --unlisted background" in " ".join(source.notes)
    kept = read_boxes(*paths, unlisted="background")
    assert "taken in as background (--unlisted background); --unlisted skip" in " ".join(kept.notes)
    assert boxes_of(kept)["b"] == []
    assert counts(kept) == {}


def test_missing_images_are_counted_once_each(tmp_path: Path) -> None:
    table = "image,x,y,w,h\na,1,1,5,5\ngone,1,1,5,5\ngone,2,2,5,5\n"
    source = read_boxes(*folder(tmp_path, table, "a.png"))
    assert counts(source) == {"image file missing": 1}
    assert source.skipped[0].where == "gone (boxes.csv:3)"


def test_no_image_at_all_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match=r"of 1 image that .* names it holds none"):
        read_boxes(*folder(tmp_path, "image,x,y,w,h\ngone,1,1,5,5\n"))


def test_an_id_that_fits_two_images_is_an_error_with_both(tmp_path: Path) -> None:
    paths = folder(tmp_path, "image,x,y,w,h\na,1,1,5,5\n", "x/a.png", "y/a.png")
    with pytest.raises(SourceError, match=r"a may be any of x/a\.png, y/a\.png"):
        read_boxes(*paths)


def test_a_path_tells_equal_names_apart(tmp_path: Path) -> None:
    paths = folder(tmp_path, "image,x,y,w,h\ny/a.png,1,1,5,5\n", "x/a.png", "y/a.png")
    assert [item.image.parent.name for item in read_boxes(*paths).items] == ["y"]


def test_all_malformed_lines_come_in_one_error(tmp_path: Path) -> None:
    table = 'image_id,bounds\na,"(1, 2, 3)"\na,"(1, 2, 3, x)"\na,"(1,1,5,5)",more\n,"(1,1,5,5)"\na,"(1,1,inf,5)"\n'
    with pytest.raises(SourceError) as caught:
        read_boxes(*folder(tmp_path, table))
    lines = str(caught.value).splitlines()
    assert [line.split("boxes.csv:")[1][0] for line in lines] == ["2", "3", "4", "5", "6"]


def test_text_that_looks_like_code_is_no_box(tmp_path: Path) -> None:
    paths = folder(tmp_path, "image_id,bounds\na,\"(1, 2, 3, __import__('os').getpid())\"\n")
    with pytest.raises(SourceError, match="not a number"):
        read_boxes(*paths)


@pytest.mark.parametrize(
    ("box", "reason"),
    [
        ("10,10,10,20", "box without area"),
        ("20,10,10,20", "box without area"),
        ("10.6,10,11.4,20", "box that covers no pixel's centre"),
        ("50,10,60,20", "box outside its image"),
        ("-5,10,-1,20", "box outside its image"),
    ],
)
def test_boxes_that_hold_nothing_are_counted(tmp_path: Path, box: str, reason: str) -> None:
    source = read_boxes(*folder(tmp_path, f"image,x1,y1,x2,y2\na,{box}\na,1,1,5,5\n", "a.png"))
    assert boxes_of(source) == {"a": [(0, (1, 1, 4, 4))]}
    assert counts(source) == {reason: 1}


def test_a_box_beyond_the_edge_is_clipped_and_counted(tmp_path: Path) -> None:
    source = read_boxes(*folder(tmp_path, "image,x1,y1,x2,y2\na,30,-4,99,10\n", "a.png"))
    assert boxes_of(source) == {"a": [(0, (30, 0, 10, 10))]}
    assert counts(source) == {"box clipped at the image's edge": 1}


def test_a_box_listed_twice_counts_once(tmp_path: Path) -> None:
    source = read_boxes(*folder(tmp_path, "image,x,y,w,h\na,1,1,5,5\na,1.0,1,5,5\n", "a.png"))
    assert boxes_of(source) == {"a": [(0, (1, 1, 5, 5))]}
    assert counts(source) == {"box listed twice": 1}


def test_shares_of_the_image_are_recognised_and_said(tmp_path: Path) -> None:
    source = read_boxes(*folder(tmp_path, "image,x1,y1,x2,y2\na,.25,.5,.75,1\n", "a.png"))
    assert boxes_of(source) == {"a": [(0, (10, 15, 20, 15))]}
    assert "shares of the image" in " ".join(source.notes)


def test_a_one_pixel_box_at_the_corner_is_no_share(tmp_path: Path) -> None:
    source = read_boxes(*folder(tmp_path, "image,x1,y1,x2,y2\na,0,0,1,1\n", "a.png"))
    assert boxes_of(source) == {"a": [(0, (0, 0, 1, 1))]}


def test_another_size_in_the_table_is_counted(tmp_path: Path) -> None:
    table = "filename,width,height,class,xmin,ymin,xmax,ymax\na.png,80,60,tank,2,3,12,8\n"
    assert counts(read_boxes(*folder(tmp_path, table, "a.png"))) == {"the table gives the image another size": 1}


@pytest.mark.parametrize("table", ["", "\n\n", "image,colour\na,red\n", "image_id,bounds\n"])
def test_a_table_without_boxes_is_an_error(tmp_path: Path, table: str) -> None:
    with pytest.raises(SourceError, match=r"boxes\.csv: "):
        read_boxes(*folder(tmp_path, table))


def test_a_file_that_is_no_text_is_an_error(tmp_path: Path) -> None:
    table, images = folder(tmp_path, "")
    table.write_bytes(b"\xff\xfe\x00\x01")
    with pytest.raises(SourceError, match="not readable as CSV"):
        read_boxes(table, images)


def test_the_reader_can_be_sent_to_a_worker(tmp_path: Path) -> None:
    source = read_boxes(*folder(tmp_path, "image,x,y,w,h\na,1,1,5,5\n", "a.png"))
    read, item = pickle.loads(pickle.dumps((source.read, source.items[0])))
    assert read(item, WIDTH, HEIGHT).instances[0].area == 25


coordinate = st.floats(-10, 50, allow_nan=False).map(lambda value: round(value, 2))


@given(x1=coordinate, y1=coordinate, x2=coordinate, y2=coordinate)
def test_a_box_is_the_pixels_whose_centres_it_covers(x1: float, y1: float, x2: float, y2: float) -> None:
    x, y = np.arange(WIDTH) + 0.5, np.arange(HEIGHT)[:, None] + 0.5
    expected = (x >= x1) & (x < x2) & (y >= y1) & (y < y2)
    item = Item(Path("a.png"), "a", Boxes(((2, 0, (x1, y1, x2, y2)),)))
    found = _read(item, WIDTH, HEIGHT, table="boxes.csv", shares=False)
    if not expected.any():
        assert not found.instances
        assert len(found.skipped) == 1
    else:
        drawn = coco_mask.decode({"size": [HEIGHT, WIDTH], "counts": found.instances[0].rle})
        np.testing.assert_array_equal(drawn, expected)
