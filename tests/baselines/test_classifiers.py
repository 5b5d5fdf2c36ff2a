import pytest

from baselines.conftest import QUICK, STILL
from baselines.made_presence import presence_dataset
from seepseg.baselines.architectures import build_network
from seepseg.baselines.catalogue import CATALOGUE, find_entry
from seepseg.baselines.classify import PresenceLoss, make_job
from seepseg.baselines.export import export_baseline
from seepseg.baselines.pretrained import find_published
from seepseg.baselines.settings import complete
from seepseg.baselines.training import start_state, train_epoch
from seepseg.baselines.weights import Facts, write_weights
from seepseg.edge.bundle import MODELS
from seepseg.errors import UsageError
from seepseg.predict.engine import open_model

QUICKEST = ("mobilenetv4-small", "large-kernels")
REST = tuple(name for name, entry in CATALOGUE.items() if entry.kind == "classify" and name not in QUICKEST)
SLOW = [pytest.param(name, marks=pytest.mark.slow) for name in REST]
RARELY = [pytest.param(name, marks=pytest.mark.exhaustive) for name in REST]
EPOCHS = 4
HASTY = {"epochs": 60, "lr0": 0.001}
PATIENT = {"epochs": 200, "lr0": 0.0005, "warmup_epochs": 10.0}
"""Of a step each. Attention and layer norms, which see no brightness at first, bear no steep start."""


@pytest.mark.parametrize("name", [*QUICKEST, *SLOW])
def test_a_classifier_gives_a_logit_for_each_class_of_images_of_any_size(torch, name):
    model = build_network(find_entry(name), 3).eval()
    with torch.inference_mode():
        assert model(torch.rand(2, 3, 64, 64)).shape == (2, 3)
        assert model(torch.rand(1, 3, 96, 96)).shape == (1, 3)


def test_the_report_is_answered_network_by_network():
    told = " ".join(entry.known_as for entry in CATALOGUE.values() if entry.kind == "classify")
    assert all(word in told for word in ("InternImage", "MobileNetV4", "RepLKNet", "ConvNeXtV2", "EfficientNet"))
    assert "stand-in" in CATALOGUE["swin-tiny"].known_as


def test_large_kernels_are_as_large_as_the_report_has_them(torch):
    layers = [
        one for one in build_network(find_entry("large-kernels"), 1).modules() if isinstance(one, torch.nn.Conv2d)
    ]
    deep = {one.kernel_size for one in layers if one.groups == one.in_channels > 1}
    assert deep == {(31, 31), (13, 13), (5, 5)}


def test_one_pixel_reaches_across_half_the_map_in_one_block(torch):
    from seepseg.baselines.classifiers import LargeKernelBlock

    block = LargeKernelBlock(2, 31).eval()
    image = torch.zeros(1, 2, 40, 40, requires_grad=True)
    block(image)[0, :, 20, 20].sum().backward()
    reached = image.grad.abs().sum((0, 1)).nonzero()
    assert (reached.min().item(), reached.max().item()) == (5, 35)


@pytest.mark.slow
@pytest.mark.parametrize("name", [*QUICKEST, *RARELY])
def test_a_classifier_learns_eight_images_to_the_last(torch, tmp_path, name):
    schedule = PATIENT if name.startswith(("swin", "convnext")) else HASTY
    settings = complete({**QUICK, **STILL, "imgsz": 64, "batch": 8, **schedule})
    torch.manual_seed(0)
    model = build_network(find_entry(name), 2)
    for module in model.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            module.momentum = 0.5  # a dozen steps have to make its averages
    state = start_state(model, settings, torch.device("cpu"))
    job = make_job(presence_dataset(tmp_path, size=64), settings, PresenceLoss(), torch.device("cpu"))
    assert any(learn(torch, state, job, settings) == 1 for _ in range(settings["epochs"] // EPOCHS))


def learn(torch, state, job, settings):
    """The share of answers on the images that it learns from which are right."""
    for _ in range(EPOCHS):
        train_epoch(state, job, settings)
    ((pixels, labels),) = job.batches(0)
    with torch.inference_mode():
        logits = state.model.eval()(pixels.flip(3).permute(0, 3, 1, 2) / 255)
    return ((logits > 0) == (labels > 0)).float().mean().item()


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")  # torch warns of what its exporters do inside
@pytest.mark.parametrize("name", ["large-kernels", *RARELY])
def test_an_export_predicts_what_the_weights_predict(torch, tmp_path, name):
    from baselines.conftest import noise

    torch.manual_seed(0)
    file = tmp_path / "some.pt"
    write_weights(file, Facts(name, "classify", ("oil", "ship"), 64), build_network(find_entry(name), 2).state_dict())
    images = [noise(50, 70), noise(64, 64, 1)]
    expected = [one.presence for one in open_model(file, device="cpu").predict(images)]
    for engine in ("torchscript", "onnx"):
        export_baseline(file, engine, tmp_path, imgsz=64, dynamic=False)
        found = open_model(tmp_path / MODELS[engine][0], engine=engine, device="cpu").predict(images)
        assert [one.presence for one in found] == [pytest.approx(one, abs=1e-4) for one in expected]


@pytest.mark.slow
@pytest.mark.exhaustive
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("engine", ["torchscript", "onnx", "openvino"])
@pytest.mark.parametrize("name", [*QUICKEST, *REST])
def test_a_dynamic_export_takes_another_size_and_several_images(torch, tmp_path, name, engine):
    from baselines.conftest import noise

    torch.manual_seed(0)
    file = tmp_path / "some.pt"
    write_weights(file, Facts(name, "classify", ("oil", "ship"), 64), build_network(find_entry(name), 2).state_dict())
    export_baseline(file, engine, tmp_path, imgsz=64, dynamic=True)
    expected, found = (
        open_model(path, engine=one, device="cpu", imgsz=96).predict([noise(96, 96), noise(80, 96, 1)])
        for path, one in ((file, "torch"), (tmp_path / MODELS[engine][0], engine))
    )
    assert [one.presence for one in found] == [pytest.approx(one.presence, abs=1e-3) for one in expected]


@pytest.mark.slow
@pytest.mark.parametrize("name", REST)
def test_pre_trained_weights_have_an_address_and_all_but_the_last_layer_fits(torch, name):
    from seepseg.baselines.architectures import load_encoder

    entry = find_entry(name)
    assert find_published(entry).url.endswith("/resolve/main/model.safetensors")
    theirs, ours = build_network(entry, 5), build_network(entry, 2)
    load_encoder(ours, entry, theirs.network.state_dict())
    one, other = (next(model.network.parameters()) for model in (ours, theirs))
    assert torch.equal(one, other)


def test_weights_of_another_network_are_refused(torch):
    from seepseg.baselines.architectures import load_encoder

    entry = find_entry("mobilenetv4-small")
    state = build_network(find_entry("large-kernels"), 2).network.state_dict()
    with pytest.raises(UsageError, match="the weights are not those of mobilenetv4_conv_small"):
        load_encoder(build_network(entry, 2), entry, state)
