from pathlib import Path

import pytest

from seepseg.errors import UsageError
from seepseg.train import overrides
from seepseg.train.overrides import OURS, read_pairs, read_preset


def test_every_default_of_ultralytics_is_read_back_as_it_is() -> None:
    ours = {*OURS, "task", "model"}
    known = {key: value for key, value in overrides.defaults().items() if key not in ours and value is not None}
    assert len(known) > 60
    assert read_pairs([f"{key}={value}" for key, value in known.items()]) == known


@pytest.mark.parametrize(
    ("word", "value"),
    [
        ("epochs=5", {"epochs": 5}),
        ("lr0=1e-3", {"lr0": 0.001}),
        ("cos_lr=true", {"cos_lr": True}),
        ("device=0,1", {"device": (0, 1)}),
        ("freeze=[0,1]", {"freeze": [0, 1]}),
        ("cache=disk", {"cache": "disk"}),
        ("batch=-1", {"batch": -1}),
        ("batch=0.7", {"batch": 0.7}),
    ],
)
def test_values_are_read_as_the_yolo_command_reads_them(word: str, value: dict[str, object]) -> None:
    assert read_pairs([word]) == value


def test_all_unknown_keys_come_in_one_error_with_what_was_meant() -> None:
    with pytest.raises(UsageError) as caught:
        read_pairs(["epoch=3", "img=64", "lr0=0.01"])
    lines = str(caught.value).splitlines()
    assert len(lines) == 2
    assert "epoch=3" in lines[0]
    assert "did you mean epochs" in lines[0]
    assert "imgsz" in lines[1]


@pytest.mark.parametrize("key", sorted(OURS))
def test_what_is_decided_elsewhere_is_refused_with_the_way(key: str) -> None:
    with pytest.raises(UsageError, match=f"^{key}=x: .*(--|argument|trains)"):
        read_pairs([f"{key}=x"])


def test_a_flag_of_ours_as_key_is_led_back() -> None:
    with pytest.raises(UsageError, match="did you mean --class-weights"):
        read_pairs(["class_weights=sqrt"])


@pytest.mark.parametrize(
    "word",
    [
        "epochs=many",
        "epochs=0",
        "lr0=2",
        "imgsz=640,640",
        "imgsz=8",
        "batch=1.5",
        "batch=0",
        "task=detect",
        "optimizer=adamv",
    ],
)
def test_a_value_that_training_cannot_use_is_refused(word: str) -> None:
    with pytest.raises(UsageError, match=f"^{word.partition('=')[0]}="):
        read_pairs([word])


@pytest.mark.parametrize("word", ["epochs", "epochs=", "=3"])
def test_half_a_setting_is_refused(word: str) -> None:
    with pytest.raises(UsageError, match="settings are key=value"):
        read_pairs([word])


def test_a_setting_given_twice_is_refused() -> None:
    with pytest.raises(UsageError, match="epochs is given twice"):
        read_pairs(["epochs=3", "epochs=4"])


def test_a_preset_is_read(tmp_path: Path) -> None:
    file = tmp_path / "a.yaml"
    file.write_text("# comment\nepochs: 3 # (int)\nmodel: yolov8n-seg.pt\nhsv_h: 0.0\n")
    assert read_preset(file) == {"epochs": 3, "model": "yolov8n-seg.pt", "hsv_h": 0.0}


def test_an_unknown_key_of_a_preset_is_named_with_its_line(tmp_path: Path) -> None:
    file = tmp_path / "a.yaml"
    file.write_text("epochs: 3\n\nmosaik: 1.0\nproject: x\nlr0: 7\n")
    with pytest.raises(UsageError) as caught:
        read_preset(file)
    lines = str(caught.value).splitlines()
    assert lines[0].startswith(f"{file}:3: ")
    assert "did you mean mosaic?" in lines[0]
    assert lines[1] == f"{file}:4: {OURS['project']}"
    assert lines[2].startswith(f"{file}:5: 'lr0=7'")


def test_a_key_that_a_preset_has_twice_is_refused_with_both_lines(tmp_path: Path) -> None:
    file = tmp_path / "a.yaml"
    file.write_text("epochs: 3\nlr0: 0.01\n# longer\nepochs: 30\nlr0: 7\n")
    with pytest.raises(UsageError) as caught:
        read_preset(file)
    first, second, third = str(caught.value).splitlines()
    assert first == f"{file}:4: epochs is given twice, first in line 1; take one out"
    assert second == f"{file}:5: lr0 is given twice, first in line 2; take one out"
    assert third.startswith(f"{file}:5: 'lr0=7'")


def test_a_key_twice_in_one_line_is_refused_too(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text("{epochs: 3, epochs: 4}")
    with pytest.raises(UsageError, match="epochs is given twice"):
        read_preset(tmp_path / "a.yaml")


@pytest.mark.parametrize("text", ["", "- epochs", "epochs: [", "epochs: 3: 4"])
def test_what_is_no_preset_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "a.yaml").write_text(text)
    with pytest.raises(UsageError, match=r"a\.yaml: "):
        read_preset(tmp_path / "a.yaml")


def test_a_missing_preset_is_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"none\.yaml: not readable: No such file"):
        read_preset(tmp_path / "none.yaml")
