import json
import subprocess
import sys
from types import SimpleNamespace

import cv2
import numpy as np
import pytest

import seepseg
from make import grey_image, write_image
from make_geotiff import write_geotiff
from seepseg.api import LoadedModel
from seepseg.errors import SourceError, UsageError
from seepseg.measures.thresholds import MAX_F1, Choice, PresenceChoice, Thresholds
from seepseg.predict.model_input import ModelInput
from seepseg.scaling import Rule
from seepseg.values import Detection, Prediction

NAMES = ("oil", "ship")
DECIBELS = Rule("db", (-35.0,), (0.0,), (1,), "dB")
CHOICES = (Choice(0.4), Choice(0.15))
STORED = Thresholds(
    NAMES, MAX_F1, "a1", "val", 9, CHOICES, tuple(PresenceChoice(one, None) for one in CHOICES),
    PresenceChoice(Choice(0.3), None),
)  # fmt: skip


class Opened(SimpleNamespace):
    """What the engine gives, without a network: it remembers what it was asked."""

    def __init__(self, *, rule=None, thresholds=None):
        super().__init__(
            names=NAMES,
            imgsz=64,
            sha256="ab",
            task="segment",
            notes=("engine: none",),
            thresholds=thresholds,
            input=ModelInput(rule),
            calls=[],
        )

    def predict(self, images, **settings):
        self.calls.append((list(images), settings))
        one = Detection(0, 0.9, (30, 30, 31, 31), np.ones((1, 1), np.uint8), 30, 30)
        return [Prediction(image.shape[1], image.shape[0], (one,), NAMES) for image in images]


def run_python(script):
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_importing_the_package_loads_nothing_heavy():
    heavy = "{'numpy', 'torch', 'cv2', 'ultralytics', 'rasterio', 'importlib.metadata'}"
    assert run_python(f"import sys, seepseg; print(seepseg.__version__, {heavy} & set(sys.modules))") == (
        f"{seepseg.__version__} set()"
    )


def test_what_is_public_can_be_imported_and_found():
    for name in seepseg.__all__:
        assert getattr(seepseg, name) is not None
        assert name in dir(seepseg)


def test_another_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="has no attribute 'load'"):
        _ = seepseg.load


def test_one_image_gives_its_prediction_and_a_list_gives_a_list():
    model = LoadedModel(Opened())
    image = np.zeros((20, 30, 3), np.uint8)
    assert model.predict(image).width == 30
    assert [one.height for one in model.predict([image, image[:7]])] == [20, 7]
    assert model.predict([]) == []


def test_of_files_a_batch_is_read_at_a_time(tmp_path):
    model = LoadedModel(Opened())
    images = [cv2.merge([grey_image(np.random.default_rng(seed), 9, 9)] * 3) for seed in range(5)]
    files = [str(write_image(tmp_path / f"größe {number}.png", image)) for number, image in enumerate(images)]
    assert len(model.predict(files, batch=2)) == 5
    shown = [image for some, _ in model.opened.calls for image in some]
    np.testing.assert_array_equal(shown, images)
    assert [len(some) for some, _ in model.opened.calls] == [2, 2, 1]


@pytest.mark.parametrize(
    ("stored", "asked", "limits"),
    [
        (STORED, None, (0.4, 0.15)),
        (STORED, 0.3, (0.3, 0.3)),
        (STORED, np.float32(0.5), (0.5, 0.5)),
        (STORED, (0.1, 0.7), (0.1, 0.7)),
        (STORED, {"ship": 0.2, "oil": 0.6}, (0.6, 0.2)),
        (None, None, (0.25, 0.25)),
    ],
)
def test_stored_thresholds_hold_unless_others_are_given(stored, asked, limits):
    model = LoadedModel(Opened(thresholds=stored))
    model.predict(np.zeros((9, 9), np.uint8), conf=asked)
    ((_, settings),) = model.opened.calls
    assert tuple(settings["conf"]) == limits


def test_the_notes_say_where_the_thresholds_are_from():
    stored, none = (LoadedModel(Opened(thresholds=one)).notes for one in (STORED, None))
    assert stored[0] == none[0] == "engine: none"
    assert len(stored) == 2
    assert "0.25" in none[1]


def test_values_in_decibels_are_shown_as_those_of_a_file_are(tmp_path):
    values = np.random.default_rng(0).uniform(-40, 5, (20, 30)).astype(np.float32)
    values[:3] = np.nan
    model = LoadedModel(Opened(rule=DECIBELS))
    shown = model.see(values)
    assert len(np.unique(shown)) > 50
    np.testing.assert_array_equal(shown, model.see(write_geotiff(tmp_path / "some.tif", values)))


