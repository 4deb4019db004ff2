"""The mixture's kernels against torch.distributions in float64: values, gradients, edges, and what must not change."""

import math

import pytest
import torch

from dgm_tutor.kernels.mixture import log_mixture, op, oracle
from dgm_tutor.kernels.mixture.triton import CHUNK, OWN
from tests.kernels.numbers import assert_close

TILE = OWN


def problem(n, m, d, dtype=torch.float64, seed=0):
    generator = torch.Generator().manual_seed(seed)
    z, mean, log_std = (torch.randn(k, d, generator=generator, dtype=torch.float64) for k in (n, m, m))
    return [t.to(dtype).requires_grad_() for t in (z, 1.5 * mean, (0.5 * log_std).exp())]


def check(inputs, bonus=0.0, marginals=False):
    exact = [t.detach().double().requires_grad_() for t in inputs]
    truth, found = oracle.log_mixture(*exact, bonus, marginals), log_mixture(*inputs, bonus, marginals)
    length = 4 * inputs[0].shape[1] + len(inputs[1])
    assert_close(found.detach(), truth.detach(), length)
    upstream = torch.randn(truth.shape, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    theirs = torch.autograd.grad(truth, exact, upstream)
    length += len(inputs[0])
    for a, b in zip(torch.autograd.grad(found, inputs, upstream.to(found.dtype)), theirs, strict=True):
        assert_close(a, b, length)


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32])
@pytest.mark.parametrize("marginals", [False, True])
@pytest.mark.parametrize("bonus", [0.0, -1.3])
def test_value_and_gradient_are_the_definition_s(bonus, marginals, dtype):
    check(problem(13, 17, 3, dtype), bonus, marginals)


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32])
@pytest.mark.parametrize(
    ("n", "m", "d"),
    [
        (1, 1, 1),
        (1, TILE + 1, 2),
        (TILE - 1, 1, 2),
        (TILE, TILE, 1),
        (TILE + 1, TILE - 1, 2),
        (7, 5, CHUNK - 1),
        (7, 5, CHUNK),
        (7, 5, CHUNK + 1),
    ],
)
def test_at_the_edges_of_tiles(n, m, d, dtype):
    check(problem(n, m, d, dtype), bonus=0.7)


def test_marginals_at_the_edges_of_tiles():
    check(problem(TILE + 1, TILE + 1, 3), marginals=True)


def test_points_that_do_not_lie_side_by_side_in_memory():
    inputs = [t.detach()[::2, ::3].requires_grad_() for t in problem(14, 10, 9)]
    assert not inputs[0].is_contiguous()
    check(inputs)
    check(inputs, marginals=True)


def test_nothing_is_read_before_it_is_written():
    torch.use_deterministic_algorithms(True)  # torch.empty now holds NaN
    try:
        check(problem(13, 9, 3))
        check(problem(5, 6, CHUNK + 1), marginals=True)
    finally:
        torch.use_deterministic_algorithms(False)


def test_one_component_is_a_gaussian_and_equal_ones_count():
    z, mean, std = (t.detach() for t in problem(5, 1, 4))
    gaussian = torch.distributions.Normal(mean, std).log_prob(z)
    torch.testing.assert_close(log_mixture(z, mean, std), gaussian.sum(1))
    torch.testing.assert_close(log_mixture(z, mean, std, marginals=True), gaussian)
    three = log_mixture(z, mean.expand(70, -1), std.expand(70, -1))
    torch.testing.assert_close(three, gaussian.sum(1) + math.log(70))


def test_the_greatest_may_come_last_and_first_and_far_away():
    """Densities of e^-10^4 and below: only differences to the greatest one are ever exponentiated."""
    z, mean, std = (t.detach().float() for t in problem(6, 2 * TILE, 2))
    distance = torch.linspace(200.0, 40.0, 2 * TILE)[:, None]
    for shifted in (mean + distance, mean + distance.flip(0)):
        truth = oracle.log_mixture(z, shifted, std)
        assert truth.max() < -100
        torch.testing.assert_close(log_mixture(z, shifted, std).double(), truth, rtol=1e-5, atol=0)


def test_where_no_component_has_density_the_log_is_minus_infinity():
    far = torch.full((3, 2), 1e30)
    assert (log_mixture(far, torch.zeros(5, 2), torch.ones(5, 2)) == -math.inf).all()


def test_many_sigma_from_the_origin_the_gradient_keeps_its_digits():
    z, mean, std = (t.detach() for t in problem(9, 9, 2))
    offset = torch.full((1, 2), 512.0)
    inputs = [t.float().requires_grad_() for t in (mean + offset + 0.01 * z, mean + offset, 0.01 * std)]
    check(inputs)


def test_gradcheck_and_opcheck():
    inputs = problem(5, 4, 2)
    assert torch.autograd.gradcheck(lambda *t: log_mixture(*t, -0.5), inputs, fast_mode=True)
    torch.library.opcheck(op._forward, (*inputs, 0.5, False), test_utils=FAST)


FAST = ("test_schema", "test_autograd_registration", "test_faketensor")
