"""IWAE, its doubly reparameterised gradient and free bits, on a linear-Gaussian model whose log p(x) is exact."""

import math

import pytest
import torch
from torch import nn
from torch.distributions import Independent, MultivariateNormal, Normal

from dgm_tutor.components import CategoricalHead, GaussianHead, GaussianNoiseHead, StandardNormal, mlp
from dgm_tutor.objectives import Draw, distortion, free_bits, importance_weighted, log_mean_weight, rate
from tests.components.test_components import shaken

WEIGHT = torch.tensor([[1.2, -0.7], [0.4, 0.9], [-1.1, 0.3]], dtype=torch.float64)
SIGMA = 0.6


class LinearGaussian(nn.Module):
    """p(z) = N(0, I), p(x|z) = N(Wz, sigma^2 I), and a q(z|x) that is wrong in mean and scale."""

    def __init__(self):
        super().__init__()
        linear = nn.Linear(2, 3, bias=False)
        linear.weight.data = WEIGHT.clone()
        self.prior, self.decoder = StandardNormal(2), GaussianNoiseHead(linear, SIGMA)
        self.posterior = shaken(GaussianHead(mlp([3, 4])), 0.3)
        self.double()

    def log_prob(self, x):
        cov = WEIGHT @ WEIGHT.T + SIGMA**2 * torch.eye(3, dtype=torch.float64)
        return MultivariateNormal(torch.zeros(3, dtype=torch.float64), cov).log_prob(x)


@pytest.fixture
def model():
    torch.manual_seed(0)
    return LinearGaussian()


@pytest.fixture
def x():
    return torch.randn(6, 3, dtype=torch.float64, generator=torch.Generator().manual_seed(1))


def values(model, x, term, repeats=2000):
    """The term's mean over many draws, for each example."""
    torch.manual_seed(0)
    with torch.no_grad():
        return term.value(Draw(model, x.repeat(repeats, 1))).view(repeats, len(x)).mean(0)


def test_the_bound_rises_with_k_to_log_p(model, x):
    bounds = [-values(model, x, importance_weighted(k)) for k in (1, 4, 16, 64)]
    elbo = -(values(model, x, distortion) + values(model, x, rate))
    exact = model.log_prob(x)
    torch.testing.assert_close(bounds[0].mean(), elbo.mean(), rtol=0, atol=0.15)
    assert all((low < high).all() for low, high in zip(bounds, [*bounds[1:], exact], strict=True))
    assert (exact - bounds[-1]).max() < 0.1 * (exact - bounds[0]).max()


def test_one_exact_weight_is_the_likelihood(model, x):
    precision = torch.eye(2, dtype=torch.float64) + WEIGHT.T @ WEIGHT / SIGMA**2
    root = torch.linalg.eigh(precision)

    class Exact(nn.Module):
        """q = p(z|x), in the axes in which it is diagonal."""

        def __init__(self):
            super().__init__()
            turned = nn.Linear(2, 3, bias=False)
            turned.weight.data = WEIGHT @ root.eigenvectors
            self.prior, self.decoder = StandardNormal(2).double(), GaussianNoiseHead(turned, SIGMA)

        def posterior(self, x):
            mu = x @ WEIGHT @ root.eigenvectors / SIGMA**2 / root.eigenvalues
            return Independent(Normal(mu, root.eigenvalues.rsqrt().expand_as(mu)), 1)

    for k in (1, 3):
        bound = -importance_weighted(k).value(Draw(Exact(), x))
        torch.testing.assert_close(bound, model.log_prob(x), rtol=0, atol=1e-10)


def gradients(model, x, term, repeats=600):
    """The gradients of the term in (bias of q, W), one row a draw, and its values."""
    torch.manual_seed(3)
    rows = []
    parameters = [model.posterior.network[0].bias, model.decoder.network.weight]
    for _ in range(repeats):
        grads = torch.autograd.grad(term.value(Draw(model, x)).mean(), parameters)
        rows.append(torch.cat([g.flatten() for g in grads]))
    return torch.stack(rows)


