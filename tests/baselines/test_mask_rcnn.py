import json
import subprocess
import sys

import numpy as np
import pytest

from baselines.conftest import QUICK, STILL, bright_dataset, noise, quick_request
from baselines.test_run import rows_of, stop_after
from seepseg.baselines.run import train_baseline
from seepseg.baselines.stages import course_stages, stage_at, write_stages
from seepseg.baselines.weights import Facts, read_weights, write_weights
from seepseg.cli import main
from seepseg.edge.export import export
from seepseg.errors import MissingExtra, UsageError
from seepseg.predict.engine import open_model
from seepseg.train.plan import Request
from seepseg.train.record import read_record

NAME, LARGER = "maskrcnn-resnet18", "maskrcnn-resnet50"
SMALL = {"imgsz": 32, "batch": 4, "epochs": 3}


def test_the_stages_of_the_course_are_as_long_together_as_asked():
    told = write_stages(course_stages(42, 2e-4, trained=True))
    assert told == "head:6@0.0002,all:12@0.0001,all:24@2e-05"
    assert [sum(one.epochs for one in course_stages(epochs, 1e-3, trained=True)) for epochs in (1, 5, 100)] == [
        1,
        5,
        100,
    ]
    assert {one.part for one in course_stages(42, 2e-4, trained=False)} == {"all"}


def test_an_epoch_finds_its_stage():
    stages = "head:1@1e-3,all:2@1e-4"
    assert [stage_at(epoch, stages).part for epoch in range(5)] == ["head", "all", "all", "all", "all"]


@pytest.fixture(scope="module")
def network(torch):
    from seepseg.baselines.architectures import build_network
    from seepseg.baselines.catalogue import find_entry

    torch.manual_seed(0)
    return build_network(find_entry(NAME), 2).eval()


def target(torch, *boxes):
    masks = torch.zeros(len(boxes), 64, 64, dtype=torch.uint8)
    for mask, (left, top, right, bottom) in zip(masks, boxes, strict=True):
        mask[top:bottom, left:right] = 1
    labels = torch.arange(1, len(boxes) + 1)
    return {"boxes": torch.tensor(boxes, dtype=torch.float32).view(-1, 4), "labels": labels, "masks": masks}


def test_an_image_without_objects_has_a_loss(torch, network):
    network.train()
    try:
        loss = network.losses(torch.rand(2, 3, 64, 64), [target(torch), target(torch)], None)
    finally:
        network.eval()
    assert loss.isfinite()


def test_losses_are_those_of_torchvision(torch, network):
    from torchvision.models.detection.image_list import ImageList

    images, targets = torch.rand(2, 3, 64, 64), [target(torch, (4, 4, 30, 20), (30, 30, 60, 50)), target(torch)]
    network.train()
    try:
        torch.manual_seed(3)
        ours = network.losses(images, targets, torch.ones(3))
        pixels = (images - network.mean) / network.spread
        torch.manual_seed(3)
        listed, sizes = ImageList(pixels, [(64, 64)] * 2), [(64, 64)] * 2
        features = network.backbone(pixels)
        proposals, first = network.rpn(listed, features, targets)
        _, second = network.heads(features, proposals, sizes, targets)
    finally:
        network.eval()
    theirs = sum(first.values()) + sum(second.values())
    assert ours.item() == pytest.approx(theirs.item(), rel=1e-4)


def test_weights_change_what_classes_cost(torch, network):
    images, targets = torch.rand(1, 3, 64, 64), [target(torch, (4, 4, 30, 20))]
    network.train()
    try:
        losses = []
        for weights in (None, torch.tensor([1.0, 50.0, 1.0])):
            torch.manual_seed(0)
            losses.append(network.losses(images, targets, weights).item())
    finally:
        network.eval()
    assert losses[0] != pytest.approx(losses[1], rel=1e-3)


def test_instances_move_as_their_image_does(tmp_path):
    from seepseg.baselines.loading import list_samples
    from seepseg.baselines.segment import InstanceTiles
    from seepseg.baselines.settings import DEFAULTS
    from seepseg.baselines.tiles import Tiles

    listed, _ = list_samples(bright_dataset(tmp_path, count=1, size=64))
    _, classes, objects = InstanceTiles(Tiles(listed, 2, 64, 5, DEFAULTS))[2, 0]
    painted = np.where(classes < 0, -100, 2)
    for class_id, bitmap in objects:
        painted[(bitmap > 0) & (classes >= 0)] = class_id
    assert len(objects) == 2
    assert np.array_equal(painted, classes)


