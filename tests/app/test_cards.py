import json
import shutil
from pathlib import Path

import pytest

from edge.conftest import edge_run
from seepseg.app.cards import card_of
from seepseg.edge.bundle import write_manifest
from seepseg.edge.card import CARD
from seepseg.edge.export import export
from seepseg.edge.packing import pack
from seepseg.predict.engine import Model, open_model

__all__ = ["edge_run"]


@pytest.fixture(scope="session")
def bundle(edge_run: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return export(edge_run, tmp_path_factory.mktemp("cards") / "bundle", images=1).path


@pytest.fixture(scope="session")
def model(edge_run: Path) -> Model:
    return open_model(edge_run, engine="torch", device="cpu")


@pytest.fixture
def run(edge_run: Path, tmp_path: Path) -> Path:
    return shutil.copytree(edge_run, tmp_path / "seep")


def card(run: Path) -> str:
    return card_of(run, open_model(run, device="cpu"))


def part(text: str, heading: str) -> str:
    """What stands below a heading, of a card as a file or as the page has it."""
    return text.split(f"## {heading}\n", 1)[1].split("\n##", 1)[0].rstrip("#\n")


@pytest.mark.parametrize("heading", ["Figures", "Thresholds", "Limits", "Data and licence"])
def test_a_run_has_the_card_of_its_bundle(edge_run: Path, bundle: Path, model: Model, heading: str) -> None:
    written = (bundle / CARD).read_text()
    assert part(card_of(edge_run, model), heading) == part(written, heading)


def test_what_only_an_export_measures_is_left_out_of_a_run(edge_run: Path, model: Model) -> None:
    text = card_of(edge_run, model)
    assert "Parity" not in text
    assert "seepseg export RUN" in text


def test_headings_are_below_those_of_the_page(edge_run: Path, model: Model) -> None:
    headings = [line for line in card_of(edge_run, model).splitlines() if line.startswith("#")]
    assert headings
    assert all(line.startswith("#### ") for line in headings)


def test_a_training_that_is_not_finished_is_named(run: Path) -> None:
    (run / "record.json").write_text(json.dumps({"status": "interrupted"}))
    assert "training is interrupted" in card(run)


def test_a_damaged_evaluation_hides_nothing_else(run: Path) -> None:
    (run / "metrics.json").write_text("{")
    assert "holds no evaluation" in card(run)


def rewritten(bundle: Path, text: str) -> Path:
    (bundle / CARD).write_text(text)
    facts = json.loads((bundle / "bundle.json").read_text())
    write_manifest(bundle, {key: value for key, value in facts.items() if key not in ("files", "format")})
    return bundle


def test_the_card_that_a_bundle_brings_is_shown(bundle: Path, tmp_path: Path) -> None:
    mine = rewritten(shutil.copytree(bundle, tmp_path / "bundle"), "# Mine\n\nIs good.\n")
    assert card(mine) == "Is good.\n"
    pack(mine, tmp_path / "bundle.zip")
    assert card(tmp_path / "bundle.zip") == "Is good.\n"


def test_the_card_of_a_bundle_in_the_run_counts_while_it_is_of_these_weights(run: Path, bundle: Path) -> None:
    mine = rewritten(shutil.copytree(bundle, run / "bundle"), "# Mine\n\nIs good.\n")
    assert card(run) == "Is good.\n"
    facts = json.loads((mine / "bundle.json").read_text())
    facts["weights"]["sha256"] = "other"
    write_manifest(mine, {key: value for key, value in facts.items() if key not in ("files", "format")})
    assert "Is good" not in card(run)


def test_loose_weights_have_a_card_too(edge_run: Path, tmp_path: Path) -> None:
    shutil.copy(edge_run / "weights/best.pt", tmp_path / "best.pt")
    assert "None were chosen" in card(tmp_path / "best.pt")
