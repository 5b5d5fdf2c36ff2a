"""The whole way of a visitor, in a real browser on a real server."""

import json
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import rasterio
from pyproj import Transformer
from shapely import box, transform
from shapely.geometry import shape

from app.conftest import zip_of
from predict.conftest import picture

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

pytestmark = pytest.mark.slow
SIDE = 64
PLACE = rasterio.Affine(10, 0, 5e5, 0, -10, 6e6)
PATIENCE_MS = 60_000
INPUT = "[data-testid=stFileUploaderDropzoneInput]"


@pytest.fixture
def tile(tmp_path: Path) -> Path:
    """A georeferenced one, in which the untrained network finds things of all confidences."""
    file = tmp_path / "tile.tif"
    profile = {"driver": "GTiff", "width": SIDE, "height": SIDE, "count": 1, "dtype": "uint8"}
    with rasterio.open(file, "w", crs="EPSG:32631", transform=PLACE, **profile) as dataset:
        dataset.write(picture(SIDE, SIDE, seed=1)[..., 0], 1)
    return file


def hand_in(page: "Page", *files: "Path | dict[str, Any]") -> None:
    page.locator(INPUT).wait_for(state="attached")
    page.set_input_files(INPUT, list(files))  # type: ignore[arg-type]


def download(page: "Page", label: str, folder: Path) -> Path:
    with page.expect_download(timeout=PATIENCE_MS // 4) as waiting:
        page.get_by_role("button", name=label, exact=True).click()
    target = folder / waiting.value.suggested_filename
    waiting.value.save_as(target)
    return target


def test_a_tile_goes_in_and_its_outlines_come_out(browser_page: "Page", tile: Path, tmp_path: Path) -> None:
    from playwright.sync_api import expect

    page = browser_page
    hand_in(page, tile)
    verdict = page.get_by_role("heading", name=re.compile("potential", re.IGNORECASE))
    verdict.wait_for()
    assert "yes" in verdict.inner_text()

    before = json.loads(download(page, "GeoJSON", tmp_path).read_text())
    said = page.locator(".verdict").text_content() or ""
    slider = page.get_by_test_id("stSlider").filter(has_text="Confidence").get_by_role("slider")
    slider.press("End")
    expect(page.locator(".verdict")).not_to_have_text(said, timeout=PATIENCE_MS)
    after = json.loads(download(page, "GeoJSON", tmp_path).read_text())

    assert before["type"] == "FeatureCollection"
    assert len(before["features"]) > len(after["features"])
    to_metres = Transformer.from_crs(4326, 32631, always_xy=True)
    for feature in before["features"]:
        footprint = transform(shape(feature["geometry"]), to_metres.transform, interleaved=False)
        assert box(5e5, 6e6 - 10 * SIDE, 5e5 + 10 * SIDE, 6e6).buffer(1).contains(footprint)


def test_no_click_on_a_download_is_lost_while_an_answer_is_drawn(
    browser_page: "Page", tile: Path, tmp_path: Path
) -> None:
    page = browser_page
    other = tile.with_name("other.tif")
    other.write_bytes(tile.read_bytes())
    hand_in(page, other)
    page.locator(".verdict").wait_for()
    hand_in(page, tile)
    page.get_by_label("Look at one of 2").wait_for()
    slider = page.get_by_test_id("stSlider").filter(has_text="Confidence").get_by_role("slider")
    for wait in (0, 60, 120, 250):
        slider.press("ArrowRight")
        page.wait_for_timeout(wait)
        assert download(page, "GeoJSON", tmp_path).name == "tile.geojson"


def test_hostile_files_get_a_sentence_each_and_the_page_lives(browser_page: "Page", tile: Path) -> None:
    page = browser_page
    bad = {
        "escape.zip": zip_of({"../a.png": b"x"}),
        "bomb.zip": zip_of({"a.png": bytes(80 << 20)}),
        "program.png": b"MZ\x90\0",
        "huge.png": b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR" + (40_000).to_bytes(4, "big") * 2 + bytes(9),
    }
    hand_in(page, *({"name": name, "mimeType": "image/png", "buffer": data} for name, data in bad.items()))
    for words in ("leads out of the folder", "grows more than", "Windows program", "40,000 × 40,000"):
        page.get_by_text(words).wait_for()
    hand_in(page, tile)
    page.get_by_role("heading", name=re.compile("potential", re.IGNORECASE)).wait_for()
    assert page.get_by_text("Traceback").count() == 0


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_no_page_is_wider_than_the_window(browser: "Browser", server: str, scheme: Any) -> None:
    context = browser.new_context(color_scheme=scheme)
    page = context.new_page()
    for name in ("analyse", "batch", "data", "training", "models"):
        page.goto(server if name == "analyse" else f"{server}/{name}")
        page.locator("h1").wait_for()
        for width in (1280, 400):
            page.set_viewport_size({"width": width, "height": 800})
            page.wait_for_timeout(400)
            assert page.evaluate("document.scrollingElement.scrollWidth") <= width, name
            main = page.get_by_test_id("stMain")
            assert main.evaluate("area => area.scrollWidth - area.clientWidth") <= 0, name
    context.close()


def test_the_page_calls_nobody_but_its_own_server(browser: "Browser", server: str) -> None:
    context = browser.new_context()
    page = context.new_page()
    called: list[str] = []
    page.on("request", lambda request: called.append(request.url))
    page.goto(server)
    page.locator("h1").wait_for()
    page.wait_for_timeout(500)
    assert called
    assert [url for url in called if not url.startswith((server, "data:", "blob:"))] == []
    context.close()


def test_the_pages_can_be_reached_by_keyboard(browser_page: "Page") -> None:
    page = browser_page
    page.locator("h1").wait_for()
    for _ in range(12):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.textContent").strip().endswith("Models"):
            break
    page.keyboard.press("Enter")
    page.get_by_role("heading", name="Models", exact=True).wait_for()
