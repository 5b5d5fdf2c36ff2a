"""Two bright squares that wander; each image shows one, so that frames tell what a single image cannot."""

import json
from pathlib import Path

import numpy as np
import pytest

from baselines.conftest import QUICK, STILL, quick_request
from baselines.test_run import stop_after
from make import write_image
from make_dataset import write_dataset
from seepseg.baselines.earlier import fill_up, find_earlier, name_frame
from seepseg.baselines.loading import list_samples
from seepseg.baselines.run import train_baseline
from seepseg.baselines.sequence import SequenceTiles, in_sequence
from seepseg.baselines.settings import DEFAULTS
from seepseg.baselines.tiles import Tiles
from seepseg.baselines.weights import Facts, read_weights, write_weights
from seepseg.cli import main
from seepseg.errors import DatasetError
from seepseg.predict.engine import Model, open_model

NAME = "unet-convlstm"
SIZE, FRAMES = 32, 4


def square(sequence, frame):
    tile = np.zeros((SIZE, SIZE), np.uint8)
    tile[4 + 3 * frame : 14 + 3 * frame, 4 + 6 * sequence : 16 + 6 * sequence] = 1
    return tile


def write_frames(root: Path) -> Path:
    names = {(s, f): f"s{s}.{f:03d}.png" for s in range(2) for f in range(FRAMES)}
    maps = {name: square(*key) for key, name in names.items()}
    pixels = {name: np.array([60, 200], np.uint8)[tile] for name, tile in maps.items()}
    # The same names may stand in both splits, as each is seen from its own folder.
    return write_dataset(root, {"train": maps, "val": maps}, names=("oil",), pixels=pixels, imgsz=SIZE) / "data.yaml"


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    root = tmp_path_factory.mktemp("sequences")
    return train_baseline(quick_request(root, data=write_frames(root / "data"), name="a"), NAME, "mix")


@pytest.fixture(scope="module")
def model(torch, tmp_path_factory):
    from seepseg.baselines.architectures import build_network
    from seepseg.baselines.catalogue import find_entry

    file = tmp_path_factory.mktemp("weights") / "some.pt"
    torch.manual_seed(0)
    write_weights(file, Facts(NAME, "sequence", ("oil",), SIZE), build_network(find_entry(NAME), 1).state_dict())
    return open_model(file, device="cpu")


@pytest.mark.parametrize(
    ("stem", "told"), [("000001.000007", ("000001", 7)), ("a.b.3", ("a.b", 3)), ("tile_3", None), (".3", None)]
)
def test_a_frame_is_known_by_its_name(stem, told):
    assert name_frame(stem) == told


def test_earlier_frames_are_those_of_the_sequence_in_order_of_number(tmp_path):
    for name in ("a.9", "a.10", "a.11", "a.12", "b.3", "c"):
        (tmp_path / f"{name}.png").touch()
    for beside in ("a.8.npy", "a.8.txt"):
        (tmp_path / beside).touch()
    found = find_earlier([tmp_path / "a.12.png", tmp_path / "a.9.png", tmp_path / "c.png"], 2)
    assert [[file.stem for file in files] for files in found.values()] == [["a.10", "a.11"], [], []]


def test_too_few_frames_are_filled_up_with_the_first():
    assert fill_up([1, 2], 3, 4) == [1, 1, 2, 3]
    assert fill_up([], 3, 2) == [3, 3]
    assert fill_up([0, 1, 2], 3, 2) == [2, 3]


def test_a_tile_has_the_frames_before_it_and_the_truth_of_the_last(tmp_path):
    listed, _ = list_samples(write_frames(tmp_path))
    pixels, classes = in_sequence(Tiles(listed, 1, SIZE))[0, 6]
    assert np.array_equal(classes == 0, square(1, 2))
    assert all(
        np.array_equal(one[..., 0] > 100, square(1, frame)) for one, frame in zip(pixels, (0, 0, 1, 2), strict=True)
    )
    assert [np.array_equal(one[..., 0] > 100, square(1, 0)) for one in pixels] == [True, True, False, False]


def test_frames_are_moved_and_lit_alike(tmp_path):
    listed, _ = list_samples(write_frames(tmp_path))
    tiles = Tiles(listed, 1, SIZE, 3, DEFAULTS)
    still = SequenceTiles(tiles, 4, {listed[0].image: [listed[0].image] * 3})
    pixels, _ = still[0, 0]
    assert all(np.array_equal(one, pixels[0]) for one in pixels)
    assert np.array_equal(pixels[0], tiles[0, 0][0])


def test_frames_of_other_sizes_are_told(tmp_path):
    data = write_frames(tmp_path)
    write_image(tmp_path / "images" / "train" / "s0.000.png", np.zeros((40, SIZE), np.uint8))
    listed, _ = list_samples(data)
    with pytest.raises(DatasetError, match=r"s0\.000\.png: 32 × 40 pixels, but s0\.001\.png.* must be of one size"):
        in_sequence(Tiles(listed, 1, SIZE))[0, 1]


