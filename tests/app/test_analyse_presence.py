"""The page Analyse with a model that says what an image holds, and nothing of where."""

import numpy as np
import pytest
from PIL import Image
from streamlit.testing.v1 import AppTest

from app.test_analyse_page import PATIENCE, SCRIPT, blobs, hand_in, panel
from seepseg import ultralytics_home
from seepseg.app.settings import ROOT


@pytest.fixture(scope="module")
def classifier_root(tmp_path_factory):
    ultralytics_home.prepare()
    import torch

    from seepseg.baselines.architectures import build_network
    from seepseg.baselines.catalogue import find_entry
    from seepseg.baselines.weights import Facts, write_weights

    root = tmp_path_factory.mktemp("page")
    torch.manual_seed(0)
    facts = Facts("large-kernels", "classify", ("oil", "ship"), 64)
    write_weights(root / "runs/sos/weights/best.pt", facts, build_network(find_entry("large-kernels"), 2).state_dict())
    return root


@pytest.fixture
def page(classifier_root, monkeypatch):
    monkeypatch.setenv(ROOT, str(classifier_root))
    return AppTest.from_string(SCRIPT, default_timeout=PATIENCE).run()


def test_the_verdict_and_a_bar_for_each_class_are_shown(page):
    shown = panel(hand_in(page, ("a.png", blobs())))
    assert "it does not say where" in shown
    assert "No outline is sure enough" not in shown


def test_no_masks_are_offered(page):
    hand_in(page, ("a.png", blobs()))
    assert not page.get("download_button")
    assert [one.label for one in page.expander] == ["How this came about"]


def test_a_scene_is_refused_with_a_sentence(page, tmp_path):
    Image.fromarray(np.zeros((64, 800), np.uint8)).save(tmp_path / "wide.png")
    page.file_uploader[0].set_value([("wide.png", (tmp_path / "wide.png").read_bytes(), "image/png")]).run()
    assert not page.exception
    assert any("give it tiles of it" in one.value for one in [*page.error, *page.warning])
