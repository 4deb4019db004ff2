"""The mixture of discretised logistics: the twin against the oracle, and the kernels in a process of their own."""

import pytest
import torch
from torch.autograd import gradcheck

from dgm_tutor.kernels.logistic_mixture import oracle
from dgm_tutor.kernels.logistic_mixture import torch as twin
from tests.kernels import linux
from tests.kernels.problems import mixture


def with_gradients(function, x, *parameters, levels):
    parameters = [t.detach().requires_grad_() for t in parameters]
    log_p = function(x, *parameters, levels)
    return log_p.detach(), *torch.autograd.grad(log_p.square().sum(), parameters)


@pytest.mark.parametrize("levels", [2, 3, 256])
@pytest.mark.parametrize(("n", "K"), [(1, 1), (100, 3), (twin.TILE // 5 + 2, 5)])  # the last: two tiles
def test_the_twin_is_the_oracle_and_so_are_its_gradients(n, K, levels):
    inputs = mixture(n, K, levels)
    ours, truth = (with_gradients(f, *inputs, levels=levels) for f in (twin.log_prob, oracle.log_prob))
    for a, b in zip(ours, truth, strict=True):
        torch.testing.assert_close(a, b, rtol=1e-11, atol=1e-11)


def test_the_twins_gradient_is_its_slope_and_the_pixels_have_one_too():
    x, *parameters = mixture(6, 3, 8)
    parameters = [t.requires_grad_() for t in parameters]
    assert gradcheck(lambda *p: twin.log_prob(x, *p, 8), parameters, fast_mode=True)
    x.requires_grad_()
    (in_x,), (in_mu,) = (torch.autograd.grad(twin.log_prob(x, *parameters, 8).sum(), of) for of in (x, parameters[1]))
    torch.testing.assert_close(in_x, -in_mu.sum(-1))


def test_the_twin_refuses_a_second_derivative():
    x, *parameters = mixture(6, 3, 8)
    parameters = [t.requires_grad_() for t in parameters]
    first = torch.autograd.grad(twin.log_prob(x, *parameters, 8).sum(), parameters, create_graph=True)
    with pytest.raises(RuntimeError, match="log_prob cannot be differentiated twice"):
        first[1].sum().backward()


@linux
@pytest.mark.slow
def test_the_kernels_in_the_interpreter(interpreter):
    interpreter("logistic_mixture")
