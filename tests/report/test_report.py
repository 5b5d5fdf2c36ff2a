import json
import os
import shutil

import pytest

from make_evaluation import make_images, write_evaluation
from read_page import Page, assert_alone
from seepseg.errors import SourceError, UsageError
from seepseg.report import report
from seepseg.report.pages import join
from seepseg.report.results import read_results
from seepseg.report.verdict import about_thresholds, commoner_answer, headlines, verdict

HOSTILE = ('<script>alert("x")</script>', "a & b", "</td></table>", "$x_1", "_y", "日本", "javascript:'\"")


@pytest.fixture(autouse=True)
def _few_plots(monkeypatch):
    """Drawing is tested with the plots, and takes most of the time."""
    monkeypatch.setattr(report, "_draw", lambda plots: join("drawing of " + ", ".join(plot.name for plot in plots)))
    monkeypatch.setattr(report, "write_png", lambda plot, folder: (folder / f"{plot.name}.png").touch())


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    folder = tmp_path_factory.mktemp("seven")
    review = write_evaluation(folder, make_images(24, 7, groups=4), HOSTILE, replicates=20)
    return folder, review


@pytest.fixture
def seven(made, tmp_path):
    shutil.copytree(made[0], tmp_path / "seven")
    return tmp_path / "seven", made[1]


def page_of(folder):
    text = (folder / "report.html").read_text(encoding="utf-8")
    read = Page(text)
    assert_alone(read, text)
    return read


def with_metrics(folder, **changes):
    file = folder / "metrics.json"
    file.write_text(json.dumps(json.loads(file.read_text()) | changes))
    return read_results(folder)


def test_the_page_is_well_formed_and_alone_whatever_the_names(seven):
    folder, review = seven
    report.write_report(folder, review)
    read = page_of(folder)
    assert sum(tag == "script" for tag, _ in read.tags) == 1
    assert all(name in read.text for name in HOSTILE)


def test_every_headline_figure_is_there_with_its_interval(seven):
    folder, _ = seven
    report.write_report(folder, None)
    cells, metrics = page_of(folder).cells, json.loads((folder / "metrics.json").read_text())
    for path in ("mask.map50", "mask.map50_95", "pixels.miou", "pixels.miou_foreground", "pixels.accuracy"):
        section, key = path.split(".")
        low, high = metrics["ci95"][path]
        assert f"{metrics[section][key]:.3f}" in cells
        assert f"{low:.3f}–{high:.3f}" in cells
    for key in ("accuracy", "recall", "precision", "auroc"):
        assert f"{metrics['presence'][key]:.3f}" in cells


def test_accuracy_stands_beside_what_a_blank_prediction_gets(seven):
    folder, _ = seven
    report.write_report(folder, None)
    blank = json.loads((folder / "metrics.json").read_text())["pixels"]["accuracy_of_blank"]
    assert f"blank {blank:.3f}" in page_of(folder).text


def test_every_named_figure_of_metrics_can_be_looked_up(seven):
    folder, _ = seven
    report.write_report(folder, None)
    cells = page_of(folder).cells
    assert f"pixels.per_class.{HOSTILE[0]}.boundary_iou" in cells
    assert "presence.confusion.tp" in cells


def test_failures_are_shown_lazily_with_words_for_each_picture(seven):
    folder, review = seven
    report.write_report(folder, review, worst=3)
    read = page_of(folder)
    pictures = [attributes for tag, attributes in read.tags if tag == "img"]
    assert len(pictures) == 4 * (3 + 4)
    assert all(one["src"].startswith("data:image/jpeg;base64,") and one["alt"] for one in pictures)
    assert all(one["loading"] == "lazy" for one in pictures)


def test_sheets_and_their_list_agree(seven):
    folder, review = seven
    report.write_report(folder, review, worst=5)
    listed = json.loads((folder / "failures.json").read_text())
    assert len(listed) == 5
    assert all((folder / one["sheet"]).is_file() for one in listed)
    values = [one["value"] for one in listed]
    assert values == sorted(values)


def test_failures_can_be_ranked_by_what_is_missed(seven):
    folder, _ = seven
    report.write_report(folder, None, figure="missed")
    listed = json.loads((folder / "failures.json").read_text())
    assert listed
    assert all(one["value"] == one["missed"] > 0 and "miss" in one["kinds"] for one in listed)


def test_the_filter_offers_the_kinds_that_there_are(seven):
    folder, _ = seven
    report.write_report(folder, None)
    read = page_of(folder)
    offered = {attributes["value"] for tag, attributes in read.tags if tag == "input"} - {""}
    shown = [attributes["data-kinds"].split("|") for _, attributes in read.tags if attributes.get("data-kinds")]
    assert offered == {kind for kinds in shown for kind in kinds}


