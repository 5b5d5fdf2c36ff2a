import pytest

from baselines.conftest import QUICK, SHOWN, STILL, bright_dataset, every_network
from seepseg.baselines.architectures import build_network
from seepseg.baselines.catalogue import find_entry
from seepseg.baselines.losses import SemanticLoss
from seepseg.baselines.semantic import make_job
from seepseg.baselines.settings import complete
from seepseg.baselines.training import start_state, train_epoch, validate

EPOCHS = 3
LEVEL = {"imgsz": 32, "epochs": 60, "lr0": 0.002}


@pytest.mark.parametrize("name", every_network())
def test_a_network_gives_a_logit_for_each_pixel_and_channel(torch, name):
    model = build_network(find_entry(name), 4).eval()
    with torch.inference_mode():
        assert model(torch.rand(1, 3, 64, 96)).shape == (1, 4, 64, 96)


@pytest.mark.slow
@pytest.mark.parametrize("name", every_network(shown=SHOWN[:2]))
def test_a_network_learns_eight_images(torch, tmp_path, name):
    schedule = schedule_of(name)
    data = bright_dataset(tmp_path, size=schedule["imgsz"])
    settings = complete({**QUICK, **STILL, "batch": 4, **schedule})
    torch.manual_seed(0)
    model = build_network(find_entry(name), 3)
    for module in model.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            module.momentum = 0.5  # a dozen steps have to make its averages
    state = start_state(model, settings, torch.device("cpu"))
    job = make_job(data, settings, SemanticLoss("mix"), torch.device("cpu"))
    assert any(improve(state, job, settings) >= 0.95 for _ in range(settings["epochs"] // EPOCHS))


def schedule_of(name):
    """What DeepLab and mit say of a pixel comes from a coarser map, and attention bears no steep start."""
    if "mit_b" in name:
        return {"imgsz": 64, "epochs": 150, "lr0": 0.0005, "warmup_epochs": 5.0}
    return {"imgsz": 64, "epochs": 150, "lr0": 0.002} if name.startswith("deeplab") else LEVEL


def improve(state, job, settings):
    for _ in range(EPOCHS):
        train_epoch(state, job, settings)
    return validate(state, job)["metrics/mIoU"]
