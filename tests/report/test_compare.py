import json
import shutil
from dataclasses import replace

import numpy as np
import pytest
from matplotlib.figure import Figure

from make_evaluation import make_images, write_evaluation
from read_page import Page, assert_alone
from seepseg.errors import SourceError, UsageError
from seepseg.measures.bootstrap import Difference, interval, resample
from seepseg.report import compare_page
from seepseg.report.compare import SEEDS, compare_runs, comparison_as_json, judge
from seepseg.report.compare_page import render_comparison, summarize_pair, write_signed
from seepseg.report.compare_text import render
from seepseg.report.pages import join

NAMES = ("oil", "<b>seep</b>")
ACCURACY = ("pixels", "accuracy")
REPLICATES = 120


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    root = tmp_path_factory.mktemp("runs")
    for name, skill in (("poor", 0.3), ("good", 0.95)):
        write_evaluation(root / name, make_images(30, 2, skill=skill), NAMES, replicates=4, conf=0.3)
    return root


def compare(*folders, replicates=REPLICATES):
    return compare_runs(folders, replicates=replicates)


def test_a_run_is_not_told_apart_from_itself(folders):
    comparison = compare(folders / "good", folders / "good")
    (pair,) = comparison.pairs
    assert {judge(one) for one in pair.differences.values()} == {"no difference"}
    assert all(one.p == 1 for one in pair.differences.values())
    said = summarize_pair(comparison.runs[0], pair)
    assert said == "Between good (2) and good (1) no difference is shown in any of the leading figures."


def test_the_difference_of_accuracy_is_that_of_a_plain_bootstrap(folders):
    (pair,) = compare(folders / "poor", folders / "good").pairs
    right, total = zip(*(_pixels(folders / name) for name in ("poor", "good")), strict=True)
    drawn = resample(None, 30, REPLICATES, 0)
    apart = []
    for row in drawn:
        taken = np.repeat(np.arange(30), row)
        values = [some[taken].sum() / whole[taken].sum() for some, whole in zip(right, total, strict=True)]
        apart.append(values[1] - values[0])
    found = pair.differences[ACCURACY]
    assert found.difference == pytest.approx(right[1].sum() / total[1].sum() - right[0].sum() / total[0].sum())
    assert (found.low, found.high) == pytest.approx(interval(np.array(apart), 30))


def _pixels(folder):
    with np.load(folder / "replicates.npz") as arrays:
        return arrays["pixels/right"], arrays["pixels/total"]


def test_a_better_run_is_called_higher(folders):
    comparison = compare(folders / "poor", folders / "good")
    (pair,) = comparison.pairs
    assert judge(pair.differences["mask", "map50"]) == "higher"
    assert summarize_pair(comparison.runs[0], pair).startswith("good is higher in Mask AP50")


def test_turning_the_runs_round_turns_the_sign(folders):
    (one,) = compare(folders / "poor", folders / "good").pairs
    (other,) = compare(folders / "good", folders / "poor").pairs
    for path, found in one.differences.items():
        assert other.differences[path].difference == -found.difference
        assert other.differences[path].low == pytest.approx(-found.high)


def test_images_that_one_run_lacks_are_left_out_and_said(folders, tmp_path):
    write_evaluation(tmp_path / "part", make_images(30, 2, skill=0.95)[5:], NAMES, replicates=4, conf=0.3)
    (pair,) = compare(folders / "good", tmp_path / "part").pairs
    assert pair.images == 25
    assert {one.difference for path, one in pair.differences.items() if path[0] == "pixels"} == {0}
    assert pair.notes == ("the difference is measured on the 25 images that both have; good has 30, part 25",)


@pytest.mark.parametrize(
    ("images", "names", "split", "words"),
    [
        (make_images(30, 2, seed=1), NAMES, "test", "the truth of .* images that both have are not the same"),
        (make_images(30, 2), ("oil", "other"), "test", "have different classes"),
        (make_images(60, 2)[30:], NAMES, "val", r"share 0 images \(splits test and val\)"),
    ],
)
def test_runs_that_cannot_be_paired_say_why(folders, tmp_path, images, names, split, words):
    write_evaluation(tmp_path / "other", images, names, split=split, replicates=4, conf=0.3)
    comparison = compare(folders / "good", tmp_path / "other")
    (pair,) = comparison.pairs
    assert pair.differences == {}
    with pytest.raises(UsageError, match=f"no paired comparison: .*{words}"):
        raise UsageError(pair.notes[0])
    assert "No paired comparison" in summarize_pair(comparison.runs[0], pair)


