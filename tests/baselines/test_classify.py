import csv
import json

import numpy as np
import pytest
from scipy import stats

from baselines.conftest import STILL, noise, quick_request
from baselines.made_presence import held, presence_dataset
from make import write_image
from make_geotiff import write_geotiff
from seepseg.baselines import training
from seepseg.baselines.classify import UNKNOWN, LabelledTiles, PresenceLoss, classes_in, rank
from seepseg.baselines.loading import list_samples
from seepseg.baselines.run import resume_baseline, train_baseline
from seepseg.baselines.settings import complete
from seepseg.baselines.tiles import Tiles
from seepseg.baselines.weights import Facts, read_weights
from seepseg.cli import main
from seepseg.edge.bundle import open_bundle
from seepseg.edge.export import export
from seepseg.edge.runtime import load_bundle
from seepseg.errors import UsageError
from seepseg.evaluate.run import Request, evaluate
from seepseg.predict.engine import open_model
from seepseg.report.compare import compare_runs
from seepseg.train import machine
from seepseg.train.record import read_record

NETWORK = "mobilenetv4-small"


@pytest.fixture(scope="module", autouse=True)
def one_thread():
    """Networks as small as these wait for their threads more than they work, the more so beside other work."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(machine, "core_count", lambda: 1)
        yield


def request_of(folder, **changes):
    data = presence_dataset(folder / "data", splits=("train", "val", "test"))
    return quick_request(folder, data=data, balance={"weights": "ship=2", "repeat": 0.9}, **changes)


@pytest.fixture(scope="module")
def classifier(one_thread, tmp_path_factory):
    """Three epochs without a stop; the dataset lies beside the folder of runs."""
    return train_baseline(request_of(tmp_path_factory.mktemp("trained"), name="c"), NETWORK, "mix")


@pytest.fixture(scope="module")
def data(classifier):
    return classifier.parent.parent / "data" / "data.yaml"


@pytest.fixture(scope="module")
def evaluated(classifier, data, tmp_path_factory):
    out = tmp_path_factory.mktemp("evaluated") / "out"
    evaluate(Request(data, classifier, split="test", out=out, device="cpu", replicates=50))
    return out


def test_an_image_holds_the_classes_that_it_has_an_instance_of(tmp_path):
    listed, _ = list_samples(presence_dataset(tmp_path))
    assert [classes_in(sample) for sample in listed] == [frozenset(held(number)) for number in range(8)]


def test_label_rows_say_what_an_image_holds_where_there_is_no_exact_truth(tmp_path):
    data = presence_dataset(tmp_path)
    (tmp_path / "annotations" / "train.json").unlink()
    listed, _ = list_samples(data)
    assert [classes_in(sample) for sample in listed] == [frozenset(held(number)) for number in range(8)]


def labels_of(data, settings):
    listed, _ = list_samples(data)
    tiles = LabelledTiles(Tiles(listed, 2, 32, 0, settings), [classes_in(one) for one in listed])
    return [tiles[(0, number)][1].tolist() for number in range(len(tiles))]


def test_labels_have_a_one_for_each_class_that_is_there(tmp_path):
    expected = [[float(class_id in held(number)) for class_id in range(2)] for number in range(8)]
    assert labels_of(presence_dataset(tmp_path), None) == expected


def test_of_a_class_that_left_the_image_nothing_is_learned(tmp_path):
    labels = labels_of(presence_dataset(tmp_path), {**STILL, "translate": 40.0})
    assert labels[0] == [0, 0]
    assert labels[3] == [UNKNOWN, UNKNOWN]


def test_the_loss_is_binary_cross_entropy_over_what_is_known(torch):
    logits, labels = torch.tensor([[0.3, -2.0], [1.5, 0.1]]), torch.tensor([[1, 0], [UNKNOWN, 1]])
    chance = 1 / (1 + np.exp(-np.array([0.3, -2.0, 0.1])))
    expected = -np.mean([np.log(chance[0]), np.log(1 - chance[1]), np.log(chance[2])])
    assert PresenceLoss()(logits, labels).item() == pytest.approx(expected, rel=1e-5)


def test_weights_make_a_class_count_more_or_only_its_misses(torch):
    logits, labels = torch.zeros(2, 2), torch.tensor([[1, 0], [0, 1]])
    half = np.log(2)
    assert PresenceLoss((3.0, 1.0))(logits, labels).item() == pytest.approx(half)
    assert PresenceLoss((3.0, 1.0), positives=True)(logits, labels).item() == pytest.approx(half * (3 + 1 + 1 + 1) / 4)


def test_ranks_are_those_of_mann_and_whitney_and_leave_out_what_has_none():
    rng = np.random.default_rng(0)
    scores, present = rng.normal(size=(30, 2)), np.stack([rng.random(30) < 0.4, np.ones(30, bool)], axis=1)
    found = rank(scores, present)
    there, rest = scores[present[:, 0], 0], scores[~present[:, 0], 0]
    assert found["metrics/AUROC"] == pytest.approx(stats.mannwhitneyu(there, rest).statistic / len(there) / len(rest))
    assert 0 < found["metrics/AP"] < 1


@pytest.mark.parametrize(
    ("best", "loss", "said"),
    [
        ("ap", 1.0, "the val split does not define ap.* take --best val_loss"),
        ("ap", np.nan, r"lower the learning rate \(lr0=5e-05"),
        ("val_loss", np.inf, r"lower the learning rate \(lr0=5e-05"),
    ],
)
def test_a_figure_that_val_does_not_define_is_told_apart_from_spoilt_weights(torch, tmp_path, best, loss, said):
    figures = {"metrics/AP": np.nan, "val/cls_loss": loss}
    job = training.Job(
        lambda epoch: [torch.ones(1, 1)], 1, lambda model, batch: model(batch).sum(), lambda model: figures, 1
    )
    settings = complete({"epochs": 1})
    state = training.start_state(torch.nn.Linear(1, 1), settings, torch.device("cpu"))
    with pytest.raises(UsageError, match=said):
        training.fit(state, job, tmp_path, Facts("large-kernels", "classify", ("oil",), 32), settings, best)
    assert not list(tmp_path.iterdir())


def test_an_epoch_is_written_under_the_heading_that_is_there(tmp_path):
    file = tmp_path / "results.csv"
    for row in ({"epoch": 1, "val/cls_loss": 0.5}, {"epoch": 2, "metrics/AP": 0.7, "val/cls_loss": 0.25}):
        training.add_row(file, row)
    assert file.read_text() == "epoch,val/cls_loss\n1,0.5\n2,0.25\n"


def test_a_run_folder_holds_what_others_rely_on(classifier):
    files = {path.relative_to(classifier).as_posix() for path in classifier.rglob("*") if path.is_file()}
    inside = {"weights/best.pt", "weights/last.pt", "args.yaml", "results.csv", "record.json", "input.json"}
    assert files == inside | {"thresholds.json"}
    record = read_record(classifier)
    assert (record["task"], record["baseline"], record["loss"], record["best"]) == (
        "classify",
        NETWORK,
        "ce",
        "val_loss",
    )
    assert record["class_weights"] == [1.0, 2.0]


def test_the_best_epoch_is_that_of_the_lowest_loss(classifier):
    with (classifier / "results.csv").open() as lines:
        rows = list(csv.DictReader(lines))
    figures = {"metrics/AP", "metrics/AUROC", "metrics/accuracy"}
    assert {"train/cls_loss", "val/cls_loss", *figures} <= set(rows[0])
    # Eight images, each with an answer for either of two classes.
    assert all((16 * float(row["metrics/accuracy"])).is_integer() for row in rows)
    lowest = min(float(row["val/cls_loss"]) for row in rows)
    assert read_record(classifier)["metrics"]["val/cls_loss"] == pytest.approx(lowest, rel=1e-4)


def test_a_stopped_training_goes_on_as_if_it_had_not_been_stopped(classifier, tmp_path, monkeypatch):
    whole = training.train_epoch

    def stop(state, job, settings):
        if state.epoch == 2:
            raise KeyboardInterrupt
        return whole(state, job, settings)

    with monkeypatch.context() as patched:
        patched.setattr(training, "train_epoch", stop)
        with pytest.raises(KeyboardInterrupt):
            train_baseline(request_of(tmp_path, name="b"), NETWORK, "mix")
    resume_baseline(tmp_path / "runs" / "b")
    ours, theirs = (
        read_weights(run / "weights" / "last.pt")[1]["state"] for run in (tmp_path / "runs" / "b", classifier)
    )
    assert all(ours[key].equal(theirs[key]) for key in theirs)


def test_a_loss_of_masks_is_refused_with_a_sentence(tmp_path):
    with pytest.raises(UsageError, match="--loss dice: large-kernels has no pixels that could overlap"):
        train_baseline(quick_request(tmp_path), "large-kernels", "dice")


def test_a_prediction_says_what_is_there_and_invents_no_places(classifier):
    (found,) = open_model(classifier, device="cpu").predict([noise(50, 70)], conf=0.0)
    assert (found.width, found.height, found.detections) == (70, 50, ())
    assert len(found.presence) == 2
    assert all(0 < score < 1 for score in found.presence)


def test_the_score_is_the_sigmoid_of_the_logit(classifier):
    model, image = open_model(classifier, device="cpu"), noise(32, 32)
    ((_, (logits,)),) = model.run([image])
    assert model.predict([image])[0].presence == pytest.approx(1 / (1 + np.exp(-logits.astype(float))))


def test_objects_and_images_have_the_same_thresholds(classifier):
    chosen = open_model(classifier, device="cpu").thresholds
    assert chosen.confidence == tuple(one.choice for one in chosen.presence)


def test_summary_csv_has_the_answer_and_no_mask_is_written(classifier, data, tmp_path, capsys):
    out, images = tmp_path / "out", data.parent / "images" / "test"
    assert main(["predict", str(classifier), str(images), "--out", str(out), "--device", "cpu"]) == 0
    shown = capsys.readouterr().out
    assert "a classifier says what an image holds, and not where: there are no masks" in shown
    assert {path.name for path in out.iterdir()} == {"summary.csv", "prediction.json", "progress.jsonl"}
    with (out / "summary.csv").open() as lines:
        rows = list(csv.DictReader(lines))
    assert len(rows) == 8
    told = json.loads((classifier / "thresholds.json").read_text())["presence"]["per_class"]["oil"]["threshold"]
    for row in rows:
        assert (row["oil_verdict"] == "yes") == (float(row["oil_score"]) > told)
        assert row["objects"] == row["oil_count"] == row["oil_area_px"] == ""
    assert sum(row["oil_verdict"] == "yes" for row in rows) == int(shown.split("\noil")[1].split()[0])


def test_a_scene_is_refused_and_a_georeferenced_tile_is_not(classifier, tmp_path, capsys):
    write_geotiff(tmp_path / "in" / "tile.tif", noise(40, 40)[..., 0])
    write_image(tmp_path / "in" / "wide.png", noise(40, 400))
    assert main(["predict", str(classifier), str(tmp_path / "in"), "--out", str(tmp_path / "out")]) == 0
    with (tmp_path / "out" / "summary.csv").open() as lines:
        status = {row["image"]: row["status"] for row in csv.DictReader(lines)}
    assert status["tile.tif"] == "ok"
    assert "is a scene, and a classifier says what a whole image holds, not where" in status["wide.png"]
    assert "wide.png" in capsys.readouterr().out


def test_frames_of_a_film_are_refused(classifier, data, tmp_path, capsys):
    words = [str(data.parent / "images" / "test"), "--frames", "--out", str(tmp_path / "out")]
    assert main(["predict", str(classifier), *words]) == 2
    assert "finds nothing to follow" in capsys.readouterr().err


def test_an_evaluation_has_figures_of_presence_alone(evaluated):
    metrics = json.loads((evaluated / "metrics.json").read_text())
    assert metrics["task"] == "classify"
    assert all(metrics[key] is None for key in ("mask", "box", "pixels", "sizes", "widths"))
    assert {path.partition(".")[0] for path in metrics["ci95"]} == {"presence"}
    counts = metrics["presence"]["confusion"]
    assert metrics["presence"]["accuracy"] == (counts["tp"] + counts["tn"]) / 8
    with (evaluated / "images.csv").open() as lines:
        rows = list(csv.DictReader(lines))
    assert {(row["iou"], row["missed"], row["predicted_objects"]) for row in rows} == {("", "", "")}


def test_on_val_thresholds_are_cross_fitted_wherever_they_come_to_lie(classifier, data, tmp_path):
    evaluate(Request(data, classifier, split="val", out=tmp_path, device="cpu", replicates=50, report=False))
    metrics = json.loads((tmp_path / "metrics.json").read_text())
    assert metrics["presence"]["f1"] is not None
    assert metrics["pixels"] is None
    assert any(one is not None and round(one, 2) != one for one in metrics["thresholds"].values())


def test_a_report_shows_what_there_is(evaluated):
    page = (evaluated / "report.html").read_text()
    assert "Is there anything in the image?" in page
    assert "what the model is sure of it lies above the threshold" in page
    assert not any(word in page for word in ("Mask AP", "mIoU", "Boundary IoU", "By area"))
    assert {path.stem for path in (evaluated / "plots").iterdir()} <= {"roc", "reliability"}


def test_images_that_are_told_wrongly_are_its_failures(evaluated):
    with (evaluated / "images.csv").open() as lines:
        wrong = {row["image"] for row in csv.DictReader(lines) if row["presence_truth"] != row["presence_verdict"]}
    failures = json.loads((evaluated / "failures.json").read_text())
    assert wrong
    assert {one["image"] for one in failures} == wrong
    assert {one["figure"] for one in failures} == {"presence"}
    assert all((evaluated / one["sheet"]).is_file() for one in failures)


def test_a_classifier_and_a_segmenter_are_compared_by_presence(evaluated, data, tmp_path):
    run = train_baseline(quick_request(tmp_path, data=data, name="u", settings={"epochs": 1}), "unet-pets", "mix")
    evaluate(Request(data, run, split="test", out=tmp_path / "u", device="cpu", replicates=50, report=False))
    (pair,) = compare_runs([tmp_path / "u", evaluated], replicates=50).pairs
    assert pair.images == 8
    assert {path[0] for path in pair.differences} == {"presence"}
    assert "out says nothing of where things are: compare their presence" in pair.notes


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")  # torch warns of what its exporters do inside
def test_a_bundle_gives_the_same_answer_on_every_way(classifier, tmp_path):
    made = export(classifier, tmp_path / "b", ("torchscript", "onnx"), images=2)
    opened = open_bundle(made.path)
    assert (opened.task, opened.names, opened.background) == ("classify", ("oil", "ship"), None)
    assert made.parities
    assert all(one.equal and one.raw_score < 1e-4 for one in made.parities)
    assert "says which classes an image holds" in (made.path / "MODEL.md").read_text()
    image = noise(32, 32)
    expected = open_model(classifier, device="cpu", engine="torch").predict([image])[0].presence
    answer = load_bundle(made.path, engine="onnx").answer(image)
    assert [one.score for one in answer.verdict.classes] == pytest.approx(expected, abs=1e-4)


def test_fewer_bits_are_refused_before_anything_is_written(classifier, tmp_path):
    with pytest.raises(UsageError, match="is for models with masks"):
        export(classifier, tmp_path / "b", ("onnx",), precision="fp16")
    assert not (tmp_path / "b").exists()
