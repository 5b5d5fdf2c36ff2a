import hashlib
import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from seepseg.errors import SourceError, UsageError
from seepseg.train import start
from seepseg.train.start import choose_start
from server import Server, serve

WEIGHTS = b"weights" * 1000
SHA256 = hashlib.sha256(WEIGHTS).hexdigest()


@pytest.fixture(autouse=True)
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working directory of the test's own, and no reference model unless the test puts one there."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(start, "_reference", lambda _: None)
    return tmp_path


@pytest.fixture
def github(monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    with serve() as web:
        monkeypatch.setattr(start, "FILES", f"{web.address}/files")
        monkeypatch.setattr(start, "RELEASES", f"{web.address}/tags")
        yield web


@pytest.fixture
def nowhere(monkeypatch: pytest.MonkeyPatch) -> None:
    """No network: nobody listens on port 1."""
    monkeypatch.setattr(start, "RELEASES", "http://127.0.0.1:1")


def publish(web: Server, name: str, body: bytes, digest: str | None) -> None:
    web.offer(f"/files/{start.RELEASE}/{name}", body)
    web.offer(f"/tags/{start.RELEASE}", json.dumps({"assets": [{"name": name, "digest": digest}]}).encode())


def own_weights(file: Path) -> Path:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(WEIGHTS)
    return file


def test_a_path_comes_first_and_is_hashed(tmp_path: Path) -> None:
    own_weights(tmp_path / "mine.pt")
    chosen = choose_start("mine.pt", wish="yolov8n-seg.pt", task="segment")
    assert (chosen.model, chosen.sha256, chosen.pretrained) == (str(tmp_path / "mine.pt"), SHA256, None)
    assert "mine.pt" in chosen.sentence


def test_a_run_folder_stands_for_its_best_weights(tmp_path: Path) -> None:
    best = own_weights(tmp_path / "runs" / "a" / "weights" / "best.pt")
    assert choose_start("runs/a", task="segment").weights == best


def test_weights_of_the_model_key_are_weights(tmp_path: Path) -> None:
    own_weights(tmp_path / "mine.pt")
    assert choose_start(None, model="mine.pt", task="segment").sha256 == SHA256


def test_other_weights_than_promised_are_refused(tmp_path: Path) -> None:
    own_weights(tmp_path / "mine.pt")
    with pytest.raises(UsageError, match=f"sha256 is {SHA256}, not abc"):
        choose_start("mine.pt", task="segment", sha256="abc")


def test_nothing_is_started_from_scratch_unless_asked() -> None:
    with pytest.raises(UsageError, match=r"no weights to start from; .*--weights scratch"):
        choose_start(None, task="segment")


@pytest.mark.parametrize(
    ("asked", "model", "wish", "task", "built"),
    [
        ("scratch", None, None, "segment", "yolov8n-seg.yaml"),
        ("scratch", None, None, "semantic", "yolo26n-sem.yaml"),
        ("scratch", None, "yolov8s-seg.pt", "segment", "yolov8s-seg.yaml"),
        ("scratch", "yolo11n-seg.yaml", "yolov8s-seg.pt", "segment", "yolo11n-seg.yaml"),
        (None, "yolo26n-seg.yaml", None, "segment", "yolo26n-seg.yaml"),
        ("yolo11s-seg.yaml", None, None, "segment", "yolo11s-seg.yaml"),
    ],
)
def test_random_weights_are_had_by_asking(
    asked: str | None, model: str | None, wish: str | None, task: str, built: str
) -> None:
    chosen = choose_start(asked, model=model, wish=wish, task=task)
    assert (chosen.model, chosen.weights, chosen.sha256) == (built, None, None)
    assert "random weights, as asked" in chosen.sentence


def test_weights_go_into_an_architecture_named_apart(tmp_path: Path) -> None:
    own_weights(tmp_path / "mine.pt")
    chosen = choose_start("mine.pt", model="yolo11n-seg.yaml", task="segment")
    assert (chosen.model, chosen.pretrained) == ("yolo11n-seg.yaml", str(tmp_path / "mine.pt"))


def test_an_architecture_that_nobody_knows_is_refused() -> None:
    with pytest.raises(UsageError, match=r"yolov8q-seg\.yaml: no such architecture; .*yolov8n-seg\.yaml"):
        choose_start(None, model="yolov8q-seg.yaml", task="segment")


def test_two_weights_are_one_too_many(tmp_path: Path) -> None:
    own_weights(tmp_path / "mine.pt")
    with pytest.raises(UsageError, match="both name weights"):
        choose_start("mine.pt", model="other.pt", task="segment")


def test_a_name_that_is_nothing_gets_a_guess() -> None:
    with pytest.raises(UsageError, match=r"no such file, .*did you mean .*yolov8n-seg\.pt"):
        choose_start("yolov8n-sge.pt", task="segment")


def test_ultralytics_weights_are_fetched_and_checked(github: Server, tmp_path: Path) -> None:
    publish(github, "yolov8n-seg.pt", WEIGHTS, f"sha256:{SHA256}")
    chosen = choose_start("yolov8n-seg.pt", task="segment")
    assert chosen.sha256 == SHA256
    assert SHA256 in chosen.sentence
    assert (tmp_path / "yolov8n-seg.pt").read_bytes() == WEIGHTS


def test_fetched_weights_that_differ_from_the_published_sum_are_not_kept(github: Server, tmp_path: Path) -> None:
    publish(github, "yolov8n-seg.pt", b"another program", f"sha256:{SHA256}")
    with pytest.raises(SourceError, match=f"instead of {SHA256}"):
        choose_start("yolov8n-seg.pt", task="segment")
    assert not list(tmp_path.glob("*.pt"))


def test_weights_without_a_published_sum_need_one_from_the_user(github: Server) -> None:
    publish(github, "yolov8n-seg.pt", WEIGHTS, None)
    with pytest.raises(SourceError, match="--weights-sha256"):
        choose_start("yolov8n-seg.pt", task="segment")
    assert choose_start("yolov8n-seg.pt", task="segment", sha256=SHA256).sha256 == SHA256


@pytest.mark.usefixtures("nowhere")
def test_named_weights_that_cannot_be_fetched_are_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(start, "_reference", lambda _: own_weights(tmp_path / "reference.pt"))
    with pytest.raises(SourceError, match=r"yolov8m-seg\.pt cannot be downloaded: .*--weights scratch"):
        choose_start("yolov8m-seg.pt", task="segment")


@pytest.mark.usefixtures("nowhere")
def test_the_reference_model_stands_in_for_a_presets_wish_and_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    reference = own_weights(tmp_path / "reference.pt")
    monkeypatch.setattr(start, "_reference", lambda _: reference)
    chosen = choose_start(None, wish="yolov8s-seg.pt", task="segment")
    assert (chosen.weights, chosen.sha256) == (reference, SHA256)
    assert "reference model" in chosen.sentence
    assert "the preset's yolov8s-seg.pt cannot be downloaded" in chosen.sentence


@pytest.mark.parametrize("wish", ["yolov8s-seg.pt", "yolov8s-seg"])
@pytest.mark.usefixtures("nowhere")
def test_a_file_that_a_preset_alone_names_is_not_opened_where_nothing_vouches_for_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, wish: str
) -> None:
    reference = own_weights(tmp_path / "reference.pt")
    monkeypatch.setattr(start, "_reference", lambda _: reference)
    own_weights(tmp_path / wish)
    own_weights(tmp_path / "yolov8s-seg.pt")
    chosen = choose_start(None, wish=wish, task="segment")
    assert chosen.weights == reference
    assert "the preset's yolov8s-seg.pt lies here, but nothing vouches for it" in chosen.sentence
    assert "name it with --weights if you trust it" in chosen.sentence
    assert choose_start("yolov8s-seg.pt", wish=wish, task="segment").weights == tmp_path / "yolov8s-seg.pt"


