"""Singular values of a flow's Jacobian, and the players' gradients."""

import pytest
import torch

from dgm_tutor import evaluation, models
from dgm_tutor.components.flows import Transform, maf, multi_scale, real_nvp
from tests.models.test_models import away


class Linear(Transform):
    """x = A z."""

    def __init__(self, matrix):
        super().__init__()
        self.register_buffer("matrix", matrix)

    def forward(self, z, context=None):
        return z @ self.matrix.T, self.matrix.det().abs().log().expand(z.shape[:-1])


def points(n, d, seed=0):
    return torch.randn(n, d, generator=torch.Generator().manual_seed(seed))


def test_a_linear_map_has_its_own_singular_values():
    u, v = (torch.linalg.qr(points(3, 3, seed).double())[0] for seed in (1, 2))
    truth = torch.tensor([1e3, 1.0, 1e-7]).double()
    f = Linear(u @ torch.diag(truth) @ v)
    torch.testing.assert_close(evaluation.singular_values(f, points(4, 3)), truth.expand(4, 3), rtol=1e-6, atol=0)
    torch.testing.assert_close(evaluation.log_condition(f, points(4, 3)), torch.full((4,), 10.0).double())


@pytest.mark.parametrize("f", [real_nvp(4, 3, (8,)), maf(4, 2, (8,)), multi_scale((1, 4, 4), 4)])
def test_their_product_is_the_determinant_and_they_are_autograd_s(f):
    f = away(f, scale=0.2)
    z = points(5, 16 if not hasattr(f.transforms[-1], "made") and len(f.transforms) > 3 else 4)
    values = evaluation.singular_values(f, z)
    torch.testing.assert_close(values.log().sum(1), f.double()(z.double())[1])
    jacobian = torch.autograd.functional.jacobian(lambda point: f(point)[0], z[0].double())
    torch.testing.assert_close(values[0], torch.linalg.svdvals(jacobian))


def test_gradient_norms_are_each_player_s_own():
    model = models.create("flow_gan", x_dim=4, layers=2, hidden=(8,), critic_hidden=(8,), t=0.5)
    assert evaluation.gradient_norms(model) == {}
    flow, critic = model.players()[:2]
    flow.loss(points(8, 4)).total.backward(inputs=flow.parameters)
    assert list(evaluation.gradient_norms(model)) == ["flow"]
    critic.loss(points(8, 4)).total.backward(inputs=critic.parameters)
    norms = evaluation.gradient_norms(model)
    for player in (flow, critic):
        whole = torch.cat([p.grad.flatten() for p in player.parameters]).norm()
        torch.testing.assert_close(norms[player.name], whole)


def test_a_record_at_points_wants_a_flow():
    model = models.create("gan", x_dim=4, z_dim=2, hidden=(8,))
    assert evaluation.game_record()(model) == {}
    with pytest.raises(ValueError, match=r"gan has no flow .* use game_record\(\)"):
        evaluation.game_record(points(3, 2))(model)
