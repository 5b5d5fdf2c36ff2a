import os
import sys
import types
from collections.abc import Callable
from pathlib import Path

import pytest

from seepseg.errors import MissingExtra, SourceError, UsageError
from seepseg.sources.kaggle import fetch_kaggle


def stand_in(monkeypatch: pytest.MonkeyPatch, download: Callable[[str], str]) -> None:
    module = types.ModuleType("kagglehub")
    module.dataset_download = download  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "kagglehub", module)
    monkeypatch.delenv("KAGGLEHUB_CACHE", raising=False)


def test_the_files_stay_below_the_given_place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def download(handle: str) -> str:
        folder = Path(os.environ["KAGGLEHUB_CACHE"]) / handle
        folder.mkdir(parents=True)
        (folder / "a.csv").touch()
        return str(folder)

    stand_in(monkeypatch, download)
    found = fetch_kaggle("owner/name", tmp_path / "here")
    assert found == (tmp_path / "here" / "owner" / "name").resolve()
    assert "KAGGLEHUB_CACHE" not in os.environ


def test_a_refusal_is_a_sentence_without_the_token(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(handle: str) -> str:
        raise RuntimeError("403 with s3cret")

    stand_in(monkeypatch, refuse)
    monkeypatch.setenv("KAGGLE_KEY", "s3cret")
    with pytest.raises(SourceError, match=r"403 with \*\*\*\. Some datasets need a login"):
        fetch_kaggle("owner/name", tmp_path)


def test_an_empty_answer_is_not_a_dataset(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    stand_in(monkeypatch, lambda handle: str(tmp_path))
    with pytest.raises(SourceError, match="nothing came"):
        fetch_kaggle("owner/name", tmp_path)


def test_without_the_package_the_extra_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "kagglehub", None)
    with pytest.raises(MissingExtra, match=r"seepseg\[kaggle\]"):
        fetch_kaggle("owner/name", tmp_path)


@pytest.mark.parametrize("handle", ["name", "a/b/c", "a b/c", "../../x", "owner/.."])
def test_a_handle_has_two_words(tmp_path: Path, handle: str) -> None:
    with pytest.raises(UsageError, match="OWNER/NAME"):
        fetch_kaggle(handle, tmp_path)
