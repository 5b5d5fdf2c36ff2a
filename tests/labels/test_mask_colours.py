from pathlib import Path

import pytest

from seepseg.errors import SourceError
from seepseg.labels.mask_colours import read_colour_table


def write(path: Path, text: str) -> Path:
    path.write_text(text, encoding="utf-8")
    return path


@pytest.mark.parametrize(
    "line",
    [
        "64 128 64\tTraffic light",
        "64 128 64\t\tTraffic light",
        "64,128,64,Traffic light",
        "Traffic light 64 128 64",
        "Traffic light,64,128,64",
        '"Traffic light"; 64; 128; 64',
        "#408040 Traffic light",
        "Traffic light, #408040",
        "Traffic light:64,128,64::",
    ],
)
def test_the_forms_that_datasets_ship_are_read(tmp_path: Path, line: str):
    assert read_colour_table(write(tmp_path / "c.txt", line)) == ((0x408040, "Traffic light"),)


def test_headings_comments_and_empty_lines_are_passed_over(tmp_path: Path):
    text = "\ufeffname,r,g,b\n# label:color_rgb:parts:actions\n\n// old\noil,1,2,3\n"
    assert read_colour_table(write(tmp_path / "c.csv", text)) == ((0x010203, "oil"),)


def test_a_name_may_have_several_colours(tmp_path: Path):
    table = read_colour_table(write(tmp_path / "c.txt", "1 0 0 tree\n2 0 0 tree"))
    assert table == ((0x010000, "tree"), (0x020000, "tree"))


def test_names_with_numbers_are_read(tmp_path: Path):
    table = read_colour_table(write(tmp_path / "c.txt", "Seep 1 128 0 0\n0 128 0 Seep 2"))
    assert table == ((0x800000, "Seep 1"), (0x008000, "Seep 2"))


def test_all_faults_are_told_at_once(tmp_path: Path):
    text = "0 0 0 nothing\n300 0 0 oil\noil\n0 0 0 again"
    with pytest.raises(SourceError) as error:
        read_colour_table(write(tmp_path / "c.txt", text))
    assert [line.split(":")[1] for line in str(error.value).splitlines()] == ["2", "3", "4"]
    assert "#000000 is nothing already" in str(error.value)


@pytest.mark.parametrize("text", ["", "name r g b"])
def test_a_table_without_colours_is_refused(tmp_path: Path, text: str):
    with pytest.raises(SourceError, match="holds no colours"):
        read_colour_table(write(tmp_path / "c.txt", text))


def test_a_folder_in_place_of_the_table_is_told_in_words(tmp_path: Path):
    with pytest.raises(SourceError, match=r"cannot be read as a colour table \(Is a directory\)$"):
        read_colour_table(tmp_path)
