import base64
import json
import re
from pathlib import Path
from xml.etree import ElementTree

import pytest

from make_evaluation import make_images, write_evaluation
from seepseg.app.runs_figures import (
    compare,
    comparison_columns,
    read_sheets,
    render_classes,
    render_confusion,
    render_curves,
    render_headline,
    sentences,
    summarize,
)
from seepseg.report.results import Results, read_results

NAMES = ("oil", "ship")


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    root = tmp_path_factory.mktemp("runs")
    for name, skill in (("plain", 0.3), ("better", 0.9)):
        write_evaluation(root / name, make_images(15, 2, skill=skill), NAMES, conf=0.25)
    return root / "plain", root / "better"


@pytest.fixture(scope="module")
def results(folders: tuple[Path, Path]) -> Results:
    return read_results(folders[0])


def test_the_headline_has_the_figures_of_the_evaluation(results: Results) -> None:
    assert f"{results.figure('mask', 'map50'):.3f}" in render_headline(results)
    assert summarize(results)[0].startswith("The model ")


def test_each_class_has_its_row(results: Results) -> None:
    drawn = render_classes(results)
    assert all(f"{results.figure('pixels', 'per_class', name, 'iou'):.3f}" in drawn for name in NAMES)


def test_the_confusion_has_the_counts_of_the_evaluation(results: Results) -> None:
    counts = results.curve("confusion")["counts"]
    cells = re.findall(r"<td[^>]*>(\d+)", str(render_confusion(results)))
    assert [int(cell) for cell in cells] == [one for row in counts for one in row][:-1]


@pytest.mark.slow
def test_curves_are_images_that_any_browser_can_draw_in_the_ink_of_the_theme(results: Results) -> None:
    drawn = str(render_curves(results, "#123456"))
    images = re.findall(r'src="data:image/svg\+xml;base64,([^"]+)" alt="([^"]+)"', drawn)
    assert len(images) >= 4
    for image, words in images:
        root = ElementTree.fromstring(base64.b64decode(image))
        assert root.tag == "{http://www.w3.org/2000/svg}svg"
        assert "#123456" in root.attrib["style"]
        assert words


def test_a_comparison_tells_figures_and_differences(folders: tuple[Path, Path]) -> None:
    comparison = compare(folders)
    columns = comparison_columns(comparison)
    assert list(columns) == ["Figure", "plain", "better", "better − plain"]
    row = columns["Figure"].index("Mask AP50")
    first, second = float(columns["plain"][row]), float(columns["better"][row])
    assert float(columns["better − plain"][row].split()[0].replace("−", "-")) == pytest.approx(second - first, abs=2e-3)
    assert "better" in sentences(comparison)[0]


def test_only_failures_with_a_picture_are_shown(tmp_path: Path) -> None:
    one = {"image": "a.png", "sheet": "failures/a.jpg", "kinds": ["miss"], "iou": 0.25, "missed": 2, "confused": 0}
    (tmp_path / "failures").mkdir()
    (tmp_path / "failures/a.jpg").touch()
    gone = one | {"sheet": "failures/gone.jpg"}
    (tmp_path / "failures.json").write_text(json.dumps([one, gone, one | {"sheet": None}]))
    (sheet,) = read_sheets(tmp_path)
    assert (sheet.image, sheet.kinds, sheet.text) == ("a.png", ("miss",), "IoU 0.25 · 2 missed")


@pytest.mark.parametrize("text", ["", "{}", "[1]", '[{"sheet": "a.jpg"}]'])
def test_failures_that_cannot_be_read_are_none(tmp_path: Path, text: str) -> None:
    (tmp_path / "failures.json").write_text(text)
    assert read_sheets(tmp_path) == ()
