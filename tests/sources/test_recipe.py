from pathlib import Path

import pytest
import yaml

from seepseg.errors import SourceError, UsageError
from seepseg.sources.recipe import find_recipe, list_recipes, read_recipe, recipe_folder, tell_origin
from seepseg.train.overrides import read_pairs, read_preset

RECIPES = sorted((Path(__file__).parents[2] / "datasets").glob("*.yaml"))
GOOD = {
    "name": "tiny",
    "title": "A tiny set",
    "licence": "CC0",
    "citation": "Nobody, 2026",
    "layout": "images/ and masks/",
    "obtain": "Ask your neighbour.",
    "convert": [{"kind": "masks", "paths": ["images", "masks"], "flags": {"names": "a,b"}}],
}


def write(folder: Path, **changes: object) -> Path:
    path = folder / "tiny.yaml"
    data = {key: value for key, value in (GOOD | changes).items() if value is not None}
    path.write_text(yaml.safe_dump(data, sort_keys=False), encoding="utf-8")
    return path


def faults(folder: Path, **changes: object) -> str:
    with pytest.raises(SourceError) as caught:
        read_recipe(write(folder, **changes))
    return str(caught.value)


def test_a_good_recipe_is_read(tmp_path: Path) -> None:
    recipe = read_recipe(write(tmp_path))
    assert (recipe.name, recipe.licence, recipe.obtain) == ("tiny", "CC0", "Ask your neighbour.")
    assert recipe.parts[0].kind == "masks"
    assert recipe.parts[0].paths == ("images", "masks")
    assert recipe.parts[0].flags == (("names", ("a,b",)),)


@pytest.mark.parametrize("data", ["tiny/data.yaml", "tiny/folds/0.yaml"])
def test_the_origin_of_a_dataset_is_told_by_the_recipe_beside_it(tmp_path: Path, data: str) -> None:
    assert tell_origin(tmp_path / data) == {}
    write(tmp_path)
    assert tell_origin(tmp_path / data) == {key: GOOD[key] for key in ("title", "licence", "citation")}
    assert tell_origin(tmp_path / "other/data.yaml") == tell_origin(Path("data.yaml")) == {}
    write(tmp_path, licence=None)
    assert tell_origin(tmp_path / data) == {}


def test_flags_are_words_lists_and_switches(tmp_path: Path) -> None:
    part = {"kind": "masks", "paths": ["a", "b"], "flags": {"pair": ["{}_x", "{}_y"], "invert": True, "threshold": 127}}
    flags = read_recipe(write(tmp_path, convert=[part])).parts[0].flags
    assert flags == (("pair", ("{}_x", "{}_y")), ("invert", ()), ("threshold", ("127",)))


def test_all_faults_are_told_at_once(tmp_path: Path) -> None:
    text = faults(tmp_path, licence=None, titel="x", convert=[{"kind": "mask", "paths": ["../x"], "split": "dev"}])
    assert "licence: is missing" in text
    assert "titel: unknown key (did you mean title?)" in text
    assert "convert[0].kind: mask is none of boxes" in text
    assert "did you mean masks?" in text
    assert "'../x' should be a path below" in text
    assert "convert[0].split: dev is none of train, val, test" in text
    assert text.count("tiny.yaml: ") == 5


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"name": "other"}, "name: other should be as the file is called, tiny"),
        ({"obtain": None}, "obtain: say in a sentence"),
        ({"title": 7}, "title: should be text, not 7"),
        ({"convert": []}, "convert: is missing"),
        ({"convert": ["masks a b"]}, "convert[0]: should be a table"),
        ({"dataset": {"imgsz": False}}, "dataset.imgsz: False is not a setting"),
        ({"download": {"kaggle": "owner"}}, "not of the form OWNER/NAME"),
        ({"download": {"roboflow": "a/b/latest"}}, "not of the form WORKSPACE/PROJECT/VERSION"),
        ({"download": {"kaggle": "a/b", "roboflow": "a/b/1"}}, "give one of kaggle, roboflow"),
        ({"download": {"torrent": "x"}}, "download.torrent: unknown key"),
        ({"download": {"files": [{"md5": "0" * 32}]}}, "download.files[0].url: is missing"),
        ({"download": {"files": [{"url": "http://example.org/a.zip"}]}}, "http can be changed on the way"),
        ({"download": {"files": [{"url": "https://a.org/a.zip", "sha256": "abc"}]}}, "abc is not 64 hex digits"),
        ({"download": {"files": [{"url": "https://a.org/a.zip", "into": "../x"}]}}, "leads out of"),
        ({"download": {"files": [{"url": "https://a.org/a.zip"}, {"url": "https://b.org/a.zip"}]}}, "two are called"),
    ],
)
def test_each_fault_has_its_sentence(tmp_path: Path, changes: dict[str, object], words: str) -> None:
    assert words in faults(tmp_path, **changes)