def test_an_image_alone_stands_for_all_frames(model):
    image = square(0, 1) * np.uint8(200)
    alone, repeated = model.predict([image], conf=0.01), model.predict([image], before=[[image] * 3], conf=0.01)
    assert np.array_equal(alone[0].class_map, repeated[0].class_map)
    assert model.frames == 4


def test_what_lies_before_an_image_counts(model):
    image, other = square(0, 1) * np.uint8(200), square(1, 3) * np.uint8(255)
    outputs = [next(iter(model.run([image], before)))[1][0] for before in (None, [[other] * 3])]
    assert np.abs(outputs[0] - outputs[1]).max() > 1e-3


@pytest.mark.slow
def test_a_stopped_training_goes_on_as_if_it_had_not_been_stopped(run, tmp_path, monkeypatch):
    request = quick_request(tmp_path, data=write_frames(tmp_path / "data"), name="b")
    with monkeypatch.context() as patched:
        stop_after(patched, 2)
        with pytest.raises(KeyboardInterrupt):
            train_baseline(request, NAME, "mix")
    assert main(["train", "--resume", str(tmp_path / "runs" / "b")]) == 0
    ours, theirs = (read_weights(one / "weights" / "last.pt")[1]["state"] for one in (tmp_path / "runs" / "b", run))
    assert all(ours[key].equal(theirs[key]) for key in theirs)


@pytest.fixture
def handed_on(monkeypatch):
    """How many earlier frames each image came with."""
    seen = []
    whole = Model.predict

    def watch(self, images, **asked):
        seen.extend(len(some) for some in asked["before"])
        return whole(self, images, **asked)

    monkeypatch.setattr(Model, "predict", watch)
    return seen


@pytest.mark.slow
def test_evaluation_hands_on_what_lies_before(run, tmp_path, handed_on):
    data = str(run.parent.parent / "data" / "data.yaml")
    assert main(["eval", str(run), data, "--split", "val", "--out", str(tmp_path / "out"), "--no-report"]) == 0
    assert handed_on[: 2 * FRAMES] == [0, 1, 2, 3] * 2
    assert json.loads((tmp_path / "out" / "metrics.json").read_text())["pixels"]["miou"] is not None


@pytest.mark.slow
def test_images_are_predicted_alone_and_the_user_is_told(run, tmp_path, capsys):
    source = run.parent.parent / "data" / "images" / "val"
    assert main(["predict", str(run), str(source), "--out", str(tmp_path / "out"), "--device", "cpu"]) == 0
    assert "looks at 4 frames of a sequence" in capsys.readouterr().out


def test_frames_of_a_film_come_with_those_before_them_of_their_sequence():
    from seepseg.video.frames import Frame
    from seepseg.video.run import _before

    stems = ["a.1", "a.2", "b.1", "b.2", "b.3"]
    frames = [Frame(index, 0.0, np.full((1, 1), index, np.uint8), stem, stem) for index, stem in enumerate(stems)]
    told = [[int(one[0, 0]) for one in _before(frames[:place], frame, 2)] for place, frame in enumerate(frames)]
    assert told == [[], [0], [], [2], [2, 3]]


@pytest.mark.slow
def test_a_folder_of_frames_comes_with_those_before_them(run, tmp_path, handed_on):
    source, out = run.parent.parent / "data" / "images" / "val", tmp_path / "out"
    words = ["--frames", "--save", "masks", "--device", "cpu", "--batch", "3"]
    assert main(["predict", str(run), str(source), "--out", str(out), *words]) == 0
    assert handed_on == [0, 1, 2, 3] * 2
    assert len(list(out.rglob("*.png"))) == 2 * FRAMES


@pytest.mark.slow
@pytest.mark.exhaustive
@pytest.mark.parametrize("name", [NAME, "unet-frame"])
def test_it_learns_two_short_sequences(torch, tmp_path, name):
    from seepseg.baselines import semantic, sequence
    from seepseg.baselines.architectures import build_network
    from seepseg.baselines.catalogue import find_entry
    from seepseg.baselines.losses import SemanticLoss
    from seepseg.baselines.settings import complete
    from seepseg.baselines.training import start_state, train_epoch, validate

    data, entry, device = write_frames(tmp_path), find_entry(name), torch.device("cpu")
    settings = complete({**QUICK, **STILL, "epochs": 60, "lr0": 0.002})
    torch.manual_seed(0)
    model = build_network(entry, 1)
    for module in model.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            module.momentum = 0.5  # a dozen steps have to make its averages
    state = start_state(model, settings, device)
    job = (sequence if entry.kind == "sequence" else semantic).make_job(data, settings, SemanticLoss("mix"), device)

    def improve():
        for _ in range(3):
            train_epoch(state, job, settings)
        return validate(state, job)["metrics/mIoU"]

    assert any(improve() >= 0.95 for _ in range(20))
