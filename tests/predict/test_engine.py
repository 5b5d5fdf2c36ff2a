import hashlib
import json
import shutil

import numpy as np
import pytest

from predict.conftest import picture
from seepseg.errors import UsageError
from seepseg.predict import engine
from seepseg.predict.engine import open_model
from seepseg.predict.network import take_background

SHAPES = [(64, 64), (40, 40), (53, 82), (200, 150), (1, 1), (20, 3000)]


def full_size(prediction, detection):
    whole = np.zeros((prediction.height, prediction.width), np.uint8)
    height, width = detection.mask.shape
    whole[detection.y : detection.y + height, detection.x : detection.x + width] = detection.mask
    return whole


def ultralytics_predictor(file, conf):
    """Its predict on one image, at our letterbox and with masks of the image's own size."""
    from ultralytics import YOLO

    settings = {"imgsz": 64, "conf": conf, "iou": 0.7, "max_det": 300, "rect": False, "retina_masks": True}
    model = YOLO(file)
    return lambda image: model.predict(image, verbose=False, save=False, device="cpu", **settings)[0]


@pytest.mark.parametrize(("architecture", "conf"), [("yolov8n-seg", 0.001), ("yolo26n-seg", 0.25)])
def test_detections_are_those_of_ultralytics(weights, architecture, conf):
    file = weights(architecture)
    predict = ultralytics_predictor(file, conf)
    model = open_model(file, device="cpu")
    total = 0
    for shape in SHAPES:
        image = picture(*shape)
        found = model.predict([image], conf=conf, margin=0)[0]
        expected = predict(image)
        # Its predictor leaves out what has no pixel; ours says that nothing was seen there.
        seen = [one for one in found.detections if one.mask.size]
        assert len(seen) == len(expected.boxes)
        total += len(seen)
        if not seen:
            continue
        np.testing.assert_allclose([one.box for one in seen], expected.boxes.xyxy.numpy(), atol=0.01)
        np.testing.assert_allclose([one.score for one in seen], expected.boxes.conf.numpy(), atol=1e-5)
        assert [one.class_id for one in seen] == expected.boxes.cls.tolist()
        for one, mask in zip(seen, expected.masks.data.numpy() > 0, strict=True):
            ours = full_size(found, one) > 0
            assert (ours & mask).sum() >= 0.99 * (ours | mask).sum()
    assert total > 30


@pytest.mark.parametrize("classes", [1, 4])
def test_class_maps_are_those_of_ultralytics(weights, classes):
    file = weights("yolo26n-sem", classes)
    predict = ultralytics_predictor(file, 0.25)
    model = open_model(file, device="cpu")
    for shape in SHAPES:
        found = model.predict([picture(*shape)], conf=0.0)[0]
        ours = np.zeros(shape, np.int64)
        for one in found.detections:
            ours += full_size(found, one).astype(np.int64) * (one.class_id + 1)
        theirs = np.asarray(predict(picture(*shape)).semantic_mask.data).reshape(shape)
        assert (ours == (theirs if classes == 1 else theirs.astype(np.int64) + 1)).mean() > 0.999


def test_images_of_many_sizes_in_batches_are_as_one_by_one(weights):
    model = open_model(weights("yolov8n-seg"), device="cpu")
    images = [picture(*shape) for shape in SHAPES]
    together = model.predict(images, batch=3)
    for image, found in zip(images, together, strict=True):
        (alone,) = model.predict([image])
        assert (found.width, found.height) == image.shape[1::-1]
        assert len(found.detections) == len(alone.detections)
        boxes = [[one.box for one in some.detections] for some in (found, alone)]
        np.testing.assert_allclose(*boxes, atol=0.01)


def test_a_grey_image_is_as_one_of_three_equal_channels(weights):
    model = open_model(weights("yolov8n-seg"), device="cpu")
    grey = picture(70, 90)[..., 0]
    one, three = model.predict([grey, np.repeat(grey[..., None], 3, axis=2)])
    assert [each.box for each in one.detections] == [each.box for each in three.detections]


def test_no_images_are_no_predictions(weights):
    assert open_model(weights("yolov8n-seg")).predict([]) == []


def test_a_model_says_what_it_is_and_how_fast(weights):
    model = open_model(weights("yolov8n-seg"), device="cpu")
    assert (model.names, model.task, model.imgsz) == (("class0", "class1", "class2"), "segment", 64)
    assert (model.engine, model.device, model.path) == ("torch", "cpu", weights("yolov8n-seg"))
    assert set(model.speed_ms.values()) == {0.0}
    model.predict([picture(96, 96)])
    assert set(model.speed_ms) == {"preprocess", "inference", "postprocess"}
    assert min(model.speed_ms.values()) > 0


def test_the_background_of_a_semantic_model_is_no_class(torch, weights, tmp_path):
    checkpoint = torch.load(weights("yolo26n-sem", 4), weights_only=False)
    checkpoint["model"].names = {0: "oil", 1: "ship", 2: "weed", 3: "background"}
    torch.save(checkpoint, tmp_path / "some.pt")
    model = open_model(tmp_path / "some.pt", device="cpu")
    assert model.names == ("oil", "ship", "weed")
    everything = open_model(weights("yolo26n-sem", 4), device="cpu").predict([picture(96, 96)], conf=0.0)[0].detections
    expected = [one.box for one in everything if one.class_id < 3]
    assert [one.box for one in model.predict([picture(96, 96)], conf=0.0)[0].detections] == expected


