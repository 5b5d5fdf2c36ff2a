from pathlib import Path

import pytest

from seepseg.errors import SourceError, UsageError
from seepseg.sources.conversion import check_flags, commands, find_data, parse_call, spell
from seepseg.sources.recipe import Part

PART = Part("masks", ("images", "masks"), (("names", ("a b,c",)), ("ignore", ("-1",)), ("invert", ())))


def lay_out(folder: Path) -> Path:
    for path in PART.paths:
        (folder / path).mkdir(parents=True)
    return folder


def test_flags_are_spelled_as_on_a_command_line() -> None:
    flags = (("ignore", ("-1",)), ("pair", ("{}_a", "{}_b")), ("invert", ()))
    assert spell(flags) == ["--ignore=-1", "--pair", "{}_a", "{}_b", "--invert"]


def test_a_call_holds_the_paths_the_dataset_and_the_flags() -> None:
    (call,) = commands([PART], Path("data"), Path("out"), ["--seed=1"])
    assert call[:4] == ["masks", str(Path("data/images")), str(Path("data/masks")), "out"]
    assert call[4:] == ["--names=a b,c", "--ignore=-1", "--invert", "--seed=1"]


def test_a_flag_may_name_a_file_of_the_dataset() -> None:
    part = Part("masks", ("images", "masks"), (("colours", ("{data}/colours.txt",)),))
    assert "--colours=data/colours.txt" in commands([part], Path("data"), Path("out"), [])[0]


def test_words_of_a_call_are_told_apart() -> None:
    part, flags = parse_call("masks 'my images' masks --names 'a b'")
    assert part == Part("masks", ("my images", "masks"))
    assert flags == ("--names", "a b")
    assert parse_call("--imgsz 320") == (None, ("--imgsz", "320"))


def test_the_data_may_lie_deeper(tmp_path: Path) -> None:
    inner = lay_out(tmp_path / "wrapper" / "set")
    assert find_data(tmp_path, [PART]) == inner
    assert find_data(inner, [PART]) == inner


def test_a_reader_of_a_whole_folder_is_led_through_wrappers(tmp_path: Path) -> None:
    for split in ("train", "valid"):
        (tmp_path / "export" / "v3" / split).mkdir(parents=True)
    (tmp_path / ".hidden").touch()
    assert find_data(tmp_path, [Part("coco", (".",))]) == tmp_path / "export" / "v3"


def test_data_that_is_there_twice_is_not_chosen_from(tmp_path: Path) -> None:
    lay_out(tmp_path / "one")
    lay_out(tmp_path / "two")
    with pytest.raises(SourceError, match="more than once"):
        find_data(tmp_path, [PART])


def test_what_is_missing_is_named(tmp_path: Path) -> None:
    (tmp_path / "images").mkdir()
    with pytest.raises(SourceError, match="lacks masks"):
        find_data(tmp_path, [PART])


def test_all_unknown_flags_are_told_at_once() -> None:
    part = Part("masks", ("a", "b"), (("treshold", ("1",)), ("names", ("x",))))
    with pytest.raises(UsageError) as caught:
        check_flags([part], ["--imgs=3"])
    assert "--treshold (did you mean --threshold?)" in str(caught.value)
    assert "--imgs (did you mean --imgsz?)" in str(caught.value)


def test_an_unknown_kind_is_named_with_the_known() -> None:
    with pytest.raises(UsageError, match="choose among boxes, coco"):
        check_flags([Part("mask", ("a", "b"))], [])
