"""Every transform, away from initialisation: inverses, log-determinants, normalisation, gradients, contexts."""

import pytest
import torch

from dgm_tutor.components.flows import Flow
from dgm_tutor.exact import FlowWorld
from tests.components.flows.truth import TRANSFORMS, base, grid, made, points

every = pytest.mark.parametrize("name", TRANSFORMS)
dims = pytest.mark.parametrize("dim", [2, 5])


def world(transform, x, context=None):
    """The transform's maps without its log-determinants: what autograd is asked about."""
    return FlowWorld(lambda z: transform(z, context)[0], lambda x: transform.inverse(x, context)[0], x)


@every
@dims
def test_inverse_undoes_forward_and_log_dets_are_those_of_autograd(name, dim):
    transform, z = made(name, dim), points(40, dim, scale=2.0)
    x, log_det = transform(z)
    back, log_det_back = transform.inverse(x)
    assert (x - z).abs().max() > 0.1
    torch.testing.assert_close(back, z, rtol=0, atol=1e-7)
    exact = world(transform, x.detach())
    exact.check_inverse(1e-8)
    torch.testing.assert_close(log_det, exact.log_det_forward(), rtol=0, atol=1e-7)
    torch.testing.assert_close(log_det_back, exact.log_det_inverse(), rtol=0, atol=1e-7)
    assert log_det.std() > 1e-2


@every
def test_density_integrates_to_one_and_samples_fall_where_it_is(name):
    q, (x, cell) = Flow(base(2), made(name, 2, seed=1)), grid(401, 6.0)
    torch.manual_seed(0)
    with torch.no_grad():
        mass, samples = q.log_prob(x).exp() * cell, q.sample((4000,))
    assert mass.sum().item() == pytest.approx(1.0, abs=1e-3)
    centre = (mass[:, None] * x).sum(0)
    for region in (
        lambda x: x[:, 0] > x[:, 1],
        lambda x: x[:, 0] > centre[0],
        lambda x: (x - centre).norm(dim=-1) < 0.7,
    ):
        expected, share = (mass * region(x)).sum().item(), region(samples).double().mean().item()
        assert share == pytest.approx(expected, abs=5 * 0.5 / 4000**0.5 + 1e-3)


@every
@dims
def test_gradients_reach_every_parameter_by_sampling_and_by_density(name, dim):
    context = points(6, 3, seed=3)
    for use in ("sample", "density"):
        transform = made(name, dim, 3)
        q = Flow(base(dim), transform, context)
        x, log_prob = q.rsample_with_log_prob() if use == "sample" else (points(6, dim), None)
        value = q.log_prob(x) if log_prob is None else log_prob + x.square().sum(-1)
        value.sum().backward()
        silent = [key for key, p in transform.named_parameters() if p.grad is None or not p.grad.abs().sum() > 0]
        assert not silent, use


@every
def test_gradients_by_sampling_are_those_of_finite_differences(name):
    """Bisections too: they pass on the implicit function theorem's gradient."""
    transform, context = made(name, 2, 3), points(3, 3, seed=3)
    z = points(3, 2, scale=0.8).requires_grad_()
    context.requires_grad_()
    for direction in (transform.forward, transform.inverse):
        assert torch.autograd.gradcheck(direction, (z, context), atol=1e-5)


@every
@dims
def test_context_matters_to_every_example_and_to_no_other(name, dim):
    transform, z, context = made(name, dim, 3), points(4, dim), points(4, 3, seed=3)
    x, log_det = transform(z, context)
    changed = context.clone()
    changed[2] += 1.0
    x_changed, log_det_changed = transform(z, changed)
    same = torch.tensor([True, True, False, True])
    torch.testing.assert_close(x_changed[same], x[same])
    torch.testing.assert_close(log_det_changed[same], log_det[same])
    assert ((x[2] - x_changed[2]).abs() > 1e-9).all() and (log_det[2] - log_det_changed[2]).abs() > 1e-9


@every
def test_context_broadcasts_over_many_samples(name):
    transform, context, z = made(name, 2, 3), points(4, 3, seed=3), points(7, 4, 2)
    together, log_det = transform(z, context)
    alone = [transform(z[s], context) for s in range(7)]
    torch.testing.assert_close(together, torch.stack([x for x, _ in alone]))
    torch.testing.assert_close(log_det, torch.stack([d for _, d in alone]))
    back, log_det_back = transform.inverse(together, context)
    torch.testing.assert_close(back, z)
    torch.testing.assert_close(log_det_back, -log_det)


@every
def test_an_example_does_not_see_the_batch(name):
    transform, z = made(name, 5), points(8, 5)
    x, log_det = transform(z)
    alone_x, alone_log_det = transform(z[3])
    torch.testing.assert_close(x[3], alone_x)
    torch.testing.assert_close(log_det[3], alone_log_det)
    assert log_det.shape == (8,) and alone_log_det.shape == ()


@every
def test_single_precision_keeps_five_digits(name):
    transform, z = made(name, 5), points(40, 5)
    x, log_det = transform(z)
    single = transform.float()
    x32, log_det32 = single(z.float())
    back, log_det_back = single.inverse(x32)
    for value, exact in ((x32, x), (log_det32, log_det), (back, z), (-log_det_back, log_det)):
        assert value.dtype == torch.float32
        torch.testing.assert_close(value.double(), exact, rtol=1e-4, atol=2e-4)


@every
def test_parameters_are_kept_by_name(name):
    transform, other, z = made(name, 5, seed=0), made(name, 5, seed=1), points(4, 5)
    assert not torch.allclose(transform(z)[0], other(z)[0])
    other.load_state_dict(transform.state_dict())
    assert torch.equal(transform(z)[0], other(z)[0])
