"""MMD as one operation: the twin against the definition, the compiler, the kernel's own process, its traffic."""

import pytest
import torch

from dgm_tutor.kernels.pairwise import op, oracle, squared_mmd
from dgm_tutor.kernels.pairwise import torch as twin
from tests.kernels import linux


def sets(n=13, m=9, d=3):
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(n, d, generator=generator, dtype=torch.float64)
    y = 0.5 + torch.randn(m, d, generator=generator, dtype=torch.float64)
    return x.requires_grad_(), y.requires_grad_()


@pytest.mark.parametrize("tile", [5, 1000])
@pytest.mark.parametrize("unbiased", [True, False])
@pytest.mark.parametrize("kernel", ["rbf", "imq"])
def test_the_twin_is_the_definition(kernel, unbiased, tile, monkeypatch):
    monkeypatch.setattr(twin, "TILE", tile)
    x, y = sets()
    found, truth = squared_mmd(x, y, kernel, 3.0, unbiased), oracle.squared_mmd(x, y, kernel, 3.0, unbiased)
    assert abs(found - truth) < 1e-14
    for a, b in zip(torch.autograd.grad(found, (x, y)), torch.autograd.grad(truth, (x, y)), strict=True):
        torch.testing.assert_close(a, b, rtol=0, atol=1e-14)


def test_the_compiler_takes_it_whole_and_changes_nothing():
    x, y = sets()

    def loss(x, y):
        return squared_mmd(2 * x, y, "rbf", 3.0).sqrt()

    compiled = torch.compile(loss, fullgraph=True, backend="aot_eager")
    plain, whole = (torch.autograd.grad(f(x, y), (x, y)) for f in (loss, compiled))
    torch.testing.assert_close(whole, plain)


def test_opcheck():
    torch.library.opcheck(op._squared_mmd, (*sets(), "rbf", 3.0, True, True, True))


def test_a_second_derivative_is_refused():
    x, y = sets()
    (in_x,) = torch.autograd.grad(squared_mmd(x, y, "rbf", 3.0), x, create_graph=True)
    with pytest.raises(RuntimeError, match="cannot be differentiated twice.*kernels.pairwise.oracle.squared_mmd"):
        in_x.sum().backward()


@linux
@pytest.mark.slow
def test_the_kernel_in_the_interpreter(interpreter):
    interpreter("pairwise")


@linux
def test_one_launch_whose_traffic_grows_with_the_points_and_not_the_pairs():
    from dgm_tutor.kernels.pairwise.triton import traffic

    small, large = traffic(1024, 1024, 20), traffic(4096, 4096, 20)
    assert small["launches"] == large["launches"] == 1
    assert large["bytes"] == 4 * small["bytes"] <= 2.5 * 4 * 8192 * 32  # points in, gradients out: 32 rows for 20
    assert large["operations"] == 16 * small["operations"]
    assert large["bytes"] < 0.02 * 3 * 4 * 4096**2  # of the three Gram matrices
