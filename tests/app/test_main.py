from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from seepseg.app.main import PAGES
from seepseg.app.settings import ROOT

SCRIPT = Path(__file__).parents[2] / "streamlit_app.py"


@pytest.fixture(autouse=True)
def empty_root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(ROOT, str(tmp_path))
    monkeypatch.setattr("seepseg.app.main._warm", lambda: None)


def visit(module: str) -> AppTest:
    script = f"from seepseg.app.main import _show\n_show({module!r})"
    return AppTest.from_string(script).run(timeout=30)


def test_one_arrives_at_the_first_page() -> None:
    page = AppTest.from_file(str(SCRIPT)).run(timeout=30)
    assert page.title[0].value == PAGES[0][1]
    assert not page.exception


@pytest.mark.parametrize(("module", "title"), [(module, title) for module, title, _ in PAGES])
def test_each_page_opens_on_a_server_that_has_nothing(module: str, title: str) -> None:
    page = visit(module)
    assert page.title[0].value == title
    assert not page.exception
    assert not page.error


def test_a_page_that_fails_fails_in_a_sentence() -> None:
    page = visit("no_such_page")
    assert "did not foresee" in page.error[0].value
    assert not page.exception
