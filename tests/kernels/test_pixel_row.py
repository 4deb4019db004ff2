"""A row of pixels: the twin against the oracle, and the kernel in a process of its own."""

import pytest
import torch

from dgm_tutor.kernels.pixel_row import FAMILIES as NAMED
from dgm_tutor.kernels.pixel_row import Row, oracle
from tests.kernels import linux
from tests.kernels.problems import FAMILIES, Sharp, pixel_row


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize(
    "shape",
    [
        {"n": 1, "width": 1, "C": 1, "layers": 1},
        {"n": 3, "width": 7, "C": 7, "layers": 3},
        {"n": 2, "width": 5, "C": 9, "layers": 2, "reach": 2, "seen": 4},
    ],
    ids=str,
)
def test_the_twin_draws_what_the_oracle_draws_row_after_row(shape, family):
    """Three rows through the same buffers, from noise at the edge of another draw."""
    weights, pixels, contexts, u = pixel_row(**shape, family=family)
    row = Row(weights, pixels, u.shape[1], len(u))
    for k in range(3):
        contexts = [context.roll(k, 1) + 0.1 * k for context in contexts]
        sharp = Sharp(pixels, 1e-11)
        truth = oracle.sample_row(weights, sharp, contexts, u)
        assert torch.equal(row.sample(contexts, torch.stack(sharp.noise)), truth)


def test_sharp_noise_tells_an_error_of_a_billionth():
    weights, pixels, contexts, u = pixel_row(3, 7, 7, 3)
    sharp = Sharp(pixels, 1e-11)
    truth = oracle.sample_row(weights, sharp, contexts, u)
    slightly = weights._replace(out_bias=weights.out_bias + 1e-9)
    assert not torch.equal(Row(slightly, pixels, 3, 7).sample(contexts, torch.stack(sharp.noise)), truth)


def test_the_families_have_the_kernels_names():
    assert {pixels.family for pixels in FAMILIES.values()} == set(NAMED)


@linux
@pytest.mark.slow
def test_the_kernel_in_the_interpreter(interpreter):
    interpreter("pixel_row")