def test_losses_of_its_own_take_no_other(tmp_path):
    with pytest.raises(UsageError, match="--loss dice: maskrcnn-resnet18 has losses of its own"):
        train_baseline(quick_request(tmp_path, name="a"), NAME, "dice")


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    root = tmp_path_factory.mktemp("trained")
    place = ["--project", str(root / "runs"), "--name", "a", "--weights", "scratch", "--class-weights", "ship=2"]
    settings = [f"{key}={value}" for key, value in (QUICK | SMALL).items()]
    assert main(["train", str(bright_dataset(root / "data")), "--baseline", NAME, *place, *settings]) == 0
    return root / "runs" / "a"


@pytest.mark.slow
def test_a_run_is_like_any_other(run):
    rows, record = rows_of(run), read_record(run)
    assert (record["status"], record["baseline"], record["loss"], record["best"]) == (
        "finished",
        NAME,
        "own",
        "val_loss",
    )
    assert float(rows[-1]["val/mask_loss"]) < float(rows[0]["val/mask_loss"])
    assert "stages: all:1@0.0001,all:2@2e-05" in (run / "args.yaml").read_text()
    assert [float(row["lr/pg0"]) for row in rows] == [pytest.approx(1e-4), *[pytest.approx(2e-5)] * 2]
    assert open_model(run, device="cpu").task == "segment"


@pytest.mark.slow
def test_a_stopped_training_goes_on_as_if_it_had_not_been_stopped(run, tmp_path, monkeypatch):
    request = quick_request(tmp_path, name="b", settings=SMALL, balance={"weights": "ship=2"})
    with monkeypatch.context() as patched:
        stop_after(patched, 2)
        with pytest.raises(KeyboardInterrupt):
            train_baseline(request, NAME, "mix")
    assert main(["train", "--resume", str(tmp_path / "runs" / "b")]) == 0
    ours, theirs = (read_weights(one / "weights" / "last.pt")[1]["state"] for one in (tmp_path / "runs" / "b", run))
    assert all(ours[key].equal(theirs[key]) for key in theirs)


@pytest.mark.slow
def test_a_stage_of_the_head_leaves_the_body_of_the_backbone(torch, tmp_path):
    settings = {key: value for key, value in QUICK.items() if key != "epochs"} | {"imgsz": 32}
    asked = {"settings": settings, "weights": "scratch", "extra": {"stages": "head:1@1e-3"}}
    request = Request(data=bright_dataset(tmp_path / "data"), project=tmp_path, name="a", **asked)
    state = read_weights(train_baseline(request, NAME, "mix") / "weights" / "last.pt")[1]["state"]
    from seepseg.baselines.architectures import build_network
    from seepseg.baselines.catalogue import find_entry

    torch.manual_seed(0)
    fresh = build_network(find_entry(NAME), 2).state_dict()
    same = {part_of(key) for key in fresh if key.endswith("weight") and fresh[key].equal(state[key])}
    other = {part_of(key) for key in fresh if key.endswith("weight") and not fresh[key].equal(state[key])}
    assert same == {"backbone.body"}
    assert other == {"backbone.fpn", "rpn", "heads"}


def part_of(key):
    first, second, *_ = key.split(".")
    return f"{first}.{second}" if first == "backbone" else first


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("engine", ["torchscript", "onnx", "openvino"])
def test_an_export_predicts_what_the_weights_predict(network, tmp_path, engine):
    assert_same_after_export(network, NAME, tmp_path, engine)


@pytest.fixture(scope="module")
def larger(torch):
    """Random weights, its norms fitted to two images: without that, what it says of a pixel grows layer by layer."""
    from seepseg.baselines.architectures import build_network
    from seepseg.baselines.catalogue import find_entry

    torch.manual_seed(0)
    model = build_network(find_entry(LARGER), 2).train()
    for module in model.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            module.momentum = 1.0
    images = torch.from_numpy(np.stack([noise(64, 64, seed) for seed in range(2)])).permute(0, 3, 1, 2) / 255
    with torch.no_grad():
        assert model.losses(images, [target(torch, (4, 4, 30, 20), (30, 30, 60, 50))] * 2, None).isfinite()
    return model.eval()


@pytest.mark.slow
def test_the_larger_network_gives_rows_and_masks(torch, larger):
    with torch.inference_mode():
        rows, masks = larger(torch.rand(2, 3, 64, 96))
    assert rows.shape == (2, masks.shape[1], 6)
    assert masks.shape[2:] == (28, 28)


@pytest.mark.slow
@pytest.mark.exhaustive
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("engine", ["torchscript", "onnx", "openvino"])
def test_an_export_of_the_larger_network_predicts_what_the_weights_predict(larger, tmp_path, engine):
    assert_same_after_export(larger, LARGER, tmp_path, engine)


