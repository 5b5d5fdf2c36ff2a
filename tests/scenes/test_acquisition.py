from pathlib import Path

import pytest

from seepseg.scenes.acquisition import acquired_at

PRODUCT = "S1A_IW_GRDH_1SDV_20230405T061523_20230405T061548_047963_05C3A1_12AB"
MEASURED = "s1a-iw-grd-vv-20230405t061523-20230405t061548-047963-05c3a1-001.tiff"


@pytest.mark.parametrize(
    ("path", "tags", "told"),
    [
        ("a.tif", {"ACQUISITION_TIME": "2024-03-01T05:06:07+00:00"}, "2024-03-01T05:06:07+00:00"),
        ("a.tif", {"TIFFTAG_DATETIME": "2024:03:01 05:06:07"}, "2024-03-01T05:06:07"),
        (MEASURED, {"TIFFTAG_DATETIME": "2025:01:01 00:00:00"}, "2023-04-05T06:15:23+00:00"),
        (f"{PRODUCT}.tif", {}, "2023-04-05T06:15:23+00:00"),
        (f"{PRODUCT}.SAFE/measurement/vv.tiff", {}, "2023-04-05T06:15:23+00:00"),
        ("20230405T061523_cal.tif", {"ACQUISITION_TIME": "unknown"}, "2023-04-05T06:15:23+00:00"),
        ("a_20239905T061523.tif", {}, None),
        ("tile_12345.tif", {"TIFFTAG_DATETIME": "yesterday"}, None),
    ],
)
def test_the_first_of_the_times_that_can_be_read_is_taken(path, tags, told):
    assert acquired_at(Path(path), tags) == told