def test_of_two_backgrounds_the_last_is_no_class():
    names = ["oil", "background", "ship", "background"]
    assert take_background("semantic", names) == 3
    assert names == ["oil", "background", "ship"]


def run_folder(weights, folder, *names):
    (folder / "weights").mkdir()
    for name in names:
        shutil.copy(weights("yolov8n-seg"), folder / "weights" / name)
    return folder


def sha256(file):
    return hashlib.sha256(file.read_bytes()).hexdigest()


def test_a_run_folder_stands_for_its_best_weights(weights, tmp_path):
    model = open_model(run_folder(weights, tmp_path, "best.pt", "last.pt"))
    assert (model.path.name, model.sha256) == ("best.pt", sha256(model.path))


def test_the_last_weights_serve_where_the_best_are_missing_and_it_says_so(weights, tmp_path):
    model = open_model(run_folder(weights, tmp_path, "last.pt"))
    assert model.path.name == "last.pt"
    assert "best.pt is missing" in model.notes[0]


@pytest.mark.parametrize("inside", ["", "weights/best.pt"])
def test_the_image_size_of_the_run_holds_and_yours_before_it(weights, tmp_path, inside):
    run_folder(weights, tmp_path, "best.pt")
    (tmp_path / "input.json").write_text(json.dumps({"imgsz": 160}))
    assert open_model(tmp_path / inside).imgsz == 160
    assert open_model(tmp_path / inside, imgsz=96).imgsz == 96


def test_without_a_word_on_its_size_a_model_runs_at_640_and_says_so(torch, weights, tmp_path):
    checkpoint = torch.load(weights("yolov8n-seg"), weights_only=False)
    torch.save({"model": checkpoint["model"]}, tmp_path / "some.pt")
    model = open_model(tmp_path / "some.pt")
    assert model.imgsz == 640
    assert "640 is used" in model.notes[0]


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"imgsz": 100}, "imgsz 100 is not a multiple of 32, as the network needs; give 128"),
        ({"device": "cuda:99"}, "device 'cuda:99' cannot be used here"),
        ({"device": "toaster"}, "device 'toaster' cannot be used here"),
        ({"engine": "tensorrt"}, "engine 'tensorrt' is unknown; give auto, openvino, onnx"),
        ({"engine": "onnx"}, "has no model for engine onnx, only for torch; make one: seepseg export"),
    ],
)
def test_settings_that_cannot_be_are_refused(weights, settings, words):
    with pytest.raises(UsageError, match=words):
        open_model(weights("yolov8n-seg"), **settings)


def test_a_model_for_boxes_alone_is_refused(weights):
    with pytest.raises(UsageError, match="a model for the task detect, which gives no masks"):
        open_model(weights("yolov8n"))


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("none.pt", None, "no such file"),
        ("model.tflite", b"lite", "not a model; give a run folder, a .pt"),
        ("model.onnx", b"onnx", "not a model that ONNX Runtime can load"),
        ("model.torchscript", b"script", "not a TorchScript model"),
        ("model.xml", b"<net/>", r"model\.bin: no such file; it belongs to model\.xml"),
        ("model.zip", b"PK", "not a bundle|cannot be|can be read"),
        ("empty.pt", b"", "not a model that Ultralytics can load"),
        ("text.pt", b"hello", "not a model that Ultralytics can load"),
        ("zip.pt", b"PK\x03\x04" + bytes(50), "not a model that Ultralytics can load"),
    ],
)
def test_a_file_that_is_no_model_is_refused(tmp_path, name, content, words):
    if content is not None:
        (tmp_path / name).write_bytes(content)
    with pytest.raises(UsageError, match=words):
        open_model(tmp_path / name, device="cpu")


def test_weights_that_are_cut_off_are_refused(weights, tmp_path):
    content = weights("yolov8n-seg").read_bytes()
    (tmp_path / "half.pt").write_bytes(content[: len(content) // 2])
    with pytest.raises(UsageError, match=r"half\.pt: not a model that Ultralytics can load"):
        open_model(tmp_path / "half.pt")


def test_a_checkpoint_without_a_model_is_refused(torch, tmp_path):
    torch.save({"weights": torch.zeros(3)}, tmp_path / "other.pt")
    with pytest.raises(UsageError, match="not a model that Ultralytics can load"):
        open_model(tmp_path / "other.pt")


def test_a_folder_without_weights_is_refused(tmp_path):
    with pytest.raises(UsageError, match=r"no weights/best\.pt in it"):
        open_model(tmp_path)


def test_an_input_json_that_does_not_say_the_size_is_refused(weights, tmp_path):
    run_folder(weights, tmp_path, "best.pt")
    (tmp_path / "input.json").write_text("{}")
    with pytest.raises(UsageError, match=r"input\.json: does not say the image size"):
        open_model(tmp_path)


def test_more_threads_or_fewer_are_taken(torch, weights):
    open_model(weights("yolov8n-seg"), threads=2)
    assert torch.get_num_threads() == 2
    open_model(weights("yolov8n-seg"), threads=1)
    assert torch.get_num_threads() == 1


def test_the_resizing_of_the_engine_is_that_of_the_edge():
    from seepseg.predict.resize import resize_bilinear

    image = picture(77, 99)
    np.testing.assert_array_equal(engine._resize(image, 61, 50), resize_bilinear(image, 61, 50))