def test_openvino_without_onnx_names_the_extra(torch, monkeypatch):
    from seepseg.baselines.export import _by_onnx

    monkeypatch.setattr("seepseg.baselines.export.find_spec", lambda name: None)
    with pytest.raises(MissingExtra, match=r"by way of ONNX, needs the package onnx.*seepseg\[onnx\]"):
        _by_onnx(None, torch.nn.Identity(), torch.zeros(1), {})


def assert_same_after_export(network, name, tmp_path, engine):
    from seepseg.baselines.export import export_baseline
    from seepseg.edge.bundle import MODELS

    weights = tmp_path / "some.pt"
    write_weights(weights, Facts(name, "segment", ("oil", "ship"), 64), network.state_dict())
    export_baseline(weights, engine, tmp_path, imgsz=64, dynamic=False)
    expected, found = (
        open_model(path, engine=one, device="cpu").predict([noise(50, 70)], conf=0.2)[0]
        for path, one in ((weights, "torch"), (tmp_path / MODELS[engine][0], engine))
    )
    assert len(expected) == len(found) > 5
    assert np.abs(expected.scores - found.scores).max() < 1e-3
    assert np.mean(expected.class_map != found.class_map) < 1e-2


@pytest.mark.slow
def test_it_is_evaluated_and_predicts_by_command(run, tmp_path):
    data = run.parents[1] / "data" / "data.yaml"
    limits = ["--device", "cpu", "--replicates", "100", "--no-report", "--out", str(tmp_path / "eval")]
    assert main(["eval", str(run), str(data), "--split", "val", *limits]) == 0
    figures = json.loads((tmp_path / "eval" / "metrics.json").read_text())
    assert figures["mask"]["map50"] is not None
    assert figures["pixels"]["miou"] is not None
    images = data.parent / "images" / "val"
    assert main(["predict", str(run), str(images), "--conf", "0.01", "--out", str(tmp_path / "found")]) == 0
    found = json.loads((tmp_path / "found" / "coco.json").read_text())
    assert len(found["images"]) == len(list(images.iterdir()))
    assert found["annotations"]


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
def test_a_bundle_is_held_against_the_weights(run, tmp_path):
    made = export(run, tmp_path / "b", ("torchscript",), images=2)
    assert made.parities
    assert all(one.equal and one.raw is None for one in made.parities)
    # Its operators are torchvision's, which is loaded here already.
    fresh = f"from seepseg.edge.runtime import load_bundle; print(load_bundle({str(tmp_path / 'b')!r}).engine)"
    done = subprocess.run([sys.executable, "-c", fresh], capture_output=True, text=True)
    assert (done.stdout.strip(), done.returncode) == ("torchscript", 0), done.stderr


@pytest.mark.slow
def test_confidence_and_number_are_respected(run):
    model = open_model(run, device="cpu")
    image = noise(64, 64)
    scores = model.predict([image], conf=0.01)[0].scores
    assert len(model.predict([image], conf=0.01, max_det=2)[0]) == min(2, len(scores))
    middle = float(np.median(scores))
    assert len(model.predict([image], conf=middle)[0]) == np.sum(scores > np.float32(middle))


@pytest.mark.slow
@pytest.mark.exhaustive
@pytest.mark.parametrize("name", [NAME, LARGER])
def test_it_learns_eight_images(torch, tmp_path, name):
    from seepseg.baselines.architectures import build_network
    from seepseg.baselines.catalogue import find_entry
    from seepseg.baselines.segment import ClassWeights, make_job
    from seepseg.baselines.settings import complete
    from seepseg.baselines.training import start_state, train_epoch, validate

    data = bright_dataset(tmp_path, size=64)
    settings = complete({**QUICK, **STILL, "imgsz": 64, "batch": 4, "epochs": 150})
    settings |= {"stages": "all:60@1e-3,all:90@3e-4"}  # for the larger one, more than a hundred steps
    torch.manual_seed(0)
    model = build_network(find_entry(name), 2)
    for module in model.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            module.momentum = 0.5  # a dozen steps have to make its averages
    model.heads.fg_bg_sampler.batch_size_per_image = 32  # for one or two objects an image, and a quarter of the time
    state = start_state(model, settings, torch.device("cpu"))
    job = make_job(data, settings, ClassWeights(), torch.device("cpu"))

    def improve():
        for _ in range(5):
            train_epoch(state, job, settings)
        return validate(state, job)["metrics/mIoU"]

    assert any(improve() >= 0.95 for _ in range(30))
