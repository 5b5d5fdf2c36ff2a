import json
from pathlib import Path

import cv2
import numpy as np
import pytest

from make_analysis import BRIGHT, loaded, look, write_scene
from outputs.stand_in import StandIn
from seepseg.app.analysis import cut
from seepseg.app.downloads import files_of, pick
from seepseg.app.instances_table import Row, rows_of, show_area, show_length


def row(**changes: float | None) -> Row:
    values = {"area_px": 1234, "length_px": 56.4, **changes}
    return Row(1, 0, "oil", 0.9, **values)  # type: ignore[arg-type]


def test_without_a_place_sizes_are_in_pixels(tmp_path: Path) -> None:
    pixels = np.zeros((64, 64), np.uint8)
    pixels[10, 5:45] = BRIGHT
    assert cv2.imwrite(str(tmp_path / "line.png"), pixels)
    analysis = look(StandIn(), tmp_path / "line.png")
    (one,) = rows_of(analysis, cut(analysis, (0.5, 0.5)))
    assert (one.area_px, one.length_px, one.area_km2, one.cut) == (40, pytest.approx(40), None, False)


def test_on_the_ground_sizes_are_those_of_the_geojson(tmp_path: Path) -> None:
    scene = write_scene(tmp_path / "scene.tif")
    analysis = look(StandIn(), scene)
    rows = rows_of(analysis, cut(analysis, analysis.confidence.limits))
    files = files_of(loaded(StandIn()), analysis, scene, analysis.confidence.limits)
    told = [one["properties"] for one in json.loads(pick(files, "geojson"))["features"]]
    assert [(one.number, one.name, one.area_km2, one.length_km, one.cut) for one in rows] == [
        (one["id"], one["class"], one["area_km2"], one["length_km"], one["cut"]) for one in told
    ]


def test_only_the_surest_are_measured(tmp_path: Path) -> None:
    analysis = look(StandIn(), write_scene(tmp_path / "scene.tif"))
    prediction = cut(analysis, (0.1, 0.1))
    assert len(prediction) == 3
    assert [one.confidence for one in rows_of(analysis, prediction, most=2)] == [
        one.score for one in prediction.detections[:2]
    ]


def test_units_fit_the_size() -> None:
    assert (show_area(row()), show_length(row())) == ("1,234 px", "56 px")
    assert (show_area(row(area_km2=1.2345)), show_length(row(length_km=12.345))) == ("1.23 km²", "12.3 km")
    assert (show_area(row(area_km2=0.0123)), show_length(row(length_km=0.345))) == ("12,300 m²", "345 m")
