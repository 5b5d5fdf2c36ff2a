from pathlib import Path

import pytest

from seepseg.dataset.staging import staged
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
