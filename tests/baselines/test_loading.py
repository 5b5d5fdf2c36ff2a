import pytest

from baselines.conftest import QUICK, bright_dataset
from seepseg.baselines.loading import load_splits
from seepseg.baselines.settings import complete


@pytest.mark.parametrize("workers", [0, pytest.param(1, marks=pytest.mark.slow)])
def test_reading_draws_nothing_from_the_generator_that_dropout_draws_from(torch, tmp_path, workers):
    splits = load_splits(bright_dataset(tmp_path), complete({**QUICK, "workers": workers}))
    for epoch in range(2):
        torch.manual_seed(0)
        assert len(list(splits.batches(epoch))) == 2
        assert torch.equal(torch.rand(4), torch.rand(4, generator=torch.Generator().manual_seed(0)))
