import errno
import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seepseg.errors import SourceError, UsageError
from seepseg.outputs.listing import list_entries, natural_key, own_stems


def touch(*files):
    for file in files:
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(b"x")


def test_a_folder_is_listed_with_its_subfolders_in_natural_order(tmp_path):
    touch(*(tmp_path / name for name in ("t10.png", "t2.png", "sub/t1.jpg", "notes.txt", ".hidden.png")))
    entries, notes = list_entries(tmp_path)
    assert [entry.stem for entry in entries] == ["sub/t1", "t2", "t10"]
    assert notes == [f"1 file in {tmp_path} that is no image passed over, such as notes.txt"]


def test_two_files_of_one_stem_in_a_folder_keep_their_suffix():
    assert own_stems(["a.png", "a.jpg", "b/a.png"]) == ["a.png", "a.jpg", "b/a"]


def test_names_that_would_still_meet_are_refused():
    with pytest.raises(SourceError, match=r"a\.png: two images"):
        own_stems(["a.png", "a.jpg", "a.png.tif"])


@given(st.lists(st.text("ab12", min_size=1), unique=True))
def test_natural_order_is_total_and_tells_all_names_apart(names):
    keys = sorted(map(natural_key, names))
    assert len(set(keys)) == len(names)


def test_a_list_names_files_beside_itself_or_anywhere(tmp_path):
    touch(tmp_path / "a/1.png", tmp_path / "b/1.png")
    (tmp_path / "list.txt").write_text(f"a/1.png\n# a comment\n\n{tmp_path / 'b/1.png'}\na/1.png\n")
    entries, notes = list_entries(tmp_path / "list.txt")
    assert [(entry.stem, os.path.samefile(entry.path, tmp_path / entry.name)) for entry in entries] == [
        ("a/1", True),
        ("b/1", True),
    ]
    assert len(notes) == 1


@pytest.mark.parametrize("name", ["nowhere", "empty", "list.txt"])
def test_a_source_without_an_image_is_refused(tmp_path, name):
    (tmp_path / "empty").mkdir()
    (tmp_path / "list.txt").write_text("# nothing\n")
    with pytest.raises(UsageError):
        list_entries(tmp_path / name)


def close(monkeypatch, *folders):
    """A folder can't be closed to root."""
    scandir = os.scandir

    def refuse(folder):
        if os.path.basename(folder) in folders:
            raise PermissionError(errno.EACCES, "Permission denied", str(folder))
        return scandir(folder)

    monkeypatch.setattr("os.scandir", refuse)


def test_a_folder_that_may_not_be_read_is_a_sentence(tmp_path, monkeypatch):
    (tmp_path / "closed").mkdir()
    close(monkeypatch, "closed")
    with pytest.raises(SourceError, match=r"closed: cannot be read: Permission denied; ask for access"):
        list_entries(tmp_path / "closed")


def test_a_subfolder_that_may_not_be_read_is_told_and_the_rest_goes_on(tmp_path, monkeypatch):
    touch(tmp_path / "a.png", tmp_path / "closed" / "b.png", tmp_path / "open" / "c.png")
    close(monkeypatch, "closed")
    entries, notes = list_entries(tmp_path)
    assert [entry.stem for entry in entries] == ["a", "open/c"]
    assert notes == [f"{tmp_path / 'closed'} passed over, as it cannot be read: Permission denied"]


def test_nothing_but_a_subfolder_that_may_not_be_read_is_no_image(tmp_path, monkeypatch):
    touch(tmp_path / "closed" / "b.png")
    close(monkeypatch, "closed")
    with pytest.raises(UsageError, match=r"no image in it; .*closed passed over"):
        list_entries(tmp_path)


def test_a_pipe_is_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "pipe.png")
    with pytest.raises(UsageError, match="no regular file"):
        list_entries(tmp_path / "pipe.png")
