"""The planar and radial stacks in the interpreter, against Jacobians by autograd in float64."""

import pytest
import torch

from dgm_tutor import models
from dgm_tutor.components import flows
from dgm_tutor.kernels.residual import op, oracle, planar_stack, radial_stack
from dgm_tutor.kernels.residual.triton import NUMBERS
from dgm_tutor.training import fit
from tests.kernels.numbers import assert_close
from tests.kernels.stacks import problem, run

KINDS = ["planar", "radial"]


def check(kind, n, maps, dim, dtype=torch.float64, leaves=None):
    leaves = leaves or problem(kind, n, maps, dim, dtype)
    exact = [leaf.detach().double().requires_grad_() for leaf in leaves]
    truth = run(kind, oracle.planar_stack, oracle.radial_stack, exact)
    found = run(kind, planar_stack, radial_stack, leaves)
    length = 16 * maps * max(dim, 4)
    for mine, theirs in zip(found, truth, strict=True):
        assert_close(mine.detach(), theirs.detach(), length, scale=1.0)
    generator = torch.Generator().manual_seed(1)
    upstream = [torch.randn(t.shape, generator=generator, dtype=torch.float64) for t in truth]
    theirs = torch.autograd.grad(truth, exact, upstream)
    mine = torch.autograd.grad(found, leaves, [u.to(dtype) for u in upstream])
    for a, b in zip(mine, theirs, strict=True):
        assert_close(a, b, length, scale=max(t.abs().max().item() for t in theirs))


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32])
@pytest.mark.parametrize("kind", KINDS)
def test_values_log_determinants_and_gradients_are_the_definition_s(kind, dtype):
    check(kind, 7, 5, 3, dtype)


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32])
@pytest.mark.parametrize(("n", "maps", "dim"), [(1, 1, 1), (1, 2, 2), (5, 1, 31), (3, 2, 32), (3, 2, 33)])
@pytest.mark.parametrize("kind", KINDS)
def test_at_the_edges_of_tiles(kind, n, maps, dim, dtype):
    check(kind, n, maps, dim, dtype)


@pytest.mark.parametrize("extra", [-1, 0, 1])
@pytest.mark.parametrize("kind", KINDS)
def test_at_the_edge_of_a_programs_points(kind, extra):
    owned = NUMBERS // 4 // 16  # in float64
    check(kind, owned + extra, 2, 16)


@pytest.mark.parametrize("kind", KINDS)
def test_points_that_do_not_lie_side_by_side_in_memory(kind):
    leaves = problem(kind, 6, 3, 8)
    z = leaves[0].detach()[::2, ::2].requires_grad_()
    spread = [leaf.detach()[:, ::2, ::2] if leaf.dim() == 3 else leaf.detach()[:, ::2] for leaf in leaves[1:]]
    check(kind, 3, 3, 4, leaves=[z, *(leaf.requires_grad_() for leaf in spread)])


@pytest.mark.parametrize("kind", KINDS)
def test_nothing_is_read_before_it_is_written(kind):
    torch.use_deterministic_algorithms(True)  # torch.empty now holds NaN
    try:
        check(kind, 5, 3, 3)
    finally:
        torch.use_deterministic_algorithms(False)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(("context_dim", "shape"), [(0, (6,)), (4, (6,)), (4, (2, 6))])
def test_the_flows_are_the_same_map_by_map_and_as_one(kind, context_dim, shape, monkeypatch):
    """Forwards, log-determinant and every gradient, with parameters from a context and shared ones."""
    torch.manual_seed(2)
    flow = getattr(flows, kind)(3, 4, context_dim).double()
    z = torch.randn(*shape, 3, dtype=torch.float64, requires_grad=True)
    context = torch.randn(6, context_dim, dtype=torch.float64, requires_grad=True) if context_dim else None
    wanted = [z, *flow.parameters(), *([context] if context_dim else [])]
    results = []
    for choice in ("torch", "triton"):
        monkeypatch.setenv("DGM_BACKEND", choice)
        x, log_det = flow(z, context)
        results.append([x, log_det, *torch.autograd.grad((x.sin().sum(), log_det.square().sum()), wanted)])
    for one_by_one, at_once in zip(*results, strict=True):
        torch.testing.assert_close(at_once, one_by_one, rtol=0, atol=1e-10)


@pytest.mark.parametrize("kind", KINDS)
def test_a_model_trains_with_the_kernel_as_it_does_without(kind, monkeypatch):
    """A VAE with this posterior, twenty steps of Adam in float64: the same losses and weights, far from the first."""
    x = (torch.rand(64, 6, generator=torch.Generator().manual_seed(3)) < torch.linspace(0.1, 0.9, 6)).double()
    runs, launches = [], []
    sizes = {"x_dim": 6, "z_dim": 2, "hidden": (8,), "context_dim": 4}
    original = getattr(op, f"_{kind}")
    monkeypatch.setattr(op, f"_{kind}", lambda *t: launches.append(kind) or original(*t))
    for choice in ("torch", "triton"):
        monkeypatch.setenv("DGM_BACKEND", choice)
        torch.manual_seed(0)
        model = models.create("flow_posterior_vae", posterior=kind, layers=3, **sizes).double()
        first = [p.detach().clone() for p in model.parameters()]
        history = fit(model, x, steps=20, batch_size=16, lr=0.05, device="cpu", progress=False)
        assert all((p - before).abs().max() > 0.05 for p, before in zip(model.parameters(), first, strict=True))
        runs.append([history["autoencoder/total"], *(p.detach() for p in model.parameters())])
    assert len(launches) == 20  # the second run's steps, and none of the first's
    for without, with_kernel in zip(*runs, strict=True):
        torch.testing.assert_close(with_kernel, without, rtol=0, atol=1e-8)


@pytest.mark.parametrize("kind", KINDS)
def test_gradcheck_and_opcheck(kind):
    leaves = problem(kind, 3, 2, 2)
    assert torch.autograd.gradcheck(lambda *t: run(kind, planar_stack, radial_stack, t), leaves, fast_mode=True)
    arguments = []
    run(kind, lambda *t: arguments.extend(t) or t[:2], lambda *t: arguments.extend(t) or t[:2], leaves)
    operation = op._planar if kind == "planar" else op._radial
    torch.library.opcheck(operation, tuple(t.detach().requires_grad_() for t in arguments), test_utils=FAST)


FAST = ("test_schema", "test_autograd_registration", "test_faketensor")
