import os
from pathlib import Path

from seepseg.app.settings import Settings, as_environment, name_apart, read_settings


def test_settings_come_back_from_the_environment(tmp_path: Path) -> None:
    given = Settings(tmp_path, (tmp_path / "models", tmp_path / "more models"), (tmp_path / "tiles",))
    assert read_settings(as_environment(given)) == given


def test_relative_folders_do_not_depend_on_where_the_server_is_started_from(tmp_path: Path) -> None:
    environment = as_environment(Settings(tmp_path, (), (Path("tiles"),)))
    assert read_settings(environment).folders == (Path(os.path.abspath("tiles")),)


def test_without_settings_runs_and_datasets_lie_in_the_working_directory(tmp_path: Path, monkeypatch: object) -> None:
    monkeypatch.chdir(tmp_path)  # type: ignore[attr-defined]
    found = read_settings({})
    assert (found.runs, found.datasets) == (tmp_path / "runs", tmp_path / "datasets")
    assert found.models == found.folders == ()


def test_a_place_is_called_by_as_few_folders_as_tell_it_apart() -> None:
    place = Path("/data/2024/flight")
    assert name_apart(place, ()) == "flight"
    assert name_apart(place, {"flight"}) == "2024/flight"
    assert name_apart(place, {"flight", "2024/flight"}) == "data/2024/flight"
