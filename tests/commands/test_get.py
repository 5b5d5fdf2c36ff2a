import hashlib
import shutil
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from look_alikes import LOOK_ALIKES, flood, penn_fudan
from seepseg.cli import main
from seepseg.dataset.layout import read_dataset, read_manifest
from seepseg.sources import download
from seepseg.sources.recipe import read_recipe
from server import Server, drop_after, serve

RECIPES = sorted((Path(__file__).parents[2] / "datasets").glob("*.yaml"))


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    monkeypatch.setattr(download, "PATIENCE", download.Patience(1.0, 3, 0.01))
    return tmp_path / "here"


@pytest.fixture
def web() -> Iterator[Server]:
    with serve() as server:
        yield server


@pytest.fixture
def unchecked(monkeypatch: pytest.MonkeyPatch) -> None:
    """Spare the check, whose own tests and the recipes' run it."""
    monkeypatch.setattr("seepseg.commands.check.run", lambda args: 0)


def zipped(folder: Path, *, inside: str = "") -> bytes:
    return Path(shutil.make_archive(str(folder), "zip", folder, inside or None)).read_bytes()


def objects_per_class(root: Path) -> dict[str, int]:
    counts: Counter[str] = Counter()
    for record in read_manifest(root):
        counts.update(record["instances"])
    return dict(counts)


def write_recipe(folder: Path, link: str, **settings: object) -> None:
    recipe = {
        "name": "water", "title": "Water", "licence": "CC0", "citation": "Somebody, 2026", "layout": "Image/ and Mask/",
        "download": {"files": [{"url": link, **settings}]},
        "convert": [{"kind": "masks", "paths": ["Image", "Mask"], "flags": {"names": "flood", "threshold": 127}}],
        "dataset": {"imgsz": 64},
    }  # fmt: skip
    folder.mkdir(exist_ok=True)
    (folder / "water.yaml").write_text(yaml.safe_dump(recipe))


def test_every_recipe_has_a_look_alike() -> None:
    assert [path.stem for path in RECIPES] == sorted(LOOK_ALIKES, key=lambda name: f"{name}.yaml")