def test_the_doubly_reparameterised_gradient_has_the_same_mean_and_less_variance(model, x):
    plain, double = (gradients(model, x, importance_weighted(32, doubly_reparameterised=d)) for d in (False, True))
    error = ((plain.var(0) + double.var(0)) / len(plain)).sqrt()
    assert ((plain.mean(0) - double.mean(0)).abs() < 4 * error).all()
    # Less noise on each of the posterior's parameters, around a mean that is not zero; the decoder's is untouched.
    noise, plain_noise = double.var(0)[:4], plain.var(0)[:4]
    assert (noise < plain_noise).all() and noise.sum() < 0.7 * plain_noise.sum()
    assert (double.mean(0)[:4].abs() > 8 * (noise / len(double)).sqrt()).any()
    torch.testing.assert_close(double[:, 4:], plain[:, 4:])


def test_both_gradients_belong_to_one_value(model, x):
    plain, double = (importance_weighted(5, doubly_reparameterised=d) for d in (False, True))
    torch.manual_seed(0)
    one = plain.value(Draw(model, x))
    torch.manual_seed(0)
    torch.testing.assert_close(double.value(Draw(model, x)), one, rtol=0, atol=1e-12)


def test_the_doubly_reparameterised_gradient_refuses_what_it_is_not_written_for(model, x):
    model.posterior = CategoricalHead(mlp([3, 2])).double()
    with pytest.raises((TypeError, NotImplementedError)):
        importance_weighted(3, doubly_reparameterised=True).value(Draw(model, x))


def test_log_mean_weight_is_the_same_in_any_number_of_pieces():
    weights = torch.randn(10, 4, generator=torch.Generator().manual_seed(0), dtype=torch.float64) * 300
    expected = weights.logsumexp(0) - math.log(10)
    for at_once in (1, 3, 10, 50):
        drawn = iter(weights)
        pieces = log_mean_weight(lambda k, drawn=drawn: torch.stack([next(drawn) for _ in range(k)]), 10, at_once)
        torch.testing.assert_close(pieces, expected)


def rates(model, x):
    q = model.posterior(x)
    return torch.distributions.kl_divergence(q.base_dist, Normal(0.0, 1.0)).mean(0)


@pytest.mark.parametrize("share", [0.0, 0.5, 1.0])
def test_free_bits_floor_the_rate_of_each_dimension(model, x, share):
    low, high = rates(model, x).sort().values
    floor = [0.0, (low + high).item() / 2, 2 * high.item()][round(2 * share)]
    value = free_bits(floor).value(Draw(model, x)).mean()
    torch.testing.assert_close(value, rates(model, x).clamp(min=floor).sum())
    assert value >= max(2 * floor, rates(model, x).sum() - 1e-12)


def test_dimensions_below_the_floor_get_no_gradient_and_those_above_get_theirs(model, x):
    low, high = rates(model, x).sort().values
    bias = model.posterior.network[0].bias
    (held,) = torch.autograd.grad(free_bits((low + high).item() / 2).value(Draw(model, x)).mean(), bias)
    (full,) = torch.autograd.grad(rate.value(Draw(model, x)).mean(), bias)
    below = int(rates(model, x).argmin())
    assert held[below] == 0 and held[2 + below] == 0
    torch.testing.assert_close(held[1 - below], full[1 - below])
    torch.testing.assert_close(held[3 - below], full[3 - below])


def test_the_floor_is_on_the_mean_not_on_each_example(model, x):
    per_example = torch.distributions.kl_divergence(model.posterior(x).base_dist, Normal(0.0, 1.0))
    floor = per_example.mean(0).min().item() * 0.99
    assert (per_example < floor).any()
    torch.testing.assert_close(free_bits(floor).value(Draw(model, x)), per_example.sum(-1))


def test_objectives_with_these_terms_add_up_and_print(model, x):
    objective = distortion + 0.5 * free_bits(0.25) + importance_weighted(4)
    loss = objective(Draw(model, x))
    torch.testing.assert_close(loss.total, sum(w * v for w, v in loss.terms.values()))
    assert "max" in objective.latex and "importance-weighted bound" in str(objective)


@pytest.mark.parametrize("call", [lambda: importance_weighted(0), lambda: free_bits(-1.0), lambda: free_bits(math.nan)])
def test_bad_settings_are_refused(call):
    with pytest.raises(ValueError, match="expected"):
        call()
