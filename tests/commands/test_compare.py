import json

import pytest

from make_evaluation import make_images, write_evaluation
from seepseg.cli import main
from seepseg.report import compare_page
from seepseg.report.pages import join


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    root = tmp_path_factory.mktemp("runs")
    for name, skill in (("a", 0.4), ("b", 0.9)):
        write_evaluation(root / name, make_images(15, 1, skill=skill), ["oil"], replicates=4, conf=0.3)
    return root


def compare(folders, *options):
    return main(["compare", str(folders / "a"), str(folders / "b"), "--replicates", "100", *map(str, options)])


def test_it_prints_figures_differences_and_what_they_come_to(folders, capsys):
    assert compare(folders) == 0
    text = capsys.readouterr().out
    value = json.loads((folders / "a" / "metrics.json").read_text())["mask"]["map50"]
    assert "Mask AP50" in text
    assert f"{value:.3f} (" in text
    assert "b − a" in text
    assert "blank" in text


def test_json_alone_is_printed_where_asked_for(folders, capsys):
    assert compare(folders, "--json") == 0
    assert len(json.loads(capsys.readouterr().out)["pairs"]) == 1


def test_out_holds_the_page_and_the_figures(folders, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(compare_page, "draw_svg", lambda plot: join(plot.name))
    assert compare(folders, "--out", tmp_path / "out") == 0
    assert sorted(file.name for file in (tmp_path / "out").iterdir()) == ["compare.html", "compare.json"]
    assert "compare.html" in capsys.readouterr().out


def test_a_folder_that_is_not_ours_is_left_alone(folders, tmp_path, capsys):
    (tmp_path / "mine.txt").write_text("mine")
    assert compare(folders, "--out", tmp_path, "--overwrite") == 2
    assert "not a folder that seepseg wrote" in capsys.readouterr().err


def test_out_must_not_lie_in_a_run(folders, capsys):
    assert compare(folders, "--out", folders / "a" / "compared") == 2
    assert "which is to be read" in capsys.readouterr().err


def test_a_folder_without_an_evaluation_is_a_sentence(folders, tmp_path, capsys):
    assert main(["compare", str(folders / "a"), str(tmp_path)]) == 2
    assert "no metrics.json in it; run 'seepseg eval" in capsys.readouterr().err


@pytest.mark.parametrize("number", ["99", "1000000"])
def test_too_few_or_too_many_drawings_are_refused(folders, capsys, number):
    assert compare(folders, "--replicates", number) == 2
    assert "give a whole number from 100 to 100,000" in capsys.readouterr().err
