"""Whole images in the interpreter: from noise at the very edge of another draw, the naive sampler's images."""

import copy

import pytest
import torch
from torch.library import opcheck

from dgm_tutor.components.pixelcnn import Gaussian, PixelCNN, cached_sample, naive_sample
from dgm_tutor.components.pixelcnn.sampling import _raster, _vertical, _weights
from dgm_tutor.kernels.backend import BackendError
from dgm_tutor.kernels.pixel_image import Vertical, in_one_launch, op, triton
from dgm_tutor.kernels.pixel_row import Weights
from dgm_tutor.kernels.pixel_row.triton import WIDEST
from tests.components.pixelcnn.networks import FAMILIES, condition_for, noise, random_network
from tests.kernels.interpreter.meter import metered, poison
from tests.kernels.problems import Sharp, strided

NETWORKS = [  # of n images; rows of one tile, of a part of one, and of more than one
    {"n": 1, "size": (1, 1), "channels": 1, "layers": 1},
    {"n": 2, "size": (5, 4), "channels": 4, "layers": 3},
    {"n": 2, "size": (4, 3), "channels": 5, "layers": 2, "first_kernel": 7, "condition": 3},
    {"n": 1, "size": (6, 5), "channels": 3, "layers": 3, "first_kernel": 5, "kernel": 5, "condition": 1},
    {"n": 1, "size": (2, 18), "channels": 33, "layers": 2, "condition": 1},
    {"n": 2, "size": (1, 6), "channels": 7, "layers": 2, "condition": 2},
]


@pytest.fixture(autouse=True)
def _poisoned(monkeypatch):
    poison(monkeypatch)


def problem(n, size, family="binary", condition=0, seed=0, **settings):
    network = random_network(size, family, scale=0.3, seed=seed, condition=condition, **settings)
    return network, noise(n, network, seed), condition_for(network, n)


def numbers(network, u):
    """What the kernel's operation is given."""
    return _raster(network, u), _vertical(network), _weights(network)


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize(
    ("network", "dtype"),
    [*((each, torch.float64) for each in NETWORKS), (NETWORKS[2], torch.float32), (NETWORKS[4], torch.float32)],
    ids=str,
)
def test_images_are_the_naive_samplers_from_noise_at_the_edge_of_another(network, family, dtype, monkeypatch):
    """Within 1e-11 in float64; in float32 within eps times the terms of all sums behind a pixel."""
    settings = {"first_kernel": 3, "kernel": 3} | network
    network, u, condition = problem(family=family, **network)
    network = network.to(dtype).double()
    condition = None if condition is None else condition.to(dtype)
    C, seen = settings["channels"], settings["kernel"] // 2 + 1
    per_layer = C * (seen * settings["kernel"] + 2 + seen + 1) + settings.get("condition", 0)
    terms = settings["first_kernel"] ** 2 + settings["layers"] * per_layer + 3 * C + 8
    sharp = Sharp(network.pixels, 1e-11 if dtype == torch.float64 else terms * torch.finfo(dtype).eps)
    with monkeypatch.context() as patch:
        patch.setenv("DGM_BACKEND", "torch")  # for the family's own draw, many times
        oracle = copy.copy(network)
        oracle.pixels = copy.copy(network.pixels)
        oracle.pixels.draw = sharp.draw
        images = naive_sample(oracle, u, None if condition is None else condition.double())
    edge = torch.stack(sharp.noise, 1).to(dtype)
    assert torch.equal(cached_sample(network.to(dtype), edge, condition), images.to(dtype))
    assert images.shape[1] == 1 or len(images.unique()) > 1


def test_the_operation_keeps_torchs_rules():
    network, u, condition = problem(2, (2, 3), condition=2, channels=3, layers=2)
    raster, *stacks = numbers(network, u)
    opcheck(op._sample_image, ("binary", 2, raster, condition, *([t.detach() for t in each] for each in stacks)))