def test_two_runs_of_one_image_are_told_that_it_is_too_few(tmp_path):
    for name in ("a", "b"):
        write_evaluation(tmp_path / name, make_images(1, 2), NAMES, replicates=4, conf=0.3)
    (pair,) = compare(tmp_path / "a", tmp_path / "b").pairs
    assert pair.notes == (
        "no paired comparison: a and b are of one and the same image, and one image is too few; evaluate both on more "
        "images",
    )


def test_classes_in_another_order_are_the_same_classes(folders, tmp_path):
    turned = [_swap(one) for one in make_images(30, 2, skill=0.95)]
    write_evaluation(tmp_path / "turned", turned, NAMES[::-1], replicates=4, conf=0.3)
    (pair,) = compare(folders / "good", tmp_path / "turned").pairs
    assert {judge(one) for path, one in pair.differences.items() if path != ACCURACY} == {"no difference"}


def _swap(image):
    truth = replace(image.truth, objects=[replace(one, class_id=1 - one.class_id) for one in image.truth.objects])
    found = tuple(replace(one, class_id=1 - one.class_id) for one in image.prediction.detections)
    return replace(image, truth=truth, prediction=replace(image.prediction, detections=found))


def test_a_run_without_its_replicates_is_shown_but_not_paired(folders, tmp_path):
    shutil.copytree(folders / "good", tmp_path / "bare")
    (tmp_path / "bare" / "replicates.npz").unlink()
    (pair,) = compare(folders / "good", tmp_path / "bare").pairs
    assert pair.notes == (
        "no paired comparison: bare has no replicates.npz, so images can't be paired; evaluate it again",
    )


@pytest.mark.parametrize(
    "path", [("names", 0), ("mask", "map50"), ("ci95", "mask.map50"), ("presence",), ("pixels",), ("made",)]
)
def test_metrics_of_another_shape_are_refused(folders, tmp_path, path):
    shutil.copytree(folders / "good", tmp_path / "odd")
    file = tmp_path / "odd/metrics.json"
    metrics = place = json.loads(file.read_text())
    for name in path[:-1]:
        place = place[name]
    place[path[-1]] = [7]
    file.write_text(json.dumps(metrics))
    with pytest.raises(SourceError, match=r"metrics\.json: not what 'seepseg eval' writes"):
        compare(folders / "poor", tmp_path / "odd")


@pytest.mark.parametrize("kept", [0, 0.5, 0.98])
def test_replicates_that_were_cut_off_are_refused(folders, tmp_path, kept):
    shutil.copytree(folders / "good", tmp_path / "cut")
    file = tmp_path / "cut/replicates.npz"
    data = file.read_bytes()
    file.write_bytes(data[: int(kept * len(data))])
    with pytest.raises(SourceError, match=r"replicates\.npz: not readable"):
        compare(folders / "poor", tmp_path / "cut")