def test_a_file_name_cannot_lead_out_of_the_folder(tmp_path):
    images, folder = make_images(4, 1), tmp_path / "here" / "out"
    review = write_evaluation(folder, images, ["oil"], replicates=2)
    text, name = (folder / "images.csv").read_text(), images[0].name
    (folder / "images.csv").write_text(text.replace(name, "../../<b>/é?.png"))
    report.write_report(folder, lambda asked: review(name if "é" in asked else asked))
    assert (os.listdir(tmp_path), os.listdir(tmp_path / "here")) == (["here"], ["out"])
    assert all(file.suffix == ".jpg" for file in (folder / "failures").iterdir())
    page_of(folder)


def test_one_class_has_no_table_of_means(tmp_path):
    review = write_evaluation(tmp_path, make_images(12, 1), ["oil"], replicates=4, conf=0.3)
    report.write_report(tmp_path, review, worst=2)
    read = page_of(tmp_path)
    assert "IoU of oil" in read.text
    assert "mIoU of classes" not in read.text
    assert "wrong class" not in read.text
    assert "given on the command line" in read.text


def test_images_without_any_object_still_make_a_report(tmp_path):
    empty = [one for one in make_images(30, 1) if not one.truth.objects]
    write_evaluation(tmp_path, empty, ["oil"], replicates=4, conf=0.3)
    report.write_report(tmp_path, None)
    assert "No image holds an object" in page_of(tmp_path).text


def test_masks_of_another_tool_have_pixels_and_presence_alone(tmp_path):
    review = write_evaluation(tmp_path, make_images(9, 2), ["a", "b"], task="masks", replicates=4)
    report.write_report(tmp_path, review, worst=2)
    text = page_of(tmp_path).text
    assert "masks without confidence" in text
    assert "Mask AP50" not in text


def test_undefined_figures_are_a_dash(seven):
    folder, _ = seven
    metrics = json.loads((folder / "metrics.json").read_text())
    metrics["mask"] |= {"map50": None, "map50_95": None}
    with_metrics(folder, mask=metrics["mask"], ci95={}, speed_ms=None, notes=["beware of <this>"])
    report.write_report(folder, None)
    read = page_of(folder)
    assert "–" in read.cells
    assert "beware of <this>" in read.text


def test_the_verdict_counts_what_is_found(tmp_path):
    write_evaluation(tmp_path, make_images(9, 1, skill=0.9), ["oil"], replicates=2, conf=0.01)
    results = read_results(tmp_path)
    (found, missed), (false, _) = results.curves["confusion"]["counts"]
    text = verdict(results)
    assert f"finds {found} of the {found + missed} objects" in text
    assert f"{found} of the {found + false} that it reports" in text


@pytest.mark.parametrize(
    ("fitted", "words"),
    [
        ("val", "chosen on the val split"),
        ("crossfit", "cross-fitted within test"),
        ("given", "given on the command line"),
        (None, "no threshold to choose"),
    ],
)
def test_it_says_where_thresholds_come_from(seven, fitted, words):
    folder, _ = seven
    assert words in about_thresholds(with_metrics(folder, fitted=fitted, thresholds_from="val"))


def test_the_commoner_answer_is_what_needs_no_model():
    assert commoner_answer({"confusion": {"tp": 2, "fn": 1, "fp": 4, "tn": 3}}) == 0.7
    assert commoner_answer({"confusion": {"tp": 0, "fn": 0, "fp": 0, "tn": 0}}) is None


def test_headlines_carry_the_figures_of_metrics(seven):
    folder, _ = seven
    results = read_results(folder)
    found = {".".join(one.path): one for one in headlines(results)}
    assert found["mask.map50"].value == results.metrics["mask"]["map50"]
    assert found["pixels.accuracy"].blank == results.metrics["pixels"]["accuracy_of_blank"]
    assert found["presence.auroc"].interval == tuple(results.metrics["ci95"]["presence.auroc"])


def test_a_folder_without_figures_is_a_sentence(tmp_path):
    with pytest.raises(UsageError, match=r"no metrics.json in it; run 'seepseg eval"):
        read_results(tmp_path)


@pytest.mark.parametrize("text", ["{", "[]", "{}", '{"names": 3, "pixels": {}}'])
def test_a_broken_metrics_json_is_a_sentence(tmp_path, text):
    (tmp_path / "metrics.json").write_text(text)
    with pytest.raises(SourceError, match=r"metrics.json: not .*evaluate the model again"):
        read_results(tmp_path)


def test_a_foreign_images_csv_is_a_sentence(seven):
    folder, _ = seven
    (folder / "images.csv").write_text("a,b\n1,2\n")
    with pytest.raises(SourceError, match=r"images.csv: not what 'seepseg eval' writes"):
        read_results(folder)
