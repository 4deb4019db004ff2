"""Components: the right distribution, gradients to every parameter, ensembles equal to their members."""

import math

import pytest
import torch

from dgm_tutor.components import (
    BernoulliHead,
    FiLM,
    GaussianHead,
    GaussianNoiseHead,
    Linear,
    StandardNormal,
    Table,
    bernoulli,
    mlp,
    normal,
)
from dgm_tutor.components.distributions import isotropic


def shaken(module, scale=0.7, seed=0):
    """The module with parameters far from their initialisation."""
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for parameter in module.parameters():
            parameter.add_(scale * torch.randn(parameter.shape, generator=generator))
    return module


def test_gaussian_head_reads_mu_and_log_sigma():
    head = shaken(GaussianHead(mlp([3, 8, 4])))
    c = torch.randn(5, 3)
    q, raw = head(c), head.network(c)
    z = torch.randn(5, 2)
    mu, sigma = raw[:, :2], raw[:, 2:].exp()
    expected = (-0.5 * ((z - mu) / sigma) ** 2 - sigma.log() - 0.5 * math.log(2 * math.pi)).sum(-1)
    torch.testing.assert_close(q.log_prob(z), expected)
    assert q.batch_shape == (5,) and q.event_shape == (2,)


def test_gaussian_head_density_integrates_to_one():
    head = shaken(GaussianHead(mlp([2, 2])), scale=0.3).double()
    q = head(torch.randn(1, 2, dtype=torch.float64, generator=torch.Generator().manual_seed(1)))
    mu, sigma = q.base_dist.loc, q.base_dist.scale
    grid = mu + sigma * torch.linspace(-9, 9, 2001, dtype=torch.float64)[:, None, None]
    mass = q.log_prob(grid).exp().sum() * (sigma * 18 / 2000).prod()
    assert mass.item() == pytest.approx(1.0, abs=1e-9)


def test_bernoulli_head_sums_to_one_over_all_images():
    head = shaken(BernoulliHead(mlp([2, 5, 4])))
    images = torch.cartesian_prod(*[torch.tensor([0.0, 1.0])] * 4)
    probability = head(torch.randn(3, 1, 2)).log_prob(images).exp()
    torch.testing.assert_close(probability.sum(-1), torch.ones(3))


def test_densities_that_sum_first_are_torch_s_own():
    """Also over leading samples, expanded, and with gradients to both arguments."""
    mu, z = torch.randn(5, 7, dtype=torch.float64), torch.randn(3, 5, 7, dtype=torch.float64)
    cases = (
        (lambda c: isotropic(c, 0.3), lambda c: torch.distributions.Normal(c, 0.3), z),
        (bernoulli, lambda c: torch.distributions.Bernoulli(logits=c), (z > 0).double()),
    )
    for ours, theirs, value in cases:
        results = []
        for make in (ours, lambda c, theirs=theirs: torch.distributions.Independent(theirs(c), 1)):
            condition, x = mu.clone().requires_grad_(), value.clone().requires_grad_()
            with torch.no_grad():
                wide = make(condition).expand((3, 5)).log_prob(value)
            q = make(condition)
            q.log_prob(x).sin().sum().backward()
            results.append([q.log_prob(x), wide, condition.grad, x.grad, q.mean, q.variance])
        for a, b in zip(*results, strict=True):
            torch.testing.assert_close(a, b, rtol=1e-12, atol=1e-12)


def test_bernoulli_head_refuses_grey_levels_and_says_what_to_do():
    assert BernoulliHead(mlp([2, 4])).refuse(torch.tensor([[0.0, 1.0]])) is None
    assert "binarise" in BernoulliHead(mlp([2, 4])).refuse(torch.tensor([[0.0, 0.4]]))


def test_gaussian_noise_head_uses_its_sigma():
    head = GaussianNoiseHead(mlp([2, 3]), sigma=0.2)
    z, x = torch.randn(4, 2), torch.randn(4, 3)
    expected = torch.distributions.Normal(head.network(z), 0.2).log_prob(x).sum(-1)
    torch.testing.assert_close(head(z).log_prob(x), expected)


def test_standard_normal_prior():
    z = torch.tensor([[1.0, -2.0]])
    assert StandardNormal(2)().log_prob(z).item() == pytest.approx(-2.5 - math.log(2 * math.pi), rel=1e-6)


def test_table_is_its_probabilities():
    probabilities = torch.tensor([[0.2, 0.8], [0.5, 0.5], [0.9, 0.1]])
    q = Table(probabilities)(torch.eye(3))
    torch.testing.assert_close(q.probs, probabilities)


@pytest.mark.parametrize("network", [mlp([3, 6, 6, 2]), FiLM([3, 6, 6, 2])], ids=["mlp", "film"])
def test_gradients_reach_every_parameter(network):
    shaken(network)
    inputs = [torch.randn(64, 3)] + ([torch.randn(64, 1)] if isinstance(network, FiLM) else [])
    network(*inputs).square().sum().backward()
    assert all(p.grad is not None and p.grad.abs().sum() > 0 for p in network.parameters())


def test_film_depends_on_its_condition():
    film, x = shaken(FiLM([3, 16, 2])), torch.randn(8, 3)
    low, high = film(x, torch.full((8, 1), -1.0)), film(x, torch.full((8, 1), 1.0))
    assert (low - high).abs().max() > 1e-3
    torch.testing.assert_close(film(x, torch.tensor([-1.0])), low)


def test_stacked_linear_is_its_members():
    members = [shaken(Linear(3, 4), seed=s) for s in range(5)]
    stacked = Linear(3, 4)
    stacked.weight = torch.nn.Parameter(torch.stack([m.weight.detach() for m in members]))
    stacked.bias = torch.nn.Parameter(torch.stack([m.bias.detach() for m in members]))
    x = torch.randn(7, 3)
    torch.testing.assert_close(stacked(x), torch.stack([m(x) for m in members]))


def test_shared_noise_is_the_noise_of_one_model():
    mu, sigma = torch.randn(3, 6, 2), torch.rand(3, 6, 2) + 0.5
    torch.manual_seed(0)
    together = normal(mu, sigma, shared_noise=True).rsample()
    torch.manual_seed(0)
    alone = normal(mu[1], sigma[1]).rsample()
    assert torch.equal(together[1], alone)
