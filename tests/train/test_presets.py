import re
from pathlib import Path

import pytest
import yaml

from make_training import tiny_dataset
from seepseg import ultralytics_home
from seepseg.dataset.layout import read_dataset
from seepseg.train.overrides import read_preset
from seepseg.train.repeats import write_repeats

PRESETS = sorted(Path(__file__).parents[2].joinpath("configs").glob("*.yaml"))
each = pytest.mark.parametrize("preset", PRESETS, ids=lambda file: file.stem)


def test_there_is_a_preset_for_each_kind_of_picture() -> None:
    assert {"seep", "sos", "optical", "small", "photos", "medical", "edge", "elastic"} == {
        file.stem for file in PRESETS
    }


@each
def test_ultralytics_takes_it_as_it_stands(preset: Path) -> None:
    read_preset(preset)
    from ultralytics.cfg import get_cfg

    settings = vars(get_cfg(overrides=str(preset)))
    written = yaml.safe_load(preset.read_text())
    assert {key: settings[key] for key in written} == written


@each
def test_it_opens_with_the_commands_that_run_it(preset: Path) -> None:
    ours, plain = preset.read_text().splitlines()[:2]
    data = re.fullmatch(rf"# seepseg train (\S+) --config configs/{preset.name}", ours)
    assert data
    assert plain == f"# yolo segment train cfg=configs/{preset.name} data={data[1]}"
    recipe = PRESETS[0].parents[1] / "datasets" / f"{Path(data[1]).parent.name}.yaml"
    declared = yaml.safe_load(recipe.read_text())["dataset"]["imgsz"]
    assert yaml.safe_load(preset.read_text())["imgsz"] == declared


@each
def test_every_key_has_a_comment(preset: Path) -> None:
    lines = [line for line in preset.read_text().splitlines() if line.strip() and not line.startswith("#")]
    assert lines
    assert [line for line in lines if not re.fullmatch(r".*\S +# \S.*", line)] == []


@each
def test_a_key_of_ultralytics_says_its_type(preset: Path) -> None:
    kinds = {bool: "(bool)", int: "(int)", float: "(float)", str: "(str)", list: "(list)"}
    text = preset.read_text()
    for key, value in yaml.safe_load(text).items():
        assert re.search(rf"^{key}:.*# {re.escape(kinds[type(value)])} ", text, re.M), key


@pytest.mark.parametrize("name", ["seep", "sos", "edge", "elastic"])
def test_grey_pictures_get_no_colours(name: str) -> None:
    settings = yaml.safe_load(PRESETS[0].with_name(f"{name}.yaml").read_text())
    assert settings["hsv_h"] == settings["hsv_s"] == 0
    assert settings["flipud"] == settings["fliplr"] == 0.5


@pytest.mark.parametrize("name", ["photos", "medical"])
def test_what_has_a_top_is_not_turned_over(name: str) -> None:
    settings = yaml.safe_load(PRESETS[0].with_name(f"{name}.yaml").read_text())
    assert settings["flipud"] == 0
    assert settings["degrees"] <= 10


@each
def test_balance_is_left_to_data_and_flags(preset: Path) -> None:
    assert "cls_pw" not in yaml.safe_load(preset.read_text())


def test_the_transforms_are_what_albumentations_reads() -> None:
    albumentations = pytest.importorskip("albumentations")
    for one in yaml.safe_load(PRESETS[0].with_name("elastic.yaml").read_text())["augmentations"]:
        assert albumentations.from_dict(one).p == one["transform"]["p"]


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
def test_plain_yolo_trains_with_it_and_with_repeats(tmp_path: Path) -> None:
    data = write_repeats(read_dataset(tiny_dataset(tmp_path / "data")), 0.9).yaml
    words = f"segment train cfg={PRESETS[0].with_name('seep.yaml')} data={data} model=yolov8n-seg.yaml".split()
    words += f"epochs=1 imgsz=32 batch=4 plots=False workers=0 project={tmp_path / 'runs'} name=a".split()
    ultralytics_home.prepare()
    from ultralytics.cfg import entrypoint

    entrypoint(" ".join(words))
    written = yaml.safe_load((tmp_path / "runs" / "a" / "args.yaml").read_text())
    preset = yaml.safe_load(PRESETS[0].with_name("seep.yaml").read_text())
    same = set(preset) - {"model", "epochs", "imgsz", "batch", "plots", "workers"}
    assert {key: written[key] for key in same} == {key: preset[key] for key in same}
    assert (written["data"], written["cls_pw"]) == (str(data), 0.0)
    assert (tmp_path / "runs" / "a" / "weights" / "best.pt").exists()