def test_replicates_that_a_disk_spoilt_are_refused(folders, tmp_path):
    shutil.copytree(folders / "good", tmp_path / "spoilt")
    file = tmp_path / "spoilt/replicates.npz"
    data = bytearray(file.read_bytes())
    data[len(data) // 3 : len(data) // 3 + 400] = bytes(400)
    file.write_bytes(data)
    with pytest.raises(SourceError, match=r"replicates\.npz: not readable"):
        compare(folders / "poor", tmp_path / "spoilt")


def test_groups_are_drawn_whole(tmp_path):
    for name, skill in (("a", 0.4), ("b", 0.9)):
        write_evaluation(tmp_path / name, make_images(12, 1, skill=skill, groups=1), ["oil"], replicates=4, conf=0.3)
    (pair,) = compare(tmp_path / "a", tmp_path / "b").pairs
    assert pair.differences == {}


def test_runs_of_one_name_are_told_apart_by_the_folders_above(folders, tmp_path):
    for above in ("x", "y"):
        shutil.copytree(folders / "good", tmp_path / above / "good")
    assert [run.label for run in compare(tmp_path / "x/good", tmp_path / "y/good").runs] == ["x/good", "y/good"]


def test_one_folder_is_not_enough(folders):
    with pytest.raises(UsageError, match="give two folders at least"):
        compare(folders / "good")


@pytest.mark.parametrize(
    ("low", "high", "word"), [(0.1, 0.2, "higher"), (-0.2, -0.1, "lower"), (-0.1, 0.3, "not told apart")]
)
def test_a_difference_is_real_where_its_interval_leaves_out_nought(low, high, word):
    assert judge(Difference(0.5, 0.6, (low + high) / 2, low, high, 0.5)) == word


def test_signs_are_written_out():
    assert [write_signed(value) for value in (0.1, -0.1234, 0)] == ["+0.100", "−0.123", "+0.000"]


def test_json_has_every_run_and_difference(folders):
    report = json.loads(json.dumps(comparison_as_json(compare(folders / "poor", folders / "good")), allow_nan=False))
    assert [one["run"] for one in report["runs"]] == ["poor", "good"]
    assert report["runs"][0]["figures"]["mask.map50"]["value"] < report["runs"][1]["figures"]["mask.map50"]["value"]
    assert report["pairs"][0]["differences"]["pixels.accuracy"]["verdict"] == "higher"


def test_the_page_is_well_formed_alone_and_has_all_parts(folders, tmp_path, monkeypatch):
    monkeypatch.setattr(compare_page, "draw_svg", lambda plot: join(f"drawing of {plot.name}"))
    for name, losses in (("a", "3.5,3.0"), ("b", "3.1,2.0")):
        shutil.copytree(folders / "good", tmp_path / name)
        (tmp_path / name / "results.csv").write_text(
            "epoch, train/seg_loss, val/seg_loss,train/sem_loss,metrics/mIoU\n"
            + "".join(f"{n},{losses},0,.5\n" for n in (1, 2))
        )
    text = render_comparison(compare(tmp_path / "a", tmp_path / "b", folders / "poor"))
    read = Page(text)
    assert_alone(read, text)
    drawn = ("ap50", "iou", "pr", "f1", "iou_by_confidence", "roc", "seg_loss", "miou_by_epoch")
    assert all(f"drawing of {name}" in read.text for name in drawn)
    assert "sem_loss" not in read.text
    assert "poor − a" in read.text


@pytest.mark.parametrize("models", [("runs/a", "runs/b"), ("runs/a", "runs/a")])
def test_of_two_trainings_it_is_said_that_seeds_differ_too(folders, tmp_path, models):
    for name, model in zip(("a", "b"), models, strict=True):
        shutil.copytree(folders / "good", tmp_path / name)
        (tmp_path / name / "results.csv").write_text("epoch,train/seg_loss\n1,3\n")
        metrics = json.loads((tmp_path / name / "metrics.json").read_text())
        (tmp_path / name / "metrics.json").write_text(json.dumps(metrics | {"model": model}))
    comparison = compare(tmp_path / "a", tmp_path / "b")
    told = [SEEDS in text for text in (render(comparison), Page(render_comparison(comparison)).text)]
    assert told == [len(set(models)) == 2] * 2


def test_a_classifier_is_followed_by_epoch_as_a_segmenter_is(folders, tmp_path):
    shutil.copytree(folders / "poor", tmp_path / "poor")
    (tmp_path / "poor" / "results.csv").write_text(
        "epoch,train/cls_loss,metrics/AP,metrics/AUROC,metrics/accuracy,val/cls_loss\n1,3,.5,nan,.6,2\n2,2,nan,nan,.8,1\n"
    )
    plots = {plot.name: plot for plot in compare_page.plots_of(compare(folders / "good", tmp_path / "poor"))}
    assert {"ap_by_epoch", "accuracy_by_epoch", "cls_loss"} <= set(plots)
    assert "auroc_by_epoch" not in plots  # the val split defines none
    figure = Figure()
    plots["ap_by_epoch"].draw(figure)
    assert figure.axes[0].get_ylabel() == "AP of presence"


def test_every_plot_of_a_comparison_can_be_drawn(folders, tmp_path):
    shutil.copytree(folders / "poor", tmp_path / "poor")
    (tmp_path / "poor" / "results.csv").write_text("epoch,train/seg_loss,val/seg_loss,metrics/mAP50-95(M)\n1,3,2,.4\n")
    for plot in compare_page.plots_of(compare(folders / "good", tmp_path / "poor")):
        figure = Figure()
        plot.draw(figure)
        assert figure.axes
