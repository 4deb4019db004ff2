"""The kernels of the logistic mixture in the interpreter, against the oracle."""

import pytest
import torch
from torch.autograd import gradcheck
from torch.library import opcheck

from dgm_tutor.kernels.logistic_mixture import draw, log_prob, op, oracle, triton
from dgm_tutor.kernels.logistic_mixture import torch as twin
from tests.kernels.interpreter.meter import metered, poison
from tests.kernels.problems import mixture, strided, uniform

TILE = triton.PIXELS
SIZES = [(1, 1), (TILE - 1, 2), (TILE, 3), (TILE + 1, 5), (67, 7)]


@pytest.fixture(autouse=True)
def _poisoned(monkeypatch):
    poison(monkeypatch)


def with_gradients(function, x, *parameters, levels):
    """log P, and the gradients of a weighted sum of them."""
    parameters = [t.detach().requires_grad_() for t in parameters]
    log_p = function(x, *parameters, levels)
    upstream = torch.linspace(-1, 2, len(x)).to(log_p)
    return log_p.detach(), *torch.autograd.grad((upstream * log_p).sum(), parameters)


def tolerances(x, logits, mu, log_scale, levels, eps):
    """Of log P and the gradients. An edge (x +- half - mu) / s is off by eps of itself and of its terms over s; log P
    follows it with slope 1 at most, and sums K terms; the gradients carry 1 / s and the edge as factors."""
    precision = (-log_scale.double()).exp()
    edge = ((x.double().unsqueeze(-1) - mu.double()).abs() + 1 / levels) * precision
    off = edge + (1 + mu.double().abs()) * precision
    log_p = 4 * eps * (logits.shape[1] + off.amax(-1))
    relative = log_p.unsqueeze(-1) + 4 * eps
    return log_p, 4 * relative, 4 * relative * precision, 4 * relative * (1 + edge)


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32])
@pytest.mark.parametrize("levels", [2, 256])
@pytest.mark.parametrize(("n", "K"), SIZES)
def test_values_and_gradients_are_the_oracles(n, K, levels, dtype):
    inputs = mixture(n, K, levels, dtype, seed=n)
    ours = with_gradients(log_prob, *inputs, levels=levels)
    truth = with_gradients(oracle.log_prob, *inputs, levels=levels)
    exact = dtype == torch.float64
    for a, b, tolerance in zip(ours, truth, tolerances(*inputs, levels, torch.finfo(dtype).eps), strict=True):
        off = (a.double() - b.double()).abs()
        assert torch.isfinite(a).all()
        assert (off <= (1e-11 * (1 + b.abs()) if exact else tolerance)).all(), off.max()


@pytest.mark.parametrize("levels", [2, 256])
def test_masses_sum_to_one(levels):
    _, *parameters = mixture(3, 5, levels)
    x = (torch.arange(levels, dtype=torch.float64) / (levels - 1)).repeat(3)
    log_p = log_prob(x, *(t.repeat_interleave(levels, 0) for t in parameters), levels)
    torch.testing.assert_close(log_p.view(3, levels).exp().sum(1), torch.ones(3).double(), rtol=0, atol=1e-12)


def beside(t):
    """The same values as a part of wider rows: as a network's output is split."""
    return (
        torch.stack([torch.full_like(t, torch.nan), t], -1)[..., 1]
        if t.dim() == 1
        else torch.cat([t, t + 1], 1)[:, : t.shape[1]]
    )


@pytest.mark.parametrize("arrange", [strided, beside])
def test_rows_and_numbers_may_lie_apart(arrange):
    inputs = mixture(TILE + 3, 3, 8)
    for a, b in zip(
        with_gradients(log_prob, *map(arrange, inputs), levels=8),
        with_gradients(log_prob, *inputs, levels=8),
        strict=True,
    ):
        assert torch.equal(a, b)
    u = uniform(TILE + 3)
    assert torch.equal(draw(arrange(u), *map(arrange, inputs[1:]), 8), draw(u, *inputs[1:], 8))


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32])
@pytest.mark.parametrize(("n", "K"), SIZES)
def test_draws_are_the_twins(n, K, dtype):
    """All of them in float64; in float32 a draw may fall one level aside, where rounding decides."""
    _, *parameters = mixture(n, K, 256, dtype, seed=n)
    u = uniform(n, dtype)
    ours, theirs = draw(u, *parameters, 256), twin.draw(u, *parameters, 256)
    if dtype == torch.float64:
        assert torch.equal(ours, theirs)
    else:
        assert ((ours - theirs).abs() < 1.5 / 255).all() and (ours != theirs).sum() <= 1


def test_extremes_stay_finite():
    mu, log_scale = (
        torch.cartesian_prod(torch.tensor([-50.0, 0.5, 50.0]), torch.tensor([-12.0, 0.0, 8.0])).unsqueeze(-1).unbind(1)
    )
    for x in (0.0, 100 / 255, 1.0):
        results = with_gradients(log_prob, torch.full((9,), x), torch.zeros(9, 1), mu, log_scale, levels=256)
        assert all(torch.isfinite(t).all() for t in results)


def test_the_gradient_is_the_functions():
    x, *parameters = mixture(6, 3, 8)
    parameters = [t.requires_grad_() for t in parameters]
    assert gradcheck(lambda *p: log_prob(x, *p, 8), parameters, fast_mode=True)
    x.requires_grad_()
    (in_x,), (in_mu,) = (torch.autograd.grad(log_prob(x, *parameters, 8).sum(), of) for of in (x, parameters[1]))
    torch.testing.assert_close(in_x, -in_mu.sum(-1))


def test_a_second_derivative_is_refused():
    x, *parameters = mixture(6, 3, 8)
    parameters = [t.requires_grad_() for t in parameters]
    first = torch.autograd.grad(log_prob(x, *parameters, 8).sum(), parameters, create_graph=True)
    with pytest.raises(RuntimeError, match="log_prob cannot be differentiated twice"):
        first[1].sum().backward()


def test_the_operations_keep_torchs_rules():
    x, *parameters = mixture(5, 3, 8)
    opcheck(op._log_prob, (x, *(t.requires_grad_() for t in parameters), 8))
    parameters = [t.detach() for t in parameters]
    opcheck(op._gradient, (x, x, *parameters, 8))
    opcheck(op._draw, (uniform(5), *parameters, 8))


def test_traffic_is_within_its_budget(monkeypatch):
    """One launch each; every number read once and written once, nothing read back."""
    n, K = 2 * TILE + 5, 5
    x, *parameters = mixture(n, K, 256)
    budgets = {
        lambda: triton.log_prob(x, *parameters, 256): (3 * K + 1, 1),
        lambda: triton.gradient(x, x, *parameters, 256): (3 * K + 2, 3 * K),
        lambda: triton.draw(x, *parameters, 256): (3 * K + 3, 1),  # the logits three times: twice out of the cache
    }
    for run, (reads, writes) in budgets.items():
        with metered(monkeypatch) as meter:
            run()
        assert (meter.launches, meter.read, meter.written) == (1, 8 * n * reads, 8 * n * writes)
        assert meter.twice == meter.back == 0


def test_nothing_in_gives_nothing_out():
    x, *parameters = (t[:0] for t in mixture(5, 3, 8))
    assert log_prob(x, *parameters, 8).shape == draw(x, *parameters, 8).shape == (0,)
