import signal
import socket
import subprocess
import sys
import urllib.request
from contextlib import closing
from pathlib import Path

import pytest

from app.conftest import wait_for
from seepseg.app import serving
from seepseg.app.intake_limits import UPLOAD_MEGABYTES
from seepseg.cli import main

ROOT = Path(__file__).parents[2]


@pytest.fixture
def free_port() -> int:
    with closing(socket.socket()) as probe:
        probe.bind(("localhost", 0))
        return int(probe.getsockname()[1])


@pytest.mark.slow
@pytest.mark.parametrize("way", ["seepseg app", "streamlit run"])
def test_the_page_is_served_and_ends_with_the_signal(way: str, free_port: int, tmp_path: Path) -> None:
    ours = [sys.executable, "-m", "seepseg", "app", "--no-browser", "--port", str(free_port)]
    theirs = [sys.executable, "-m", "streamlit", "run", str(ROOT / "streamlit_app.py")]
    theirs += ["--server.port", str(free_port), "--server.headless", "true"]
    log = tmp_path / "log"
    with log.open("wb") as stream:
        process = subprocess.Popen(ours if way == "seepseg app" else theirs, cwd=tmp_path, stdout=stream, stderr=stream)
    try:
        wait_for(f"http://localhost:{free_port}/_stcore/health", process, log)
        with urllib.request.urlopen(f"http://localhost:{free_port}/", timeout=10) as page:
            assert page.status == 200
    finally:
        process.send_signal(signal.SIGTERM)
    assert process.wait(30) in (0, -signal.SIGTERM)
    if way == "seepseg app":
        assert f"http://localhost:{free_port}" in log.read_text()


def test_both_ways_to_the_page_have_the_same_settings() -> None:
    assert (ROOT / ".streamlit/config.toml").read_text() == serving.CONFIG.read_text()


def test_both_ways_to_the_page_run_the_same_script() -> None:
    ours, theirs = (path.read_text().split('"""')[2] for path in (serving.SCRIPT, ROOT / "streamlit_app.py"))
    assert ours == theirs


def test_the_server_calls_nobody_and_takes_no_more_than_the_page_does() -> None:
    settings = serving.read_config()
    assert settings["browser.gatherUsageStats"] is False
    assert settings["client.showErrorDetails"] == "none"
    assert settings["server.maxUploadSize"] == UPLOAD_MEGABYTES


def test_a_taken_port_is_refused(free_port: int, capsys: pytest.CaptureFixture[str]) -> None:
    with closing(socket.socket()) as other:
        other.bind(("localhost", free_port))
        other.listen()
        assert main(["app", "--port", str(free_port)]) == 2
    assert f"port {free_port}" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("flags", "words"),
    [
        (["--port", "70000"], "1 to 65535"),
        (["--models", "nowhere"], "--models nowhere: no such folder"),
        (["--folders", "nowhere"], "--folders nowhere: no such folder"),
        (["--address", "no.such.host.invalid"], "not an address"),
    ],
)
def test_a_wrong_setting_is_a_sentence(
    flags: list[str], words: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["app", *flags]) == 2
    assert words in capsys.readouterr().err


def test_runs_are_looked_for_here_first_and_then_in_the_repository(tmp_path: Path) -> None:
    assert serving.find_root(tmp_path) == ROOT
    (tmp_path / "runs").mkdir()
    assert serving.find_root(tmp_path) == tmp_path