def test_a_preset_is_one_of_configs_with_settings(tmp_path: Path) -> None:
    assert read_recipe(write(tmp_path, train="configs/sos.yaml imgsz=640")).train == "configs/sos.yaml imgsz=640"
    for wrong in ("sos.yaml", "configs/../x.yaml", "configs/sos.yaml --weights x"):
        assert "is not a preset and settings" in faults(tmp_path, train=wrong)


def test_parts_of_one_dataset_need_names(tmp_path: Path) -> None:
    part = {"kind": "masks", "paths": ["a", "b"]}
    assert "a name of its own" in faults(tmp_path, convert=[part, part])


def test_http_is_allowed_where_a_checksum_watches(tmp_path: Path) -> None:
    entry = {"url": "http://example.org/a.zip", "md5": "0" * 32}
    assert read_recipe(write(tmp_path, download={"files": [entry]})).archives[0].link.verified


@pytest.mark.parametrize("text", ["just words", "[1, 2]", "a: [", "", "\x00"])
def test_what_is_no_recipe_is_a_sentence(tmp_path: Path, text: str) -> None:
    (tmp_path / "tiny.yaml").write_text(text)
    with pytest.raises(SourceError, match=r"tiny\.yaml: not"):
        read_recipe(tmp_path / "tiny.yaml")


def test_a_key_given_twice_is_refused(tmp_path: Path) -> None:
    file = write(tmp_path)
    file.write_text(file.read_text() + "name: another\n")
    with pytest.raises(SourceError, match="name is given twice, first in line"):
        read_recipe(file)


def test_a_misspelt_name_offers_the_nearest(tmp_path: Path) -> None:
    write(tmp_path)
    with pytest.raises(UsageError, match=r"did you mean tiny\?"):
        find_recipe("tinny", tmp_path)
    with pytest.raises(UsageError, match="no such recipe"):
        find_recipe("../tiny", tmp_path / "sub")


def test_faults_of_all_recipes_come_together(tmp_path: Path) -> None:
    write(tmp_path)
    for name in ("one", "two"):
        (tmp_path / f"{name}.yaml").write_text("name: wrong")
    with pytest.raises(SourceError) as caught:
        list_recipes(tmp_path)
    assert "one.yaml" in str(caught.value)
    assert "two.yaml" in str(caught.value)


def test_recipes_here_come_before_those_of_the_checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert recipe_folder().resolve() == RECIPES[0].parent
    (tmp_path / "datasets").mkdir()
    write(tmp_path / "datasets")
    assert recipe_folder() == Path("datasets")
    assert recipe_folder(tmp_path) == tmp_path


@pytest.mark.parametrize("path", RECIPES, ids=lambda path: path.stem)
def test_a_kept_recipe_opens_with_the_command_that_runs_it(path: Path) -> None:
    recipe = read_recipe(path)
    first = path.read_text(encoding="utf-8").splitlines()[0]
    assert first.startswith(f"# seepseg get {recipe.name}")
    got_by_hand = not (recipe.archives or recipe.kaggle or recipe.roboflow)
    assert got_by_hand == ("--from" in first)


@pytest.mark.parametrize("path", RECIPES, ids=lambda path: path.stem)
def test_a_kept_recipe_names_a_preset_of_its_image_size(path: Path) -> None:
    recipe = read_recipe(path)
    preset, *pairs = str(recipe.train).split()
    settings = read_preset(path.parents[1] / preset) | read_pairs(pairs)
    assert (str(settings["imgsz"]),) == dict(recipe.dataset)["imgsz"]


@pytest.mark.parametrize("path", RECIPES, ids=lambda path: path.stem)
def test_a_kept_recipe_downloads_over_https_or_under_a_checksum(path: Path) -> None:
    for archive in read_recipe(path).archives:
        assert archive.link.verified or (archive.link.url.startswith("https:") and archive.link.size)
