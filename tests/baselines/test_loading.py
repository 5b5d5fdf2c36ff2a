import subprocess
import sys

import pytest

from baselines.conftest import QUICK, bright_dataset
from seepseg.baselines.loading import load_splits
from seepseg.baselines.settings import complete

AFTER_OPENCV = """
import sys
from pathlib import Path
import cv2, numpy
from seepseg.baselines.loading import load_splits
from seepseg.baselines.settings import complete

cv2.setNumThreads(4)
cv2.cvtColor(numpy.zeros((2000, 2000, 3), numpy.uint8), cv2.COLOR_BGR2HSV)
splits = load_splits(Path(sys.argv[1]), complete({"imgsz": 32, "batch": 4, "workers": 2}))
print([len(list(splits.batches(epoch))) for epoch in range(2)])
"""


@pytest.mark.parametrize("workers", [0, pytest.param(1, marks=pytest.mark.slow)])
def test_reading_draws_nothing_from_the_generator_that_dropout_draws_from(torch, tmp_path, workers):
    splits = load_splits(bright_dataset(tmp_path), complete({**QUICK, "workers": workers}))
    for epoch in range(2):
        torch.manual_seed(0)
        assert len(list(splits.batches(epoch))) == 2
        assert torch.equal(torch.rand(4), torch.rand(4, generator=torch.Generator().manual_seed(0)))


@pytest.mark.slow
def test_workers_live_where_opencv_has_had_threads_before(tmp_path):
    words = [sys.executable, "-c", AFTER_OPENCV, str(bright_dataset(tmp_path))]
    done = subprocess.run(words, capture_output=True, text=True, timeout=120)
    assert done.stdout == "[2, 2]\n", done.stderr
