import re

import numpy as np
import pytest
from PIL import Image

from make_evaluation import make_images, write_evaluation
from read_page import Page
from seepseg.palette import COLOURS
from seepseg.report import charts
from seepseg.report.plots import INK, Plot, draw_svg, line_colour, write_png
from seepseg.report.report import all_plots
from seepseg.report.results import read_results

SEVEN = ("a", "b", "c", "d", "e", "f", "_hidden $\\bad$")


@pytest.fixture(scope="module")
def seven(tmp_path_factory):
    folder = tmp_path_factory.mktemp("seven")
    write_evaluation(folder, make_images(24, 7, groups=4), SEVEN, replicates=4)
    return read_results(folder)


@pytest.fixture(scope="module")
def one(tmp_path_factory):
    folder = tmp_path_factory.mktemp("one")
    write_evaluation(folder, make_images(12, 1), ["oil"], replicates=4)
    return read_results(folder)


def names(plots):
    return [plot.name for plot in plots]


def line(*points):
    def draw(figure):
        axes = figure.subplots()
        axes.plot(*zip(*points, strict=True), color=INK)
        axes.set_title("<b>&")

    return Plot("a", 'A "title"', "What it shows.", draw, 2)


def test_a_drawing_takes_the_ink_of_its_page_and_keeps_its_text():
    svg = draw_svg(line((0, 0), (1, 1)))
    assert INK not in svg
    assert "currentColor" in svg
    assert "<b>&" in Page(svg).text


def test_a_drawing_says_what_it_shows():
    (tag, attributes), *_ = Page(draw_svg(line((0, 0)))).tags
    assert (tag, attributes["role"], attributes["aria-label"]) == ("svg", "img", 'A "title". What it shows.')


def test_the_same_figures_give_the_same_drawing():
    assert draw_svg(line((0, 0), (1, 1))) == draw_svg(line((0, 0), (1, 1)))


def test_ids_of_two_drawings_do_not_meet(one):
    plots = charts.chart_objects(one)
    read = Page("".join(map(draw_svg, plots)))
    assert len(set(read.ids)) == len(read.ids) > 0


def test_a_plot_is_a_file_on_white_paper(tmp_path):
    write_png(line((0, 0), (1, 1)), tmp_path)
    pixels = np.asarray(Image.open(tmp_path / "a.png").convert("RGB"))
    assert tuple(pixels[0, 0]) == (255, 255, 255)
    assert pixels.min() < 80


def test_line_colours_stand_out_on_white_and_on_black():
    for index in range(len(COLOURS)):
        channels = [int(pair, 16) / 255 for pair in re.findall("..", line_colour(index)[1:])]
        linear = [value / 12.92 if value <= 0.04045 else ((value + 0.055) / 1.055) ** 2.4 for value in channels]
        shine = float(np.dot(linear, (0.2126, 0.7152, 0.0722)))
        assert 1.05 / (shine + 0.05) >= 2.9
        assert (shine + 0.05) / 0.05 >= 3.5


def test_seven_classes_have_every_plot(seven):
    assert names(all_plots(seven)) == [
        "pr", "f1", "precision", "recall", "confusion", "iou_by_confidence", "widths", "sizes", "roc", "reliability",
        "groups",
    ]  # fmt: skip


def test_one_class_has_its_curves_in_one_plot_and_images_in_place_of_groups(one):
    plots = all_plots(one)
    assert names(plots) == [
        "pr",
        "f1",
        "confusion",
        "iou_by_confidence",
        "widths",
        "sizes",
        "roc",
        "reliability",
        "groups",
    ]
    text = Page(draw_svg(plots[1])).text
    assert all(word in text for word in ("F1", "precision", "recall"))
    assert plots[-1].title == "IoU by image"


def test_many_groups_are_counted_rather_than_drawn_each(seven, monkeypatch):
    assert "worst first" in charts.chart_groups(seven)[0].caption
    monkeypatch.setattr(charts, "MOST_GROUPS", 3)
    assert "How many groups" in charts.chart_groups(seven)[0].caption


def test_names_that_matplotlib_would_read_are_shown_as_they_are(seven):
    plot = next(plot for plot in charts.chart_presence(seven) if plot.name == "roc")
    there = [name for name in SEVEN if seven.figure("presence", "per_class", name, "auroc") is not None]
    assert all(name in Page(draw_svg(plot)).text for name in there)


def test_a_class_absent_from_the_truth_has_no_line(tmp_path):
    write_evaluation(tmp_path, make_images(6, 1), ["oil", "absent"], replicates=2)
    for plot in charts.chart_pixels(read_results(tmp_path)):
        assert "absent" not in Page(draw_svg(plot)).text


def test_masks_of_another_tool_have_no_curves(tmp_path):
    write_evaluation(tmp_path, make_images(6, 2), ["a", "b"], task="masks", replicates=2)
    assert names(all_plots(read_results(tmp_path))) == ["roc", "groups"]