def test_a_file_that_a_preset_alone_names_is_used_if_it_is_the_published_one(github: Server, tmp_path: Path) -> None:
    publish(github, "yolov8s-seg.pt", b"not asked for", f"sha256:{SHA256}")
    mine = own_weights(tmp_path / "yolov8s-seg.pt")
    chosen = choose_start(None, wish="yolov8s-seg.pt", task="segment")
    assert (chosen.weights, chosen.sha256, chosen.origin) == (mine, SHA256, "path")
    assert "found here with the checksum of its release" in chosen.sentence


def test_a_file_that_a_preset_alone_names_and_that_is_another_is_not_opened(github: Server, tmp_path: Path) -> None:
    publish(github, "yolov8s-seg.pt", WEIGHTS, f"sha256:{SHA256}")
    (tmp_path / "yolov8s-seg.pt").write_bytes(b"another program")
    with pytest.raises(UsageError, match=rf"nothing vouches for it: .* instead of {SHA256}; remove yolov8s-seg\.pt"):
        choose_start(None, wish="yolov8s-seg.pt", task="segment")


@pytest.mark.usefixtures("nowhere")
def test_a_file_that_a_preset_alone_names_is_used_if_it_is_what_the_user_promised(tmp_path: Path) -> None:
    mine = own_weights(tmp_path / "yolov8s-seg.pt")
    assert choose_start(None, wish="yolov8s-seg.pt", task="segment", sha256=SHA256).weights == mine
    with pytest.raises(UsageError, match=r"yolov8s-seg\.pt: sha256 is .* as --weights-sha256 says"):
        choose_start(None, wish="yolov8s-seg.pt", task="segment", sha256="abc")


@pytest.mark.parametrize("task", ["segment", "semantic"])
def test_the_reference_model_is_found_from_the_working_directory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, task: str
) -> None:
    monkeypatch.undo()
    monkeypatch.setattr(start.seepseg, "__file__", str(tmp_path / "elsewhere/tools/seepseg/__init__.py"))
    monkeypatch.chdir(tmp_path)
    own_weights(tmp_path / start.REFERENCES[task])
    chosen = choose_start(None, task=task)
    assert Path(chosen.model).parts[-4:] == start.REFERENCES[task].parts
    with pytest.raises(UsageError, match="no weights to start from"):
        choose_start(None, task="semantic" if task == "segment" else "segment")


def test_what_a_preset_wishes_for_the_other_task_becomes_what_there_is_for_this_one(github: Server) -> None:
    publish(github, "yolo26n-sem.pt", WEIGHTS, f"sha256:{SHA256}")
    assert Path(choose_start(None, wish="yolov8n-seg.pt", task="semantic").model).name == "yolo26n-sem.pt"


def test_the_record_names_no_folder(tmp_path: Path) -> None:
    own_weights(tmp_path / "mine.pt")
    said = json.dumps(choose_start("mine.pt", task="segment").as_json())
    assert SHA256 in said
    assert str(tmp_path) not in said
