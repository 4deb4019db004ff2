"""Planar in both of its regimes, roots by bisection, couplings and the multi-scale order of pixels."""

import math

import pytest
import torch
from torch.nn import functional as F

from dgm_tutor.components.flows import (
    DeepSigmoid,
    Flow,
    OnFirst,
    Permutation,
    Planar,
    Radial,
    Stack,
    Sylvester,
    multi_scale,
    planar,
    radial,
    real_nvp,
    solve,
)
from dgm_tutor.exact import FlowWorld
from tests.components.flows.truth import away, points


def planar_with(w_u, norm, dim=2):
    """A planar map with w.u = w_u before the constraint and |w| = norm."""
    planar = Planar(dim).double()
    w = points(dim, seed=1)
    w = norm * w / w.norm()
    side = points(dim, seed=2)
    side = side - (side @ w) * w / norm**2  # across w: changes u, not w.u
    u = w_u * w / norm**2 + side
    with torch.no_grad():
        planar.parameters_of.free.copy_(torch.cat([u, w, torch.tensor([0.3])]))
    return planar


@pytest.mark.parametrize("norm", [0.3, 1.0, 2.5])
@pytest.mark.parametrize("w_u", [-6.0, -1.5, -0.5, 2.0])
def test_planar_is_invertible_on_both_sides_of_w_u_equal_minus_one(w_u, norm):
    planar, z = planar_with(w_u, norm), points(200, 2, scale=3.0)
    x, log_det = planar(z)
    world = FlowWorld(lambda z: planar(z)[0], lambda x: planar.inverse(x)[0], x.detach())
    world.check_inverse(1e-8)
    determinant = torch.linalg.det(world.forward_jacobian())
    assert (determinant > 0).all()
    torch.testing.assert_close(log_det, determinant.log(), rtol=0, atol=1e-7)


@pytest.mark.parametrize("norm", [0.5, 3.0])
def test_planar_u_hat_is_the_paper_s(norm):
    planar = planar_with(-2.2, norm)
    u, w, _ = planar.parameters_of.free.split([2, 2, 1])
    expected = u + (-1 + math.log1p(math.exp(-2.2)) + 2.2) * w / (w @ w)
    z = points(1, 2)
    x, _ = planar(z)
    torch.testing.assert_close((x - z)[0] / torch.tanh(z @ w + 0.3), expected)


@pytest.mark.parametrize("context_shape", [None, (4,), (5, 4), (3, 1, 4)], ids=str)
@pytest.mark.parametrize("kind", [planar, radial])
def test_a_stack_is_its_maps_one_by_one(kind, context_shape):
    """Point, log-determinant and every gradient, though their parameters are made together."""
    stack, z = away(kind(3, 4, context_shape[-1] if context_shape else 0)), points(3, 5, 3).requires_grad_()
    context = points(*context_shape, seed=2).requires_grad_() if context_shape else None
    wanted = [z, *stack.parameters(), *([context] if context_shape else [])]
    results = []
    for forward in (stack.forward, lambda z, context: Stack.forward(stack, z, context)):
        x, log_det = forward(z, context)
        results.append([x, log_det, *torch.autograd.grad((x.sin().sum(), log_det.square().sum()), wanted)])
    for together, one_by_one in zip(*results, strict=True):
        torch.testing.assert_close(together, one_by_one, rtol=0, atol=1e-12)


def test_planar_log_det_stays_finite_where_the_map_is_almost_flat():
    planar = planar_with(-40.0, 1.0).float()
    planar.parameters_of.free.data[-1] = 0.0
    _, log_det = planar(torch.zeros(2))  # w.z + b = 0, where tanh is steepest
    torch.testing.assert_close(log_det, torch.tensor(-40.0), rtol=1e-3, atol=0)
    log_det.backward()
    assert planar.parameters_of.free.grad.isfinite().all()


def test_planar_without_a_plane_is_a_shift():
    planar, z = Planar(3).double(), points(5, 3)
    planar.parameters_of.free.data[3:6] = 0.0
    u, b = planar.parameters_of.free.detach()[:3], planar.parameters_of.free.detach()[6]
    x, log_det = planar(z)
    torch.testing.assert_close(x, z + u * torch.tanh(b))
    torch.testing.assert_close(planar.inverse(x)[0], z)
    assert not log_det.any()
    (x.square().sum() + log_det.sum()).backward()
    gradient = planar.parameters_of.free.grad
    assert gradient.isfinite().all() and gradient[3:6].any()  # so that training can give it a plane


def test_a_mirror_of_no_length_reflects_nothing():
    sylvester, z = away(Sylvester(3, reflections=1)), points(5, 3)
    sylvester.parameters_of.free.data[:3] = 0.0
    x, log_det = sylvester(z)
    torch.testing.assert_close(sylvester.inverse(x)[0], z)
    (x.sum() + log_det.sum()).backward()
    assert sylvester.parameters_of.free.grad.isfinite().all()


