from pathlib import Path

import pytest

from seepseg.dataset.layout import Dataset
from seepseg.dataset.places import Place, count_shared, find_places, home_of


def places(*images: str) -> list[Place]:
    dataset = Dataset(Path("data.yaml"), Path("."), ("a",), {"train": tuple(map(Path, images))}, {})
    return find_places(dataset)["train"]


@pytest.mark.parametrize(
    ("image", "root", "home", "name", "record"),
    [
        ("ds/images/train/a.png", "ds", "train", "a.png", "images/train/a.png"),
        ("/ds/images/val/sub/a.png", "/ds", "val", "sub/a.png", "images/val/sub/a.png"),
        ("images/test/a.png", ".", "test", "a.png", "images/test/a.png"),
        ("/images/a.png", "/", None, "a.png", "images/a.png"),
        ("ds/train/images/a.png", "ds/train", None, "a.png", "images/a.png"),
        ("coco/images/train2017/a.png", "coco", None, "train2017/a.png", "images/train2017/a.png"),
        ("/data/images/ds/images/train/a.png", "/data/images/ds", "train", "a.png", "images/train/a.png"),
        ("ds/train/a.png", "ds/train", None, "a.png", "images/a.png"),
    ],
)
def test_an_image_is_known_by_its_last_images_folder(
    image: str, root: str, home: str | None, name: str, record: str
) -> None:
    (place,) = places(image)
    assert (place.root, place.home, place.name, place.record) == (Path(root), home, name, record)


def test_a_list_beside_folds_leads_to_the_dataset_and_counts_an_image_once() -> None:
    found = places("ds/folds/../images/train/a.png", "ds/images/train/a.png", "ds/images/train/b.png")
    assert [(place.root, place.name) for place in found] == [(Path("ds"), "a.png"), (Path("ds"), "b.png")]


def test_the_home_is_where_all_images_lie_or_else_the_root() -> None:
    splits = {"train": (Path("ds/images/train/a.png"),), "val": (Path("ds/folds/../images/train/b.png"),)}
    assert home_of(Dataset(Path("ds/folds/0.yaml"), Path("ds/folds"), ("a",), splits, {})) == Path("ds")
    apart = {"train": (Path("x/images/a.png"),), "val": (Path("y/images/a.png"),)}
    assert home_of(Dataset(Path("ds/data.yaml"), Path("ds"), ("a",), apart, {})) == Path("ds")


def test_images_that_two_splits_name_are_counted_however_they_are_written() -> None:
    splits = {"train": (Path("ds/images/train/a.png"), Path("ds/images/train/b.png"))}
    splits["val"] = Path("ds/folds/../images/train/a.png"), Path("ds/images/val/a.png")
    found = find_places(Dataset(Path("data.yaml"), Path("ds"), ("a",), splits, {}))
    assert [count_shared(found, "val", other) for other in ("train", "val", "test")] == [1, 2, 0]
