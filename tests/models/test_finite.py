"""D16 for neural networks: their loss and the exact sums of the world that they describe are one number."""

import pytest
import torch

from dgm_tutor import models
from tests.components.test_components import shaken

P_DATA = torch.tensor([0.4, 0.05, 0.25, 0.1, 0.2], dtype=torch.float64)


@pytest.mark.parametrize("beta", [0.0, 0.3, 1.0, 4.0])
@pytest.mark.parametrize("seed", range(5))
def test_d16_holds_for_networks(beta, seed):
    torch.manual_seed(seed)
    model = shaken(models.finite_vae(5, 3, beta=beta), seed=seed)
    loss, world = models.exact_loss(model, P_DATA), models.exact_world(model, P_DATA)
    right = (beta - 1) * world.mi_q() + beta * world.kl_aggregate() + world.kl_likelihood() + world.entropy_data()
    torch.testing.assert_close(loss.total, right, rtol=0, atol=1e-10)
    torch.testing.assert_close(loss.terms["rate"][1], world.rate(), rtol=0, atol=1e-10)
    torch.testing.assert_close(loss.terms["distortion"][1], world.distortion(), rtol=0, atol=1e-10)


def test_both_sides_have_one_gradient():
    torch.manual_seed(0)
    model = shaken(models.finite_vae(5, 3, beta=2.5))
    parameters = [p for p in model.parameters() if p.requires_grad]
    world = models.exact_world(model, P_DATA)
    right = 1.5 * world.mi_q() + 2.5 * world.kl_aggregate() + world.kl_likelihood()
    for a, b in zip(
        torch.autograd.grad(models.exact_loss(model, P_DATA).total, parameters),
        torch.autograd.grad(right, parameters),
        strict=True,
    ):
        torch.testing.assert_close(a, b, rtol=0, atol=1e-9)


def test_sampled_losses_average_to_the_exact_one():
    torch.manual_seed(0)
    model = shaken(models.finite_vae(5, 3, beta=2.0))
    x = torch.eye(5, dtype=torch.float64)[torch.multinomial(P_DATA, 40_000, replacement=True)]
    q = model.posterior(x)
    z = q.sample()
    values = -model.decoder(z).log_prob(x) + 2 * torch.distributions.kl_divergence(q, model.prior())
    exact = models.exact_loss(model, P_DATA).total
    assert abs(values.mean() - exact) < 4 * values.std() / len(x) ** 0.5