def test_radial_has_a_gradient_at_its_centre():
    radial = Radial(3)
    centre = radial.parameters_of.free.detach()[:3].clone().requires_grad_()
    x, log_det = radial(centre)
    (x.sum() + log_det).backward()
    assert centre.grad.isfinite().all() and torch.allclose(x, centre)


def test_solve_finds_roots_far_out_and_near_to_tolerance():
    y = torch.tensor([-1e6, -3.0, 0.0, 1e-9, 7.0, 1e9], dtype=torch.float64)
    root = solve(lambda x: (x.sinh().clamp(-1e12, 1e12) + x, (x.cosh() + 1).log()), y)
    torch.testing.assert_close(root.sinh() + root, y, rtol=1e-12, atol=1e-12)
    coarse = solve(lambda x: (2 * x, torch.full_like(x, math.log(2))), y[1:5], tolerance=0.1)
    assert (coarse - y[1:5] / 2).abs().max() < 0.2


@pytest.mark.parametrize(("y", "slope"), [(float("nan"), 1.0), (2.0, 0.0)])
def test_solve_refuses_what_has_no_root(y, slope):
    with pytest.raises(ArithmeticError, match="strictly increasing"):
        solve(lambda x: (slope * x, torch.zeros_like(x)), torch.tensor([y]))


def test_deep_sigmoid_is_huang_s_formula_and_does_not_overflow():
    monotone, x, raw = DeepSigmoid(4), points(50), points(50, 12, seed=2)
    w, a = raw[:, :4].softmax(-1), F.softplus(raw[:, 4:8] + 0.5413) + 1e-3
    b = raw[:, 8:] + torch.tensor([-2, -2 / 3, 2 / 3, 2], dtype=torch.float64)  # two of them no float32 numbers
    z = torch.logit((w * torch.sigmoid(a * x[:, None] + b)).sum(-1))
    torch.testing.assert_close(monotone.inverse(x, raw)[0], z, rtol=0, atol=1e-12)
    far = torch.tensor([-1e4, 1e4])
    z, log_slope = monotone.inverse(far, raw[:2].float())
    assert z.isfinite().all() and log_slope.isfinite().all() and z[0] < -5 < 5 < z[1]


@pytest.mark.parametrize("dim", [2, 3, 5, 8])
def test_couplings_move_every_coordinate_and_come_back(dim):
    transform, z = away(real_nvp(dim, 2, (8,))), points(20, dim)
    x, _ = transform(z)
    assert ((x - z).abs().amax(0) > 1e-2).all()
    torch.testing.assert_close(transform.inverse(x)[0], z)


def test_a_coupling_in_one_dimension_is_refused():
    with pytest.raises(ValueError, match="use maf"):
        real_nvp(1)


@pytest.fixture(scope="module")
def images():
    torch.manual_seed(0)
    return away(multi_scale((1, 4, 4), channels=4), scale=0.1)


def test_multi_scale_inverts_with_the_log_det_of_autograd(images):
    z = points(6, 16)
    x, log_det = images(z)
    world = FlowWorld(lambda z: images(z)[0], lambda x: images.inverse(x)[0], x.detach())
    world.check_inverse(1e-9)
    torch.testing.assert_close(log_det, world.log_det_forward(), rtol=0, atol=1e-8)
    torch.testing.assert_close(images.inverse(x)[1], world.log_det_inverse(), rtol=0, atol=1e-8)
    assert images(points(2, 3, 16))[0].shape == (2, 3, 16)


def test_multi_scale_gradients_reach_every_parameter(images):
    Flow(torch.distributions.Independent(torch.distributions.Normal(points(16), 1.0), 1), images).log_prob(
        points(5, 16)
    ).sum().backward()
    assert all(p.grad.abs().sum() > 0 for p in images.parameters())


def test_squeezing_turns_each_square_into_four_channels():
    _, *_, squeeze, _, _, _ = multi_scale((2, 4, 4)).transforms
    picture = torch.arange(32.0)
    channels = squeeze.inverse(picture)[0].reshape(8, 2, 2)
    assert channels[:4, 0, 0].tolist() == [0, 1, 4, 5]
    assert channels[4:, 1, 1].tolist() == [26, 27, 30, 31]
    assert torch.equal(squeeze(squeeze.inverse(picture)[0])[0], picture)


def test_a_part_leaves_the_rest_alone():
    part, z = OnFirst(Permutation(torch.tensor([1, 0])), 2), points(4, 5)
    x, log_det = part(z)
    assert torch.equal(x, z[:, [1, 0, 2, 3, 4]]) and not log_det.any()