def test_three_bands_are_shown_as_those_of_a_file_are(tmp_path):
    bands = np.random.default_rng(0).uniform(0, 3000, (3, 8, 9)).astype(np.float32)
    rule = Rule("percentile", (0.0, 10.0, 20.0), (2000.0, 2500.0, 3000.0), (1, 2, 3), "counts")
    model = LoadedModel(Opened(rule=rule))
    expected = model.see(write_geotiff(tmp_path / "some.tif", bands))
    np.testing.assert_array_equal(model.see(bands[::-1].transpose(1, 2, 0)), expected)


@pytest.mark.parametrize(
    ("rule", "image", "words"),
    [
        (None, np.zeros((9, 9), np.float32), "holds float32, and the model was trained on 8-bit images"),
        (None, np.zeros((9, 9, 4), np.uint8), r"shape \(9, 9, 4\) is no image"),
        (None, np.zeros((2, 9, 9, 3), np.uint8), "a list where several are meant"),
        (None, np.zeros((0, 9), np.uint8), r"shape \(0, 9\) is no image"),
        (DECIBELS, np.zeros((9, 9), np.complex64), "complex SAR"),
        (DECIBELS, np.zeros((9, 9, 3), np.float32), "the image has 3 bands, and the model was trained with 1"),
    ],
)
def test_an_array_that_is_no_picture_for_the_model_is_refused(rule, image, words):
    with pytest.raises(UsageError, match=words):
        LoadedModel(Opened(rule=rule)).predict(image)


def test_a_file_that_is_no_image_is_refused(tmp_path):
    (tmp_path / "some.png").write_bytes(b"")
    with pytest.raises(SourceError, match=r"some\.png"):
        LoadedModel(Opened()).predict(tmp_path / "some.png")


def test_a_scene_is_searched_and_written(tmp_path):
    values = np.full((100, 150), -10, np.float32)
    file = write_geotiff(tmp_path / "scene.tif", values)
    found = LoadedModel(Opened(rule=DECIBELS)).find(file, out=tmp_path / "out", save=("geojson", "masks"))
    assert found.tiles == 6
    assert len(found.objects) == 6
    assert "array(" not in repr(found)
    document = json.loads((tmp_path / "out" / "scene.geojson").read_text(encoding="utf-8"))
    assert len(document["features"]) == 6
    assert (tmp_path / "out" / "masks" / "scene.tif").is_file()


def test_of_a_scene_only_what_is_sure_enough_is_kept(tmp_path):
    file = write_geotiff(tmp_path / "scene.tif", np.full((64, 64), -10, np.float32))
    model = LoadedModel(Opened(rule=DECIBELS, thresholds=STORED))
    assert model.find(file).settings["confidence"] == [0.4, 0.15]
    assert model.find(file, conf=0.95).objects == ()


@pytest.mark.parametrize("apart", [False, True])
def test_classes_in_one_place_stay_apart_in_a_scene_if_asked_for(tmp_path, apart):
    file = write_geotiff(tmp_path / "scene.tif", np.full((64, 64), -10, np.float32))
    found = LoadedModel(Opened(rule=DECIBELS)).find(file, classes_apart=apart)
    assert found.settings["classes_apart"] == apart


def test_a_scene_is_searched_with_the_overlap_margin_and_hysteresis_that_are_given(tmp_path):
    file = write_geotiff(tmp_path / "scene.tif", np.full((64, 128), -10, np.float32))
    model = LoadedModel(Opened(rule=DECIBELS))
    found = model.find(file, overlap=16, margin=0.1, hysteresis=(0.8, 0.5, 0.2))
    assert (found.settings["overlap"], found.settings["margin"]) == (16, 0.1)
    assert found.settings["hysteresis"] == {"seed": 0.8, "outline": 0.5, "group": 0.2}
    assert [(list(asked["conf"]), asked["margin"]) for _, asked in model.opened.calls] == [([0.2, 0.2], 0.1)]
    assert found.objects
    assert model.find(file, hysteresis=(0.95, 0.5, 0.2)).objects == ()


def test_a_hysteresis_that_rises_is_refused(tmp_path):
    file = write_geotiff(tmp_path / "scene.tif", np.full((64, 64), -10, np.float32))
    with pytest.raises(UsageError, match=r"hysteresis 0\.1,0\.5,0\.2: give seed, outline and group"):
        LoadedModel(Opened(rule=DECIBELS)).find(file, hysteresis=(0.1, 0.5, 0.2))


def test_a_classifier_finds_nothing_in_scenes_and_says_so(tmp_path):
    opened = Opened()
    opened.task = "classify"
    scene = write_geotiff(tmp_path / "scene.tif", np.zeros((300, 300), np.uint8))
    with pytest.raises(UsageError, match=r"scene\.tif: is a scene, and this model says what a whole image holds"):
        LoadedModel(opened).find(scene)
