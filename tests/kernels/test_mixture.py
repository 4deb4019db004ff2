"""The log of a mixture as one operation: the twin, the compiler, the kernels' own process, their traffic."""

import pytest
import torch

from dgm_tutor.kernels.mixture import log_mixture, op, oracle
from dgm_tutor.kernels.mixture import torch as twin
from tests.kernels import linux
from tests.kernels.numbers import assert_close


def problem(n=13, m=9, d=3, offset=0.0):
    generator = torch.Generator().manual_seed(0)
    z, mean, log_std = (torch.randn(k, d, generator=generator, dtype=torch.float64) for k in (n, m, m))
    return [t.requires_grad_() for t in (z + offset, 1.5 * mean + offset, (0.5 * log_std).exp())]


@pytest.mark.parametrize("tile", [20, 2**17])
@pytest.mark.parametrize("marginals", [False, True])
@pytest.mark.parametrize("bonus", [0.0, -1.3])
def test_the_twin_is_the_definition(bonus, marginals, tile, monkeypatch):
    monkeypatch.setattr(twin, "TILE", tile)
    inputs = problem()
    found, truth = (f(*inputs, bonus, marginals) for f in (log_mixture, oracle.log_mixture))
    torch.testing.assert_close(found, truth, rtol=0, atol=1e-12)
    upstream = torch.randn_like(truth)
    gradients = (torch.autograd.grad(f, inputs, upstream) for f in (found, truth))
    for a, b in zip(*gradients, strict=True):
        torch.testing.assert_close(a, b, rtol=0, atol=1e-12)


@pytest.mark.parametrize("bonus", [0.0, -1.3])
@pytest.mark.parametrize("tile", [20, 2**17])
def test_single_precision_is_the_definition_but_for_its_last_rounding(tile, bonus, monkeypatch):
    """Taken by products in float64: value and gradients, at points that float32 holds."""
    monkeypatch.setattr(twin, "TILE", tile)
    inputs = [t.detach().float().requires_grad_() for t in problem(offset=30.0)]
    exact = [t.detach().double().requires_grad_() for t in inputs]
    found, truth = log_mixture(*inputs, bonus), oracle.log_mixture(*exact, bonus)
    assert found.dtype == torch.float32
    upstream = torch.randn_like(truth)
    gradients = torch.autograd.grad(found, inputs, upstream.float()), torch.autograd.grad(truth, exact, upstream)
    for a, b in zip((found, *gradients[0]), (truth, *gradients[1]), strict=True):
        assert_close(a.detach(), b.detach(), 4)


@pytest.mark.parametrize(("dtype", "sigma", "close"), [(torch.float32, 0.01, 1e-5), (torch.float64, 1e-7, 1e-9)])
def test_many_sigma_from_the_origin_nothing_cancels(dtype, sigma, close):
    _, mean, std = (t.detach().to(dtype) for t in problem(offset=512.0))
    std = sigma * std
    z = mean + std
    torch.testing.assert_close(log_mixture(z, mean, std).double(), oracle.log_mixture(z, mean, std), rtol=close, atol=0)


def test_the_compiler_takes_it_whole_and_changes_nothing():
    inputs = problem()

    def loss(z, mean, std):
        return (log_mixture(2 * z, mean, std) - log_mixture(z, mean, std, marginals=True).sum(1)).mean()

    compiled = torch.compile(loss, fullgraph=True, backend="aot_eager")
    plain, whole = (torch.autograd.grad(f(*inputs), inputs) for f in (loss, compiled))
    torch.testing.assert_close(whole, plain)


@pytest.mark.parametrize("marginals", [False, True])
def test_opcheck(marginals):
    torch.library.opcheck(op._forward, (*problem(), 0.5, marginals))


def test_a_second_derivative_is_refused():
    inputs = problem()
    (in_z,) = torch.autograd.grad(log_mixture(*inputs).sum(), inputs[0], create_graph=True)
    with pytest.raises(RuntimeError, match="cannot be differentiated twice.*kernels.mixture.oracle.log_mixture"):
        in_z.sum().backward()


def test_shapes_that_do_not_fit_are_refused():
    z, mean, std = (t.detach() for t in problem())
    for wrong in ((z[0], mean, std), (z, mean[:, :2], std), (z[:, :2], mean, std), (z, mean[:0], std[:0])):
        with pytest.raises(ValueError, match=r"expected z \(N, d\)"):
            log_mixture(*wrong)


@linux
@pytest.mark.slow
def test_the_kernels_in_the_interpreter(interpreter):
    interpreter("mixture")


@linux
def test_three_launches_whose_traffic_grows_with_the_points_and_not_the_pairs():
    from dgm_tutor.kernels.mixture.triton import traffic

    small, large = traffic(1024, 1024, 64), traffic(4096, 4096, 64)
    assert small["launches"] == large["launches"] == 3
    assert large["bytes"] == 4 * small["bytes"] <= 1.1 * 4 * 4096 * 64 * (3 * 3 + 3)
    assert large["bytes"] < 0.02 * 4 * 64 * 4096**2  # of all pairs' log-densities, one a dimension
