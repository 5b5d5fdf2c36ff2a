import errno
import os
from pathlib import Path

import pytest

from seepseg.errors import SourceError
from seepseg.labels.pictures import list_pictures, own_stems


def touch(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch()
    return path


def listed(root: Path, **options: Path) -> list[str]:
    return [picture.path for picture in list_pictures(root, **options)[0]]


def test_linked_folders_are_looked_into(tmp_path: Path) -> None:
    touch(tmp_path / "elsewhere/below/a.png")
    (tmp_path / "root").mkdir()
    (tmp_path / "root/images").symlink_to(tmp_path / "elsewhere")
    assert listed(tmp_path / "root") == ["images/below/a.png"]


def test_two_links_to_one_folder_are_both_looked_into(tmp_path: Path) -> None:
    touch(tmp_path / "elsewhere/a.png")
    (tmp_path / "root").mkdir()
    for name in ("train", "val"):
        (tmp_path / "root" / name).symlink_to(tmp_path / "elsewhere")
    assert listed(tmp_path / "root") == ["train/a.png", "val/a.png"]


def test_links_that_lead_back_end(tmp_path: Path) -> None:
    touch(tmp_path / "root/a/x.png")
    touch(tmp_path / "root/b/y.png")
    (tmp_path / "root/a/over").symlink_to(tmp_path / "root/b")
    (tmp_path / "root/b/back").symlink_to(tmp_path / "root")
    assert listed(tmp_path / "root") == ["a/over/y.png", "a/x.png", "b/y.png"]


def test_a_folder_left_out_is_known_behind_a_link(tmp_path: Path) -> None:
    touch(tmp_path / "masks/a.png")
    touch(tmp_path / "root/a.png")
    (tmp_path / "root/masks").symlink_to(tmp_path / "masks")
    assert listed(tmp_path / "root", without=tmp_path / "masks") == ["a.png"]


@pytest.mark.parametrize("forbidden", [".", "below"])
def test_a_folder_that_can_not_be_read_is_an_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, forbidden: str
) -> None:
    touch(tmp_path / "a.png")
    touch(tmp_path / "below/b.png")
    scan = os.scandir

    def refuse(path: str) -> object:
        if os.path.samefile(path, tmp_path / forbidden):
            raise PermissionError(errno.EACCES, "Permission denied", path)
        return scan(path)

    monkeypatch.setattr(os, "scandir", refuse)
    with pytest.raises(PermissionError):
        list_pictures(tmp_path)


def test_pipes_are_no_pictures_and_are_named(tmp_path: Path) -> None:
    touch(tmp_path / "a.png")
    os.mkfifo(tmp_path / "b.png")
    os.mkfifo(tmp_path / "c.txt")
    pictures, others = list_pictures(tmp_path)
    assert [picture.path for picture in pictures] == ["a.png"]
    assert others == ["b.png (no regular file)", "c.txt (no regular file)"]


def test_a_link_to_nothing_stays_a_picture_so_that_reading_tells(tmp_path: Path) -> None:
    (tmp_path / "a.png").symlink_to(tmp_path / "gone.png")
    assert listed(tmp_path) == ["a.png"]


def test_hidden_files_and_what_systems_leave_are_passed_over(tmp_path: Path) -> None:
    for name in ("._a.png", ".git/b.png", "__MACOSX/c.png", "lost+found/d.png"):
        touch(tmp_path / name)
    assert list_pictures(tmp_path) == ([], [])


def test_a_folder_that_is_not_there_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="no such folder"):
        list_pictures(tmp_path / "gone")


@pytest.mark.parametrize(
    ("files", "stems"),
    [
        (["a/x.png", "b/y.png"], ["x", "y"]),
        (["a/x.png", "b/x.png", "x.png"], ["a/x", "b/x", "x"]),
        (["a/x.png", "b/X.png"], ["a/x", "b/X"]),
        (["a/images/x.png", "images/b/x.png"], ["a/x", "b/x"]),
        (["a/images.png", "b/images.png"], ["a/images", "b/images"]),
    ],
)
def test_a_stem_keeps_folders_where_it_must_but_none_that_ultralytics_would_take_for_labels(
    tmp_path: Path, files: list[str], stems: list[str]
) -> None:
    for file in files:
        touch(tmp_path / file)
    pictures = {picture.path: picture for picture in list_pictures(tmp_path)[0]}
    assert own_stems([pictures[file] for file in files]) == stems
