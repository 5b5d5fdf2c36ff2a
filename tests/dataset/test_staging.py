from pathlib import Path

import pytest

from seepseg.dataset.staging import keep_apart, staged
from seepseg.errors import OutputError


def fill(out: Path, text: str, *, overwrite: bool = False) -> None:
    with staged(out, overwrite=overwrite, proof="proof") as folder:
        (folder / "proof").write_text(text)


def test_a_folder_appears_only_when_it_is_whole(tmp_path: Path) -> None:
    with staged(tmp_path / "out", overwrite=False, proof="proof") as folder:
        (folder / "proof").write_text("x")
        assert not (tmp_path / "out").exists()
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


def test_an_error_leaves_nothing_behind(tmp_path: Path) -> None:
    with pytest.raises(KeyError), staged(tmp_path / "out", overwrite=False, proof="proof"):
        raise KeyError
    assert not list(tmp_path.iterdir())


def test_a_folder_that_is_there_is_refused(tmp_path: Path) -> None:
    fill(tmp_path / "out", "old")
    with pytest.raises(OutputError, match="--overwrite"):
        fill(tmp_path / "out", "new")
    assert (tmp_path / "out" / "proof").read_text() == "old"


def test_overwriting_replaces_what_was_ours(tmp_path: Path) -> None:
    fill(tmp_path / "out", "old")
    fill(tmp_path / "out", "new", overwrite=True)
    assert (tmp_path / "out" / "proof").read_text() == "new"
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


def test_overwriting_never_removes_a_folder_of_someone_elses(tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "thesis.tex").write_text("years")
    with pytest.raises(OutputError, match="leaves it alone"):
        fill(tmp_path / "out", "new", overwrite=True)
    assert (tmp_path / "out" / "thesis.tex").read_text() == "years"


def test_an_empty_folder_is_filled(tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    fill(tmp_path / "out", "new")
    assert (tmp_path / "out" / "proof").exists()


def test_what_a_killed_run_left_is_cleared(tmp_path: Path) -> None:
    (tmp_path / ".out.partial-999999999").mkdir()
    fill(tmp_path / "out", "new")
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


def test_a_folder_put_aside_by_a_killed_run_comes_back(tmp_path: Path) -> None:
    aside = tmp_path / ".out.replaced-999999999"
    aside.mkdir()
    (aside / "proof").write_text("old")
    with pytest.raises(OutputError, match="already there"):
        fill(tmp_path / "out", "new")
    assert (tmp_path / "out" / "proof").read_text() == "old"


def test_a_folder_of_another_name_is_not_mistaken_for_a_leftover(tmp_path: Path) -> None:
    (tmp_path / ".out.partial-mine").mkdir()
    (tmp_path / ".outer.partial-999999999").mkdir()
    fill(tmp_path / "out", "new")
    assert {path.name for path in tmp_path.iterdir()} == {"out", ".out.partial-mine", ".outer.partial-999999999"}


def test_a_link_is_followed_to_the_folder_it_names(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to("real")
    fill(tmp_path / "link", "new")
    fill(tmp_path / "link", "newer", overwrite=True)
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "real" / "proof").read_text() == "newer"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["link", "real"]


def test_a_dangling_link_gets_the_folder_it_names(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to("later")
    fill(tmp_path / "link", "new")
    assert (tmp_path / "later" / "proof").read_text() == "new"


@pytest.mark.parametrize("out", ["file", "file/deeper/out"])
def test_a_file_in_the_way_is_named_as_it_was_given(out: str, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    with pytest.raises(OutputError, match=f"{out}.*(already there|not a folder)"):
        fill(tmp_path / out, "new")


def test_a_name_too_long_for_the_disk_is_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(OutputError, match="cannot be written"):
        fill(tmp_path / ("x" * 250), "new")


@pytest.mark.parametrize(
    ("out", "said"), [("in", "in is what is to be read"), ("in/sub/out", "lies in"), ("link/out", "lies in")]
)
def test_writing_into_what_is_read_is_refused(out: str, said: str, tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "link").symlink_to("in")
    with pytest.raises(OutputError, match=said):
        keep_apart(tmp_path / out, [tmp_path / "in"], overwrite=False)


def test_replacing_a_folder_that_holds_what_is_read_is_refused(tmp_path: Path) -> None:
    (tmp_path / "out" / "raw").mkdir(parents=True)
    keep_apart(tmp_path / "out", [tmp_path / "out" / "raw"], overwrite=False)
    with pytest.raises(OutputError, match="would remove"):
        keep_apart(tmp_path / "out", [tmp_path / "out" / "raw"], overwrite=True)
