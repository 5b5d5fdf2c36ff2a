from pathlib import Path

import pytest
import rasterio

from seepseg.app.examples import EXAMPLES, Example
from seepseg.app.intake import take


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda one: one.file)
def test_every_example_is_fit_to_be_handed_in(example: Example, tmp_path: Path) -> None:
    class Upload:
        name = example.name

        def getvalue(self) -> bytes:
            return example.read()

    intake = take([Upload()], tmp_path)
    assert [one.name for one in intake.files] == [example.name]
    assert not intake.refused


def test_one_example_has_a_place(tmp_path: Path) -> None:
    file = tmp_path / "scene.tif"
    file.write_bytes(EXAMPLES[-1].read())
    with rasterio.open(file) as dataset:
        assert dataset.crs is not None
        assert "Simulated" in dataset.tags()["TIFFTAG_IMAGEDESCRIPTION"]


def test_examples_are_small_and_say_that_they_are_simulated() -> None:
    assert sum(len(example.read()) for example in EXAMPLES) < 300_000
    assert all(example.file.startswith("simulated-") for example in EXAMPLES)