def test_weights_noise_and_condition_may_lie_apart():
    network, u, condition = problem(2, (3, 4), condition=2, channels=3, layers=2)
    with torch.no_grad():
        raster, vertical, weights = numbers(network, u)
        apart = Vertical(*map(strided, vertical)), Weights(*map(strided, weights))
        ours = triton.sample_image("binary", 2, strided(raster), strided(condition), *apart)
        assert torch.equal(ours, triton.sample_image("binary", 2, raster, condition, vertical, weights))


def test_one_condition_serves_all_images(monkeypatch):
    network, u, condition = problem(3, (2, 3), condition=2, channels=3, layers=2)
    ours = cached_sample(network, u, condition[:1])
    monkeypatch.setenv("DGM_BACKEND", "torch")
    assert torch.equal(ours, cached_sample(network, u, condition[:1]))


def test_what_the_kernel_cannot_take_is_refused_by_name():
    with pytest.raises(BackendError, match="binary and grey pixels"):
        PixelCNN((3, 3), Gaussian(2), channels=4, layers=1)().sample((2,))
    with pytest.raises(BackendError, match="up to 64 channels"):
        PixelCNN((2, 2), channels=WIDEST + 1, layers=1)().sample((2,))


def test_recorded_rows_come_before_whole_images(monkeypatch):
    u = torch.zeros(1)
    assert in_one_launch(u)
    monkeypatch.setenv("DGM_CUDA_GRAPHS", "1")
    assert not in_one_launch(u)
    monkeypatch.delenv("DGM_CUDA_GRAPHS")
    for choice in ("auto", "torch"):
        monkeypatch.setenv("DGM_BACKEND", choice)
        assert not in_one_launch(u)


@pytest.mark.parametrize("settings", NETWORKS[1:5], ids=str)
def test_traffic_is_within_its_budget(settings, monkeypatch):
    """One launch. A row of 16 or 32 columns reads the vertical stack's weights once, a pixel the horizontal one's."""
    network, u, condition = problem(**settings)
    with torch.no_grad():
        raster, vertical, weights = numbers(network, u)
        with metered(monkeypatch) as meter:
            triton.sample_image("binary", 2, raster, condition, vertical, weights)
    height, width, n = raster.shape
    d = settings.get("condition", 0)
    counted = triton.traffic(n, height, width, weights, d, size=8)
    assert {"launches": meter.launches, "bytes": meter.read + meter.written} == counted
    tiles, C, layers = -(-width // 16) if C_2(settings) > 32 else 1, settings["channels"], settings["layers"]
    above = sum(t.numel() for t in vertical)
    kept = width * layers * (settings.get("kernel", 3) ** 2 * C + 10 * C + 2 * d) + 50 * width
    row = tiles * above + kept + width * (sum(t.numel() for t in weights) + layers * 2 * C + 2)
    assert counted["bytes"] <= 8 * n * height * row


def C_2(settings):
    return 1 << (settings["channels"] - 1).bit_length()


def test_every_image_has_memory_of_its_own(monkeypatch):
    """Programs run at the same time; here, one after another, sharing would not show in what they draw."""
    places = []
    for n in (1, 3):
        network, u, _ = problem(n, (4, 4), channels=2, layers=3)
        with torch.no_grad():
            raster, vertical, weights = numbers(network, u)
            with metered(monkeypatch) as meter:
                triton.sample_image("binary", 2, raster, None, vertical, weights)
        places.append(len(meter.places))
    assert places[1] == 3 * places[0]
    rows, gates, contexts = 4 * (1 + 2 * 2 * 2), 4 * 2 * 2, 3 * 4 * 2 * 2
    assert places[0] == 16 + rows + gates + contexts


def test_no_images_are_no_images():
    network, u, _ = problem(0, (3, 4), channels=2, layers=2)
    assert cached_sample(network, u).shape == (0, 12)