@pytest.mark.parametrize("name", sorted(LOOK_ALIKES))
def test_a_recipe_makes_a_checked_dataset_of_its_layout(
    name: str, tmp_path: Path, here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    LOOK_ALIKES[name](tmp_path / "data")
    code = main(["get", name, "--from", str(tmp_path / "data"), "--workers=1", "--convert=--imgsz=64"])
    shown = capsys.readouterr()
    assert code == 0, shown.err + shown.out
    dataset = read_dataset(here / "datasets" / name)
    assert sum(map(len, dataset.splits.values())) >= 6
    assert objects_per_class(dataset.root).keys() == set(dataset.names)


@pytest.mark.parametrize("path", RECIPES, ids=lambda path: path.stem)
def test_a_recipe_declares_the_size_to_train_at(path: Path) -> None:
    assert dict(read_recipe(path).dataset)["imgsz"][0].isdigit()


@pytest.mark.usefixtures("unchecked")
def test_a_part_goes_to_the_split_that_the_recipe_says(tmp_path: Path, here: Path) -> None:
    LOOK_ALIKES["cityscapes"](tmp_path / "data")
    main(["get", "cityscapes", "--from", str(tmp_path / "data"), "--workers=1", "--convert=--imgsz=64"])
    splits = read_dataset(here / "datasets/cityscapes").splits
    assert {path.name.split("_")[0] for path in splits["train"]} == {"aachen", "bochum"}
    assert {path.name.split("_")[0] for path in splits["val"]} == {"frankfurt"}


@pytest.mark.usefixtures("unchecked")
def test_a_published_test_part_stays_the_test_split(tmp_path: Path, here: Path) -> None:
    LOOK_ALIKES["sentinel1-oil"](tmp_path / "data")
    main(["get", "sentinel1-oil", "--from", str(tmp_path / "data"), "--workers=1"])
    records = list(read_manifest(here / "datasets/sentinel1-oil"))
    assert {record["split"] for record in records} == {"train", "val", "test"}
    for record in records:
        assert (record["split"] == "test") == record["source"].startswith("02_Test")


@pytest.mark.usefixtures("unchecked")
def test_the_command_that_a_recipe_stands_for_is_shown(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    flood(tmp_path / "data")
    main(["get", "flood", "--from", str(tmp_path / "data"), "--workers", "1"])
    err = capsys.readouterr().err
    line = next(line for line in err.splitlines() if line.startswith("$ seepseg convert"))
    assert line.startswith("$ seepseg convert masks")
    assert "--names=flood --threshold=127 --imgsz=640" in line
    assert "licence: CC0" in err


@pytest.mark.usefixtures("unchecked")
def test_the_same_command_by_hand_makes_the_same_dataset(tmp_path: Path, here: Path) -> None:
    flood(tmp_path / "data")
    main(["get", "flood", "--from", str(tmp_path / "data"), "--workers", "1"])
    words = ["convert", "masks", str(tmp_path / "data/Image"), str(tmp_path / "data/Mask"), "by-hand"]
    main([*words, "--names=flood", "--threshold=127", "--imgsz=640", "--unfit=skip", "--workers=1"])
    for file in ("manifest.jsonl", "data.yaml", "conversion.json"):
        assert (here / "datasets/flood" / file).read_bytes() == (here / "by-hand" / file).read_bytes()


@pytest.mark.usefixtures("unchecked")
def test_a_zip_will_do_and_is_unpacked_beside_the_dataset(tmp_path: Path, here: Path) -> None:
    penn_fudan(tmp_path / "data")
    zipped(tmp_path / "data")
    assert main(["get", "penn-fudan", "--from", str(tmp_path / "data.zip"), "--workers", "1"]) == 0
    assert (here / "datasets/.downloads/penn-fudan/data/PennFudanPed/PNGImages").is_dir()
    assert (here / "datasets/penn-fudan/data.yaml").is_file()


@pytest.mark.usefixtures("unchecked")
def test_another_zip_of_the_same_name_is_not_mistaken_for_the_first(tmp_path: Path, here: Path) -> None:
    for count in (1, 2):
        flood(tmp_path / "data")
        (tmp_path / "data" / f"extra{count}.txt").touch()
        zipped(tmp_path / "data")
        main(["get", "flood", "--from", str(tmp_path / "data.zip"), "--workers=1", "--overwrite"])
    assert (here / "datasets/.downloads/flood/data/extra2.txt").exists()


@pytest.mark.usefixtures("unchecked")
def test_archives_fetched_with_a_browser_are_checked_and_unpacked(web: Server, tmp_path: Path, here: Path) -> None:
    flood(tmp_path / "data")
    body = zipped(tmp_path / "data")
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "water.zip").write_bytes(body)
    write_recipe(here / "r", "https://example.org/water.zip", sha256=hashlib.sha256(body).hexdigest())
    assert main(["get", "water", "--recipes", "r", "--from", str(tmp_path / "mine"), "--workers=1"]) == 0
    (tmp_path / "mine" / "water.zip").write_bytes(body + b"x")
    assert main(["get", "water", "--recipes", "r", "--from", str(tmp_path / "mine"), "--overwrite"]) == 2
    assert web.requests == []


def test_a_7z_that_could_not_be_unpacked_is_not_downloaded(
    web: Server, here: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, "py7zr", None)
    write_recipe(here / "r", web.offer("/water.7z", b"7z"))
    assert main(["get", "water", "--recipes", "r"]) == 2
    assert "pip install 'seepseg[sevenzip]'" in capsys.readouterr().err
    assert web.requests == []


def test_what_a_killed_run_left_is_cleared_away(tmp_path: Path, here: Path) -> None:
    flood(tmp_path / "data")
    zipped(tmp_path / "data")
    left = here / "datasets/.downloads/flood/.data.abcd1234"
    left.mkdir(parents=True)
    (left / "half").touch()
    main(["get", "flood", "--from", str(tmp_path / "data.zip"), "--workers=1"])
    assert sorted(path.name for path in left.parent.iterdir()) == ["data", "data.json"]


def test_a_place_that_cannot_be_written_to_is_a_sentence(
    web: Server, here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (here / "file").touch()
    assert main(["get", web.offer("/water.zip", b"x"), "--downloads", "file/inside"]) == 2
    assert "cannot be written to" in capsys.readouterr().err


def test_nothing_public_is_said_with_where_people_get_it(capsys: pytest.CaptureFixture[str], here: Path) -> None:
    assert main(["get", "seep"]) == 2
    err = capsys.readouterr().err
    assert "ask whoever set the exercise" in err
    assert "seepseg get seep --from FOLDER|ZIP" in err
    assert list(here.iterdir()) == []


def test_a_folder_of_another_layout_is_told_what_it_lacks(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "data").mkdir()
    assert main(["get", "seep", "--from", str(tmp_path / "data")]) == 2
    err = capsys.readouterr().err
    assert "lacks train_images_256, train_masks_256" in err
    assert "SCENE.TILE.tif" in err


@pytest.mark.usefixtures("unchecked")
def test_a_recipe_downloads_resumes_and_converts(web: Server, tmp_path: Path, here: Path) -> None:
    flood(tmp_path / "data")
    body = zipped(tmp_path / "data")
    link = web.offer("/water.zip", body, faults=[drop_after(len(body) // 2)])
    write_recipe(here / "r", link, md5=hashlib.md5(body).hexdigest(), size=len(body))
    assert main(["get", "water", "--recipes", "r", "--workers=1"]) == 0
    assert (here / "datasets/water/data.yaml").is_file()
    assert main(["get", "water", "--recipes", "r", "--workers=1", "--overwrite"]) == 0
    assert len(web.requests) == 2


def test_a_dataset_that_is_there_stops_before_anything_is_downloaded(
    web: Server, here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_recipe(here / "r", web.offer("/water.zip", b""))
    (here / "datasets/water").mkdir(parents=True)
    (here / "datasets/water/data.yaml").touch()
    assert main(["get", "water", "--recipes", "r"]) == 2
    assert "is already there" in capsys.readouterr().err
    assert web.requests == []


def test_an_unknown_flag_stops_before_anything_is_downloaded(
    web: Server, here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_recipe(here / "r", web.offer("/water.zip", b""))
    assert main(["get", "water", "--recipes", "r", "--convert", "--imgs 320"]) == 2
    assert "unknown flag --imgs (did you mean --imgsz?)" in capsys.readouterr().err
    assert web.requests == []


@pytest.mark.usefixtures("unchecked")
def test_flags_can_be_added_to_a_recipe(tmp_path: Path, here: Path) -> None:
    flood(tmp_path / "data")
    main(["get", "flood", "--from", str(tmp_path / "data"), "--workers=1", "--convert", "--imgsz 96 --seed 4"])
    assert read_dataset(here / "datasets/flood").imgsz == 96


def test_a_recipe_does_not_take_another_reader(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["get", "flood", "--from", str(tmp_path), "--convert", "masks a b --names c"]) == 2
    assert "says how to read it" in capsys.readouterr().err


def test_a_link_is_unpacked_and_the_next_step_said(
    web: Server, tmp_path: Path, here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    flood(tmp_path / "data")
    assert main(["get", web.offer("/water.zip", zipped(tmp_path / "data"))]) == 0
    out = capsys.readouterr().out
    assert "Image/0.jpg" in out
    assert "seepseg convert masks" in out


@pytest.mark.usefixtures("unchecked")
def test_a_link_with_a_reader_becomes_a_dataset(web: Server, tmp_path: Path, here: Path) -> None:
    flood(tmp_path / "data")
    link = web.offer("/water.zip", zipped(tmp_path / "data"))
    words = "masks Image Mask --names flood --threshold 127 --imgsz 64"
    assert main(["get", link, "--workers=1", "--out", "sets/water", "--convert", words]) == 0
    assert (here / "sets/water/data.yaml").is_file()
    assert (here / "sets/.downloads/water/water.zip").is_file()


def test_what_the_check_finds_is_the_answer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    flood(tmp_path / "data")
    monkeypatch.setattr("seepseg.commands.check.run", lambda args: 1)
    assert main(["get", "flood", "--from", str(tmp_path / "data"), "--workers=1"]) == 1


def test_a_link_of_the_wrong_checksum_leaves_nothing(
    web: Server, here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["get", web.offer("/water.zip", b"other"), "--sha256", "0" * 64]) == 2
    assert "sha256 is" in capsys.readouterr().err
    assert not (here / "datasets/.downloads/water/water.zip").exists()


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ([], "say what to get"),
        (["saep"], "did you mean seep?"),
        (["gopher:x"], "give a recipe's name"),
        (["http://example.org/a.zip"], "--sha256"),
        (["https://example.org/a.zip", "--sha256", "abc"], "not 64 hex digits"),
        (["flood", "--sha256", "0" * 64], "a recipe has its own"),
        (["https://example.org/a.zip", "--convert", "--names x"], "begin with how to read it"),
        (["https://example.org/a.zip", "--convert", "mask a b"], "no such kind"),
        (["flood", "--from", "nowhere"], "no such file or folder"),
        (["roboflow:a/b"], "WORKSPACE/PROJECT/VERSION"),
        (["kaggle:owner/.."], "OWNER/NAME"),
        (["--list", "--recipes", "nowhere"], "no recipes there"),
    ],
)
def test_each_mistake_is_a_sentence_and_asks_nobody(
    words: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["get", *words]) == 2
    assert said in capsys.readouterr().err


def test_roboflow_without_a_key_is_a_sentence(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("ROBOFLOW_API_KEY", raising=False)
    assert main(["get", "roboflow:space/oil/3"]) == 2
    assert "ROBOFLOW_API_KEY is not set" in capsys.readouterr().err


@pytest.mark.usefixtures("unchecked")
def test_a_roboflow_export_given_by_hand_needs_no_key(tmp_path: Path, here: Path) -> None:
    LOOK_ALIKES["oil-spill"](tmp_path / "data")
    assert main(["get", "roboflow:space/oil/3", "--from", str(tmp_path / "data"), "--workers=1"]) == 0
    assert read_dataset(here / "datasets/oil").names == ("true-colour", "rainbow", "sheen", "object")


def test_the_list_has_every_recipe_with_its_licence(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["get", "--list"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == len(RECIPES)
    pets = next(line for line in lines if line.startswith("pets "))
    assert "download, 0.81 GB" in pets
    assert "[CC BY-SA 4.0]" in pets
