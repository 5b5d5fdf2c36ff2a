"""The page as its visitors meet it: a real server, a real browser."""

import io
import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
import zipfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from predict.conftest import weights

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

__all__ = ["weights"]
_CHROMIUM = ("chromium", "chromium-browser", "google-chrome")
_PATIENCE_SECONDS = 60


class Upload(io.BytesIO):
    """As Streamlit hands a file over."""

    def __init__(self, name: str, data: bytes) -> None:
        super().__init__(data)
        self.name = name


def zip_of(files: Mapping[str, bytes]) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return packed.getvalue()


@pytest.fixture(autouse=True)
def own_main() -> Iterator[None]:
    """AppTest leaves the script of the page as `__main__`, and processes that later tests start would begin with it."""
    main = sys.modules["__main__"]
    yield
    sys.modules["__main__"] = main


@pytest.fixture(scope="session")
def app_root(weights: Callable[..., Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with runs/sos in it: an untrained network of three classes, which finds things everywhere."""
    root = tmp_path_factory.mktemp("page")
    (root / "runs/sos/weights").mkdir(parents=True)
    shutil.copy(weights("yolov8n-seg"), root / "runs/sos/weights/best.pt")
    return root


@pytest.fixture(scope="session")
def server(app_root: Path) -> Iterator[str]:
    """The address of `seepseg app`, run as a user would."""
    with closing(socket.socket()) as probe:
        probe.bind(("localhost", 0))
        port = probe.getsockname()[1]
    command = [sys.executable, "-m", "seepseg", "app", "--no-browser", "--port", str(port)]
    with (app_root / "server.log").open("wb") as log:
        process = subprocess.Popen(command, cwd=app_root, stdout=log, stderr=log)
    try:
        wait_for(f"http://localhost:{port}/_stcore/health", process, app_root / "server.log")
        yield f"http://localhost:{port}"
    finally:
        process.terminate()
        process.wait(30)


@pytest.fixture(scope="session")
def browser() -> "Iterator[Browser]":
    """Headless Chromium; where there is none, CI fails and others skip."""
    path = next(filter(None, map(shutil.which, _CHROMIUM)), None)
    if path is None:
        lacking = "no Chromium on this machine; on Debian: apt-get install -y chromium"
        if os.environ.get("CI") or os.environ.get("SEEPSEG_NEED_CHROMIUM") == "1":
            pytest.fail(lacking)
        pytest.skip(lacking)
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        # A browser that runs as root, as in containers, has no sandbox; it opens our own page alone.
        browser = playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture
def browser_page(browser: "Browser", server: str) -> "Iterator[Page]":
    """A visitor of his own at the front page."""
    context = browser.new_context(viewport={"width": 1280, "height": 900}, accept_downloads=True)
    page = context.new_page()
    page.set_default_timeout(1000 * _PATIENCE_SECONDS)
    page.goto(server)
    yield page
    context.close()


def wait_for(address: str, process: "subprocess.Popen[Any]", log: Path) -> None:
    end = time.monotonic() + _PATIENCE_SECONDS
    while time.monotonic() < end:
        try:
            with urllib.request.urlopen(address, timeout=2):
                return
        except OSError:
            if process.poll() is not None:
                break
            time.sleep(0.1)
    pytest.fail(f"the server did not start:\n{log.read_text(errors='replace')}")
