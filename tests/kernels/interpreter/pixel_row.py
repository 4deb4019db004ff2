"""The row of pixels in the interpreter: from noise at the very edge of another draw, the oracle's draws."""

import pytest
import torch
from torch.library import opcheck

from dgm_tutor.components.pixelcnn import Gaussian, naive_sample
from dgm_tutor.components.pixelcnn.sampling import _Rows
from dgm_tutor.kernels.backend import BackendError
from dgm_tutor.kernels.pixel_row import Row, Weights, op, oracle, sample_row, triton
from tests.components.pixelcnn.networks import condition_for, noise, random_network
from tests.kernels.interpreter.meter import metered, poison
from tests.kernels.problems import FAMILIES, Sharp, pixel_row

SHAPES = [
    {"n": 1, "width": 1, "C": 1, "layers": 1},
    {"n": 3, "width": 7, "C": 7, "layers": 3},
    {"n": 1, "width": 8, "C": 8, "layers": 3, "reach": 1, "seen": 3},
    {"n": 2, "width": 5, "C": 9, "layers": 2, "reach": 2, "seen": 4},
]


@pytest.fixture(autouse=True)
def _poisoned(monkeypatch):
    poison(monkeypatch)


def run(weights, pixels, contexts, u):
    return sample_row(Row(weights, pixels, u.shape[1], len(u)), contexts, u)


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize("dtype", [torch.float64, torch.float32])
def test_draws_are_the_oracles_from_noise_at_the_edge_of_another(shape, family, dtype, monkeypatch):
    """Within 1e-11 in float64. In float32 within eps times the terms of all sums behind a pixel, and there the
    noise's own rounding is one of them."""
    weights, pixels, contexts, u = pixel_row(**shape, family=family, dtype=dtype)
    terms = shape["layers"] * (shape["C"] * (shape.get("seen", 2) + 1) + shape.get("reach", 3)) + 3 * shape["C"] + 8
    sharp = Sharp(pixels, 1e-11 if dtype == torch.float64 else terms * torch.finfo(dtype).eps)
    with monkeypatch.context() as patch:
        patch.setenv("DGM_BACKEND", "torch")  # for the family's own draw, many times
        truth = oracle.sample_row(weights, sharp, contexts, u)
    assert torch.equal(run(weights, pixels, contexts, torch.stack(sharp.noise).to(dtype)), truth)
    assert len(u) == 1 or len(truth.unique()) > 1


@pytest.mark.parametrize("family", ["binary", "categorical", "logistic"])
def test_row_by_row_the_images_are_those_of_the_naive_sampler(family, monkeypatch):
    network = random_network((3, 4), family, condition=2, scale=0.4)
    u, condition = noise(1, network), condition_for(network, 1)
    with torch.inference_mode():
        rows = _Rows(network, u, condition)
        for _ in range(3):
            rows.step()
    monkeypatch.setenv("DGM_BACKEND", "torch")
    assert torch.equal(rows.image(), naive_sample(network, u, condition))


def test_what_the_kernel_cannot_take_is_refused_by_name():
    weights, pixels, contexts, u = pixel_row(1, 2, triton.WIDEST + 1, 1)
    with pytest.raises(BackendError, match="binary and grey pixels"):
        run(weights, Gaussian(1), contexts, u)
    with pytest.raises(BackendError, match="up to 64 channels"):
        run(weights, pixels, contexts, u)


def test_the_operation_keeps_torchs_rules():
    weights, pixels, contexts, u = pixel_row(2, 3, 4, 2)
    opcheck(op._sample_row, ("binary", 2, torch.stack(contexts), u, list(weights)))


def test_weights_and_noise_may_lie_apart():
    weights, pixels, contexts, u = pixel_row(2, 3, 4, 2)
    apart = Weights(*(torch.stack([t, torch.full_like(t, torch.nan)], -1)[..., 0] for t in weights))
    ours = triton.sample_row("binary", 2, torch.stack(contexts), u.mT.contiguous().mT, apart)
    assert torch.equal(ours, run(weights, pixels, contexts, u))


def test_traffic_is_within_its_budget(monkeypatch):
    """One launch; for a pixel, a program reads the weights it needs once, its context, and one number of noise."""
    n, width, C, layers, reach, seen = 2, 5, 4, 3, 2, 2
    weights, _, contexts, u = pixel_row(n, width, C, layers, reach, seen)
    with metered(monkeypatch) as meter:
        triton.sample_row("binary", 2, torch.stack(contexts), u, weights)
    counted = triton.traffic(n, width, weights, size=8)
    assert {"launches": meter.launches, "bytes": meter.read + meter.written} == counted
    numbers = sum(t.numel() for t in weights) + layers * 2 * C + 2
    assert counted["bytes"] <= 8 * n * width * numbers
    assert (meter.launches, meter.written) == (1, 8 * n * width)
    assert meter.twice == meter.back == 0


def test_no_images_are_no_images():
    weights, pixels, contexts, u = pixel_row(0, 3, 4, 2)
    assert run(weights, pixels, contexts, u).shape == (3, 0)
