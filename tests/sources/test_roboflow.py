import os
import sys
import types
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from seepseg.errors import OutputError, SourceError, UsageError
from seepseg.sources.roboflow import fetch_roboflow, hide_keys, split_handle

KEY = "s3cretKeyOfMine"


def stand_in(
    monkeypatch: pytest.MonkeyPatch, download: Callable[..., Any], kind: str = "instance-segmentation"
) -> None:
    """The package as far as it is used, with a download of the test's own."""

    class Chain:
        type = kind

        def __init__(self, **words: str) -> None:
            self.key = words.get("api_key")

        def workspace(self, name: str) -> "Chain":
            print("loading Roboflow workspace...")
            return self

        project = version = workspace

        def download(self, layout: str, location: str, overwrite: bool) -> None:
            print(f"Error when trying to download dataset @ https://a.b/x?key={KEY}", file=sys.stderr)
            download(layout, Path(location))

    module = types.ModuleType("roboflow")
    module.Roboflow = Chain  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "roboflow", module)
    monkeypatch.setenv("ROBOFLOW_API_KEY", KEY)


def put_export(layout: str, folder: Path) -> None:
    (folder / "train").mkdir(parents=True)
    (folder / "train" / "_annotations.coco.json").write_text(layout)


def test_an_export_lands_in_the_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    stand_in(monkeypatch, put_export)
    fetch_roboflow("space/oil/3", tmp_path / "data")
    assert (tmp_path / "data" / "train" / "_annotations.coco.json").read_text() == "coco-segmentation"
    assert [path.name for path in tmp_path.iterdir()] == ["data"]


def test_a_project_of_boxes_is_asked_for_plain_coco(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    stand_in(monkeypatch, put_export, "object-detection")
    fetch_roboflow("space/oil/3", tmp_path / "data")
    assert (tmp_path / "data" / "train" / "_annotations.coco.json").read_text() == "coco"


def test_what_is_there_is_used_again_without_a_key(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("ROBOFLOW_API_KEY", raising=False)
    put_export("coco", tmp_path / "data")
    assert fetch_roboflow("space/oil/3", tmp_path / "data") == tmp_path / "data"


def test_a_folder_with_something_else_is_not_touched(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("mine")
    with pytest.raises(OutputError, match="holds no COCO export"):
        fetch_roboflow("space/oil/3", tmp_path)
    assert (tmp_path / "notes.txt").read_text() == "mine"


def test_without_a_key_the_error_says_where_to_get_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("ROBOFLOW_API_KEY", raising=False)
    with pytest.raises(UsageError, match="ROBOFLOW_API_KEY is not set"):
        fetch_roboflow("space/oil/3", tmp_path / "data")


def test_nothing_shows_the_key(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    def fail(layout: str, folder: Path) -> None:
        raise RuntimeError(f"401 for https://api.roboflow.com/a?api_key={KEY}&nocache=true")

    stand_in(monkeypatch, fail)
    with pytest.raises(SourceError) as caught:
        fetch_roboflow("space/oil/3", tmp_path / "data")
    assert "401 for https://api.roboflow.com" in str(caught.value)
    assert KEY not in str(caught.value) + "".join(capfd.readouterr())
    assert caught.value.__cause__ is None


@pytest.mark.parametrize("error", [RuntimeError(), SystemExit(1), KeyError("link"), OSError("no network")])
def test_whatever_the_package_raises_is_a_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: BaseException
) -> None:
    def fail(layout: str, folder: Path) -> None:
        folder.mkdir()
        raise error

    stand_in(monkeypatch, fail)
    with pytest.raises(SourceError, match=r"roboflow:space/oil/3: .*--from FOLDER"):
        fetch_roboflow("space/oil/3", tmp_path / "data")
    assert list(tmp_path.iterdir()) == []


def test_an_empty_export_is_not_taken_for_a_dataset(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    stand_in(monkeypatch, lambda layout, folder: folder.mkdir())
    with pytest.raises(SourceError, match=r"no _annotations\.coco\.json"):
        fetch_roboflow("space/oil/3", tmp_path / "data")


@pytest.mark.parametrize("handle", ["oil", "space/oil", "space/oil/new", "a/b/1/2", "a b/c/1", "a/b/-1", "a/../1"])
def test_a_handle_has_three_words(handle: str) -> None:
    with pytest.raises(UsageError, match="WORKSPACE/PROJECT/VERSION"):
        split_handle(handle)


def test_a_version_may_carry_its_v() -> None:
    assert split_handle("space/oil-spill/v3") == ("space", "oil-spill", 3)


def test_keys_are_hidden_wherever_they_stand() -> None:
    text = hide_keys(f"GET /x?api_key=abc&token=def failed for {KEY}", KEY)
    assert text == "GET /x?api_key=***&token=*** failed for ***"


def test_the_real_package_has_what_is_called() -> None:
    version = pytest.importorskip("roboflow.core.version").Version
    names = version.download.__code__.co_varnames
    assert {"model_format", "location", "overwrite"} <= set(names)
    assert os.environ.get("ROBOFLOW_API_KEY") is None
