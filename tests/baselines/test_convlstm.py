import numpy as np
import pytest

from baselines.conftest import noise
from seepseg.baselines.architectures import build_network
from seepseg.baselines.catalogue import find_entry
from seepseg.baselines.weights import Facts, write_weights
from seepseg.predict.engine import open_model


@pytest.fixture(scope="module")
def network(torch):
    torch.manual_seed(0)
    return build_network(find_entry("unet-convlstm"), 3).eval()


def test_the_mask_of_the_last_frame_has_its_size(torch, network):
    with torch.inference_mode():
        assert network(torch.rand(2, 4, 3, 32, 48)).shape == (2, 3, 32, 48)


def test_it_is_an_lstm_where_a_frame_has_one_pixel(torch):
    from seepseg.baselines.convlstm import ConvLstm

    ours, theirs = ConvLstm(5, size=1), torch.nn.LSTM(5, 5, batch_first=True)
    weights = ours.gates.weight[:, :, 0, 0].detach()
    # torch has the gates in the order input, forget, cell, output.
    order = torch.cat([torch.arange(0, 10), torch.arange(15, 20), torch.arange(10, 15)])
    with torch.no_grad():
        theirs.weight_ih_l0.copy_(weights[order, :5])
        theirs.weight_hh_l0.copy_(weights[order, 5:])
        theirs.bias_ih_l0.copy_(ours.gates.bias[order])
        theirs.bias_hh_l0.zero_()
        frames = torch.randn(3, 4, 5)
        assert torch.allclose(ours(frames[..., None, None])[..., 0, 0], theirs(frames)[0][:, -1], atol=1e-6)


def test_without_its_memory_it_is_the_network_for_single_images(torch, network):
    plain = build_network(find_entry("unet-frame"), 3).eval()
    plain.network.load_state_dict(network.network.unet.state_dict())
    kept = network.network.memory.forward
    network.network.memory.forward = lambda frames: torch.zeros_like(frames[:, -1])
    try:
        frames = torch.rand(1, 4, 3, 32, 32)
        with torch.inference_mode():
            assert torch.allclose(network(frames), plain(frames[:, -1]), atol=1e-5)
    finally:
        network.network.memory.forward = kept


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("engine", ["torchscript", "onnx", "openvino"])
@pytest.mark.parametrize("dynamic", [False, True])
def test_an_export_predicts_what_the_weights_predict(network, tmp_path, engine, dynamic):
    from seepseg.baselines.export import export_baseline
    from seepseg.edge.bundle import MODELS

    weights, imgsz = tmp_path / "some.pt", 64 if dynamic else 32
    write_weights(weights, Facts("unet-convlstm", "sequence", ("oil", "ship"), 32), network.state_dict())
    export_baseline(weights, engine, tmp_path, imgsz=32, dynamic=dynamic)
    image, before = noise(30, 40), [noise(30, 40, seed) for seed in range(1, 4)]
    models = [
        open_model(path, engine=one, device="cpu", imgsz=imgsz)
        for path, one in ((weights, "torch"), (tmp_path / MODELS[engine][0], engine))
    ]
    expected, found = (next(iter(model.run([image], [before])))[1][0] for model in models)
    assert models[1].frames == 4
    assert np.abs(expected - found).max() < 1e-3


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
def test_a_bundle_is_held_against_the_weights(network, tmp_path):
    from seepseg.edge.export import export

    weights = tmp_path / "some.pt"
    write_weights(weights, Facts("unet-convlstm", "sequence", ("oil", "ship"), 32), network.state_dict())
    made = export(weights, tmp_path / "b", ("torchscript",), images=2)
    assert made.parities
    assert all(one.equal for one in made.parities)
