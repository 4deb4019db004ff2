"""Bounds against a linear-Gaussian model whose log p(x) and true posterior are closed forms."""

import math
from types import SimpleNamespace

import pytest
import torch
from torch.distributions import Independent, MultivariateNormal, Normal, kl_divergence

from dgm_tutor.evaluation import bits_per_dim, elbo, kl, log_marginal, rate_distortion

from .latent_worlds import LinearGaussian, f64


@pytest.fixture(autouse=True)
def _seed():
    torch.manual_seed(7)


def replicated(function, x, repeats=4000):
    """Mean and standard error (n,) of `function` over independent draws for each row of x."""
    values = function(x.repeat(repeats, 1)).view(repeats, len(x))
    return values.mean(0), values.std(0) / math.sqrt(repeats)


def test_elbo_lies_below_log_p_by_the_kl_to_the_true_posterior():
    model = LinearGaussian()
    mean, error = replicated(lambda x: elbo(model, x), model.x)
    gap = model.gap(model.x)
    assert (gap > 10 * error).all(), "the gap must be large enough to see"
    assert ((mean - (model.log_prob(model.x) - gap)).abs() < 4 * error).all()


def test_more_samples_average_the_elbo_and_leave_its_mean():
    model = LinearGaussian()
    one, one_error = replicated(lambda x: elbo(model, x), model.x)
    ten, ten_error = replicated(lambda x: elbo(model, x, samples=10), model.x)
    assert ((one - ten).abs() < 4 * (one_error**2 + ten_error**2).sqrt()).all()
    assert (ten_error < one_error / 2.5).all()


@pytest.mark.parametrize("samples", [1, 3, 50])
@pytest.mark.parametrize("chunk", [1, 3, 8192])
def test_exact_posterior_has_no_gap_and_no_variance(samples, chunk):
    model = LinearGaussian(exact=True)
    truth = model.log_prob(model.x)
    torch.testing.assert_close(elbo(model, model.x, samples), truth)
    torch.testing.assert_close(log_marginal(model, model.x, samples, chunk), truth)


def test_importance_weighted_bound_rises_to_log_p():
    model = LinearGaussian()
    truth, before = model.log_prob(model.x), -math.inf
    for samples in (1, 4, 16, 64):
        mean, error = replicated(lambda x, k=samples: log_marginal(model, x, k), model.x)
        assert (mean > before + 2 * error).all(), f"K = {samples} is no better"
        assert (mean < truth + 4 * error).all(), f"K = {samples} is no bound"
        before = mean
    torch.testing.assert_close(log_marginal(model, model.x, 50_000), truth, atol=0.03, rtol=0)


def test_one_importance_sample_is_the_elbo():
    model = LinearGaussian()
    weighted, error = replicated(lambda x: log_marginal(model, x, 1), model.x)
    assert ((weighted - (model.log_prob(model.x) - model.gap(model.x))).abs() < 4 * error).all()


class Dealt:
    """A posterior that deals a fixed deck of draws, the same in whatever portions they are asked for."""

    event_shape, has_rsample = torch.Size([2]), False

    def __init__(self, deck):
        self.deck, self.dealt, self.batch_shape = deck, 0, deck.shape[1:2]

    def sample(self, shape):
        self.dealt += shape[0]
        return self.deck[self.dealt - shape[0] : self.dealt]

    def log_prob(self, z):
        return Normal(0.3, 1.5).log_prob(z).sum(-1)


@pytest.mark.parametrize("scale", [1.0, 1e-3])
def test_chunks_bound_the_memory_and_leave_the_result(scale):
    """With scale 1e-3 the log-weights reach -1e7 and exp of them underflows: the sum must be streamed in logs."""
    world, deck, largest = LinearGaussian(), torch.randn(30, 4, 2, dtype=torch.float64), []

    def decoder(z):
        largest.append(z[..., 0].numel())
        return Independent(Normal(z @ world.W.T, scale), 1)

    # the first column of x tells which of the four examples it is
    x = torch.cat([torch.arange(4.0, dtype=torch.float64)[:, None], world.x[:, 1:]], 1)
    model = SimpleNamespace(prior=world.prior, decoder=decoder, posterior=lambda x: Dealt(deck[:, x[:, 0].long()]))
    z = deck
    weights = decoder(z).log_prob(x) + world.prior().log_prob(z) - Dealt(deck).log_prob(z)
    truth = weights.logsumexp(0) - math.log(30)
    for chunk in (1, 3, 4, 9, 120, 8192):
        largest.clear()
        torch.testing.assert_close(log_marginal(model, x, 30, chunk), truth)
        assert max(largest) <= chunk


