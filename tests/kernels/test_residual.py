"""The planar and radial stacks as operations: the twin, the compiler, the kernels' own process, their traffic."""

import pytest
import torch

from dgm_tutor.kernels.residual import op, oracle, planar_stack, radial_stack
from tests.kernels import linux
from tests.kernels.stacks import problem, run

KINDS = ["planar", "radial"]


@pytest.mark.parametrize("kind", KINDS)
def test_the_twin_is_the_definition(kind):
    leaves = problem(kind, 6, 5, 3)
    truth, found = (
        run(kind, oracle.planar_stack, oracle.radial_stack, leaves),
        run(kind, planar_stack, radial_stack, leaves),
    )
    for a, b in zip(found, truth, strict=True):
        torch.testing.assert_close(a, b, rtol=0, atol=1e-12)
    upstream = [torch.randn_like(t) for t in truth]
    for a, b in zip(*(torch.autograd.grad(t, leaves, upstream) for t in (found, truth)), strict=True):
        torch.testing.assert_close(a, b, rtol=0, atol=1e-11)


@pytest.mark.parametrize("kind", KINDS)
def test_the_compiler_takes_it_whole_and_changes_nothing(kind):
    leaves = problem(kind, 6, 3, 3)

    def loss(*leaves):
        x, log_det = run(kind, planar_stack, radial_stack, leaves)
        return (x.square().sum(1) - log_det).mean()

    compiled = torch.compile(loss, fullgraph=True, backend="aot_eager")
    plain, whole = (torch.autograd.grad(f(*leaves), leaves) for f in (loss, compiled))
    torch.testing.assert_close(whole, plain)


@pytest.mark.parametrize("kind", KINDS)
def test_a_second_derivative_is_refused(kind):
    leaves = problem(kind, 4, 2, 2)
    x, _ = run(kind, planar_stack, radial_stack, leaves)
    (gradient,) = torch.autograd.grad(x.sum(), leaves[0], create_graph=True)
    with pytest.raises(RuntimeError, match=f"cannot be differentiated twice.*residual.oracle.{kind}_stack"):
        gradient.sum().backward()


def test_points_the_kernels_cannot_take_are_refused_by_name(monkeypatch):
    assert not op.uses_kernels(torch.zeros(2, 3, 4))
    monkeypatch.setenv("DGM_BACKEND", "triton")
    for wrong in (torch.zeros(2, 3, 4), torch.zeros(2, 513), torch.zeros(2, 3, dtype=torch.float16)):
        with pytest.raises(RuntimeError, match="DGM_BACKEND=triton, but the points are"):
            op.uses_kernels(wrong)


@linux
@pytest.mark.slow
def test_the_kernels_in_the_interpreter(interpreter):
    interpreter("residual")


@linux
@pytest.mark.parametrize("kind", KINDS)
def test_two_launches_however_many_maps(kind):
    from dgm_tutor.kernels.residual.triton import traffic

    few, many = traffic(1024, 4, 20, kind), traffic(1024, 32, 20, kind)
    assert few["launches"] == many["launches"] == 2
    vectors = 2 if kind == "planar" else 1
    # each parameter once forwards, once backwards, and its gradient: three times; the points themselves hardly count
    assert many["bytes"] <= 1.15 * 3 * 32 * 1024 * (vectors * 20 + 2) * 4
