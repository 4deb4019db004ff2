"""Discretised logistics: masses that sum to one, equal CDF differences, stay finite and are what is sampled."""

import math

import pytest
import torch

from dgm_tutor.components.logistics import DiscretisedLogisticMixture, LogisticMixtureHead, refuse_levels
from dgm_tutor.components.networks import mlp
from dgm_tutor.kernels.logistic_mixture import choose, discretised_logistic
from tests.components.test_components import shaken


def grey(levels):
    return torch.arange(levels, dtype=torch.float64) / (levels - 1)


def random_mixture(*shape, mixtures=3, levels=8, seed=0):
    """Means inside and outside [0, 1], scales from a tenth of a bin to several bins."""
    generator = torch.Generator().manual_seed(seed)
    logits, mu, log_scale = torch.randn(3, *shape, mixtures, generator=generator, dtype=torch.float64)
    return DiscretisedLogisticMixture(logits, 0.5 + 0.6 * mu, log_scale - 2, levels)


@pytest.mark.parametrize("levels", [2, 3, 8, 256])
def test_masses_sum_to_one_over_all_bins(levels):
    mixture = random_mixture(50, levels=levels)
    total = mixture.log_prob(grey(levels)[:, None]).exp().sum(0)
    torch.testing.assert_close(total, torch.ones_like(total), rtol=0, atol=1e-12)


@pytest.mark.parametrize("levels", [2, 8, 256])
def test_masses_are_differences_of_the_cumulative_distribution(levels):
    mu, log_scale = torch.tensor([-0.2, 0.3, 1.1], dtype=torch.float64), torch.tensor([-1.0, -2.0, 0.5]).double()
    edges = (torch.arange(1, levels, dtype=torch.float64) - 0.5) / (levels - 1)
    inner = torch.sigmoid((edges[:, None] - mu) / log_scale.exp())
    cdf = torch.cat([torch.zeros(1, 3).double(), inner, torch.ones(1, 3).double()])
    mass = discretised_logistic(grey(levels)[:, None], mu, log_scale, levels).exp()
    torch.testing.assert_close(mass, cdf.diff(dim=0), rtol=1e-9, atol=1e-14)


def test_far_bins_keep_their_logarithm_where_a_difference_would_be_zero():
    """Bin 100 of 256 is 600 scales from mu = 1: log P = log sigma(a) + log(1 - e^-w) to rounding, never -inf."""
    mu, scale, x = 1.0, 0.001, 100 / 255
    width, upper = 1 / 255 / scale, (x + 0.5 / 255 - mu) / scale
    value = discretised_logistic(torch.tensor(x), torch.tensor(mu), torch.tensor(math.log(scale)), 256)
    assert value.item() == pytest.approx(upper + math.log(-math.expm1(-width)), rel=1e-5)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_values_and_gradients_are_finite_at_extremes(dtype):
    mu, log_scale = torch.cartesian_prod(
        torch.tensor([-50.0, 0.0, 0.5, 50.0], dtype=dtype), torch.tensor([-12.0, -3.0, 0.0, 8.0], dtype=dtype)
    ).T.unsqueeze(-1)
    mu, log_scale = mu.clone().requires_grad_(), log_scale.clone().requires_grad_()
    mixture = DiscretisedLogisticMixture(torch.zeros_like(mu), mu, log_scale, 256)
    log_p = mixture.log_prob(grey(256).to(dtype)[:, None])
    gradients = torch.autograd.grad(log_p.sum(), (mu, log_scale))
    assert torch.isfinite(log_p).all() and (log_p <= 1e-6).all()
    assert all(torch.isfinite(g).all() and (g != 0).any() for g in gradients)


def test_a_mixture_is_the_weighted_sum_of_its_components():
    mixture, x = random_mixture(20), grey(8)[:, None]
    weights = mixture.logits.softmax(-1)
    each = discretised_logistic(x.unsqueeze(-1), mixture.mu, mixture.log_scale, 8).exp()
    torch.testing.assert_close(mixture.log_prob(x).exp(), (weights * each).sum(-1))


@pytest.mark.parametrize("seed", range(4))
def test_sample_frequencies_are_the_masses(seed):
    torch.manual_seed(seed)
    mixture, n = random_mixture(seed=seed), 50_000
    expected = n * mixture.log_prob(grey(8)).exp()
    counts = torch.bincount((mixture.sample((n,)) * 7).round().long(), minlength=8)
    assert ((counts - expected) ** 2 / expected).sum() < 7 + 4 * 14**0.5


def test_samples_are_grey_levels_even_for_the_noise_at_the_ends():
    mixture = random_mixture(30, levels=256)
    ends = torch.tensor([0.0, 1 - torch.finfo(torch.float64).eps]).double()[:, None].expand(2, 30)
    assert refuse_levels(mixture.draw(ends), 256) is None


def test_choose_inverts_the_cumulative_sum():
    probabilities = torch.tensor([0.2, 0.0, 0.5, 0.3])
    u = torch.tensor([0.0, 0.19, 0.21, 0.69, 0.71, 0.9999999])
    assert choose(probabilities.expand(6, 4), u).tolist() == [0, 0, 2, 2, 3, 3]


def test_the_head_gives_independent_grey_levels_and_its_gradients_reach():
    head = shaken(LogisticMixtureHead(mlp([2, 8, 2 * 3 * 4]), levels=4, mixtures=4))
    p = head(torch.randn(5, 2, generator=torch.Generator().manual_seed(0)))
    assert p.batch_shape == (5,) and p.event_shape == (2,)
    images = torch.cartesian_prod(grey(4), grey(4)).float()
    total = p.log_prob(images[:, None]).exp().sum(0)
    torch.testing.assert_close(total, torch.ones(5))
    p.log_prob(images[7]).sum().backward()
    assert all(q.grad.abs().sum() > 0 for q in head.parameters())
    assert head.refuse(p.sample()) is None and "pixels()" in head.refuse(torch.tensor([0.5]))