def test_kl_without_a_closed_form_estimates_the_closed_form():
    model = LinearGaussian()
    q, p = model.posterior(model.x), model.prior()
    unregistered = MultivariateNormal(q.base_dist.loc, torch.diag_embed(q.base_dist.scale**2))
    draws = kl(unregistered, p, unregistered.sample((4000,)))
    exact = kl(q, p, None)
    assert draws.shape == (4000, 4)
    assert exact.shape == (4,)
    torch.testing.assert_close(exact, kl_divergence(q, p))
    assert ((draws.mean(0) - exact).abs() < 4 * draws.std(0) / math.sqrt(4000)).all()


def test_elbo_reaches_every_parameter_and_log_marginal_keeps_no_graph():
    model = LinearGaussian()
    model.W = model.W.clone().requires_grad_()
    model.posterior = lambda x: Independent(Normal(x @ model.W, 0.5), 1)
    (gradient,) = torch.autograd.grad(elbo(model, model.x).sum(), model.W)
    assert (gradient.abs() > 1e-3).all()
    assert not log_marginal(model, model.x, 5).requires_grad


def test_rate_and_distortion_are_the_closed_forms_within_their_error():
    model = LinearGaussian()
    x = model.decoder(model.prior().sample((3000,))).sample()
    point = rate_distortion(model, x, samples=2)
    q = model.posterior(x).base_dist
    residual = x - q.loc @ model.W.T - model.b
    square = residual.pow(2).sum(1) + q.scale.pow(2) @ model.W.pow(2).sum(0)
    distortion = square / (2 * model.s**2) + 3 * math.log(model.s * math.sqrt(2 * math.pi))
    rate = kl_divergence(model.posterior(x), model.prior())
    assert point.rate.value == pytest.approx(rate.mean().item())
    assert point.rate.standard_error == pytest.approx((rate.std() / math.sqrt(3000)).item())
    assert point.distortion.sigmas(distortion.mean().item()) < 4
    assert point.distortion.standard_error < 0.1


def test_bits_per_dim_of_uniform_bytes_is_eight():
    assert bits_per_dim(-784 * math.log(256), 784) == pytest.approx(8)
    torch.testing.assert_close(bits_per_dim(f64([-10 * math.log(2), 0.0]), 10), f64([1.0, 0.0]))


@pytest.mark.parametrize("function", [elbo, lambda m, x: log_marginal(m, x, 3), rate_distortion])
def test_bad_data_is_refused_by_name(function):
    model, x = LinearGaussian(), LinearGaussian.x
    with pytest.raises(ValueError, match=r"flatten\(1\)"):
        function(model, x.view(4, 3, 1))
    with pytest.raises(ValueError, match="got ndarray"):
        function(model, x.numpy())
    with pytest.raises(ValueError, match="NaN"):
        function(model, x / 0.0)
    model.posterior = lambda x: Normal(x[:, :2], 1.0)
    with pytest.raises(ValueError, match="Independent"):
        function(model, x)


def test_bad_counts_are_refused():
    model, x = LinearGaussian(), LinearGaussian.x
    with pytest.raises(ValueError, match="samples"):
        elbo(model, x, samples=0)
    with pytest.raises(ValueError, match="chunk"):
        log_marginal(model, x, 5, chunk=0)
    with pytest.raises(ValueError, match="2 examples or more, got 1"):
        rate_distortion(model, x[:1])
    with pytest.raises(ValueError, match="dims"):
        bits_per_dim(1.0, 0)
