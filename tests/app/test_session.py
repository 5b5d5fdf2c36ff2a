import fcntl
import gc
import os
import subprocess
import sys
from pathlib import Path

import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

from seepseg.app import session
from seepseg.app.settings import FOLDERS, ROOT
from seepseg.errors import UsageError


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(session, "_home", lambda: tmp_path)
    return tmp_path


def visit() -> AppTest:
    def script() -> None:
        import streamlit

        from seepseg.app.session import folder

        streamlit.session_state["place"] = folder("uploads")

    return AppTest.from_function(script).run()


def place_of(visitor: AppTest) -> Path:
    place = visitor.session_state["place"]
    assert isinstance(place, Path)
    return place


def test_a_visitor_keeps_his_folder() -> None:
    visitor = visit()
    before = place_of(visitor)
    (before / "a.png").touch()
    assert place_of(visitor.run()) == before
    assert (before / "a.png").exists()


def test_two_visitors_have_different_folders_that_nobody_else_can_open() -> None:
    one, other = visit(), visit()
    assert place_of(one).parent != place_of(other).parent
    assert place_of(one).parent.stat().st_mode & 0o077 == 0


def test_the_folder_goes_with_the_session(home: Path) -> None:
    visitor = visit()
    assert len(list(home.iterdir())) == 1
    del visitor
    gc.collect()
    assert list(home.iterdir()) == []


def test_the_folder_goes_after_hours_of_rest_and_comes_back_empty() -> None:
    visitor = visit()
    place = place_of(visitor)
    (place / "a.png").touch()
    os.utime(place.parent, (0, 0))
    session.sweep()
    assert not place.exists()
    assert list(place_of(visitor.run()).iterdir()) == []


def test_a_folder_in_use_stays() -> None:
    visitor = visit()
    session.sweep()
    assert place_of(visitor).exists()


def test_a_sentence_names_no_folder_of_the_server(home: Path) -> None:
    def script() -> None:
        import streamlit

        from seepseg.app.session import folder, without_folders

        place = folder("uploads")
        streamlit.session_state["said"] = without_folders(f"{place / 'a.png'}: is damaged")

    assert AppTest.from_function(script).run().session_state["said"] == "uploads/a.png: is damaged"


def test_a_sentence_names_no_folder_above_those_that_the_pages_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(ROOT, str(tmp_path / "server"))
    monkeypatch.setenv(FOLDERS, str(tmp_path / "data/flights"))
    said = (
        f"{tmp_path}/server/runs/sos: is damaged\n{tmp_path}/data/flights: no image in it; see http://localhost/data/a"
    )
    told = "runs/sos: is damaged\nflights: no image in it; see http://localhost/data/a"
    assert session.without_folders(said) == told


@pytest.mark.parametrize("name", ["", "..", "a/b", ".hidden"])
def test_a_name_that_is_none_is_refused(name: str) -> None:
    with pytest.raises(UsageError, match="not a name"):
        session.folder(name)


def test_what_a_killed_server_left_goes_and_what_a_living_one_holds_stays(tmp_path: Path) -> None:
    dead, living = (tmp_path / f"{session._PREFIX}{name}" for name in ("dead", "living"))
    for home in (dead, living):
        home.mkdir()
        (home / "lock").touch()
    with (living / "lock").open("r+") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        session._remove_leftovers(tmp_path)
    assert (dead.exists(), living.exists()) == (False, True)


def test_the_folder_goes_with_the_server(tmp_path: Path) -> None:
    program = "from seepseg.app.session import _home; print(_home())"
    environment = os.environ | {"TMPDIR": str(tmp_path)}
    done = subprocess.run([sys.executable, "-c", program], env=environment, capture_output=True, text=True, check=True)
    assert Path(done.stdout.strip()).parent == tmp_path
    assert list(tmp_path.iterdir()) == []


def test_streamlit_keeps_what_the_folder_hangs_on() -> None:
    """Outside a visit there is one state for all."""
    assert session.folder("uploads").parent == st.session_state[session._KEY].root
    del st.session_state[session._KEY]
