"""D16's terms against worlds where they are exact sums or quadratures; and their errors against repetition."""

import math

import pytest
import torch
from torch.distributions import Independent, Normal

from dgm_tutor.evaluation import d16, decomposition, information

from .latent_worlds import Finite, LinearGaussian, Plane, f64

TERMS = ["mi_q", "kl_aggregate", "kl_likelihood", "rate", "distortion"]
WORLDS = pytest.mark.parametrize("world", [Finite(), Plane()], ids=["finite", "plane"])


@WORLDS
def test_terms_agree_with_the_exact_world(world):
    found, truth = information(world, world.x, samples=2000, seed=1), world.truth
    for name in TERMS:
        estimate, exact = getattr(found, name), getattr(truth, name)
        assert estimate.value == pytest.approx(exact, abs=4 * estimate.standard_error + 1e-9), name
        assert estimate.standard_error < 0.03, name
    assert found.entropy_data.value == pytest.approx(truth.entropy_data)


@WORLDS
@pytest.mark.parametrize("beta", [0.0, 0.25, 1.0, 4.0])
def test_both_sides_of_d16_agree_with_the_exact_loss(world, beta):
    found, truth = d16(world, world.x, beta, samples=2000, seed=2), world.truth
    exact = truth.distortion + beta * truth.rate
    assert found.loss.sigmas(exact) < 4
    assert found.identity.sigmas(exact) < 4
    assert found.difference.sigmas() < 4
    # seen with enough power: one MI_q too many would show
    assert found.terms.mi_q.value > 5 * found.difference.standard_error


@WORLDS
def test_standard_errors_are_calibrated(world):
    """Over 200 seeds: the spread is what the error says, and 2 errors hold the truth 95 times in 100."""
    truth, beta = world.truth, 4.0
    runs = [d16(world, world.x, beta, samples=16, seed=seed) for seed in range(200)]
    found = {name: ([getattr(run.terms, name) for run in runs], getattr(truth, name)) for name in TERMS}
    found["loss"] = [run.loss for run in runs], truth.distortion + beta * truth.rate
    found["identity"] = [run.identity for run in runs], truth.distortion + beta * truth.rate
    found["difference"] = [run.difference for run in runs], 0.0
    del found["rate"]  # a closed form: no error, checked below
    assert all(run.terms.rate.standard_error == 0 for run in runs)
    for name, (estimates, exact) in found.items():
        value = torch.tensor([estimate.value for estimate in estimates])
        error = torch.tensor([estimate.standard_error for estimate in estimates])
        assert 0.8 < value.std() / error.mean() < 1.2, name  # 4 standard deviations of a spread of 200
        inside = ((value - exact).abs() < 2 * error).double().mean()
        assert inside > 0.95 - 4 * math.sqrt(0.95 * 0.05 / 200), name


def test_rate_without_a_closed_form_is_estimated_with_an_error():
    world = LinearGaussian(exact=True)
    found = information(world, world.x, samples=3000, seed=3)
    q = world.true_posterior(world.x)
    exact = 0.5 * (q.variance.sum(1) + q.loc.pow(2).sum(1) - 2 - q.covariance_matrix.logdet()).mean()
    assert 0 < found.rate.standard_error < 0.03
    assert found.rate.sigmas(exact.item()) < 4
    # the three share draws, and add up draw by draw
    assert found.rate.value == pytest.approx(found.mi_q.value + found.kl_aggregate.value)


class Points(Plane):
    """Plane with posteriors of one width, whatever x."""

    def __init__(self, scale, spread):
        self.scale, self.spread = scale, spread

    def posterior(self, x):
        return Independent(Normal(self.spread * x, self.scale), 1)


@pytest.mark.parametrize("scale", [1e-6, 0.05, 0.3, 1.0])
def test_information_is_at_most_log_n(scale):
    found = information(Points(scale, spread=1.0), Plane.x, samples=2, seed=4)
    assert found.mi_q.value <= math.log(6) + 1e-12
    if scale == 1e-6:  # posteriors that do not overlap tell which point it was
        assert found.mi_q.value == pytest.approx(math.log(6))
        assert found.mi_q.standard_error == pytest.approx(0, abs=1e-12)


def test_collapsed_posterior_carries_nothing():
    found = information(Points(0.7, spread=0.0), Plane.x, samples=50, seed=5)
    assert found.mi_q.value == pytest.approx(0, abs=1e-12)
    assert found.kl_aggregate.sigmas(found.rate.value) < 4


def test_chunks_leave_every_estimate_as_it_is():
    world = Plane()
    whole, split = information(world, world.x, 5, seed=6), decomposition(world, world.x, 5, seed=6)
    for chunk in (1, 7, 13, 10**6):
        for name in TERMS:
            again = getattr(information(world, world.x, 5, seed=6, chunk=chunk), name)
            assert again.value == pytest.approx(getattr(whole, name).value, rel=1e-12)
            assert again.standard_error == pytest.approx(getattr(whole, name).standard_error, rel=1e-9)
        again = decomposition(world, world.x, 5, seed=6, chunk=chunk).total_correlation
        assert again.value == pytest.approx(split.total_correlation.value, rel=1e-12)


def test_a_seed_repeats_the_draws_and_spares_the_callers():
    world = Plane()
    torch.manual_seed(0)
    expected = torch.rand(3)
    torch.manual_seed(0)
    first = information(world, world.x, 4, seed=8)
    torch.testing.assert_close(torch.rand(3), expected)
    assert information(world, world.x, 4, seed=8) == first
    assert information(world, world.x, 4, seed=9) != first


def test_decomposition_agrees_with_quadrature_and_adds_up_to_the_rate():
    world = Plane()
    found, truth = decomposition(world, world.x, samples=2000, seed=10), world.truth
    parts = {name: getattr(found, name) for name in ("mi_q", "total_correlation", "dimension_kl")}
    for name, estimate in parts.items():
        assert estimate.sigmas(getattr(truth, name)) < 4, name
        assert getattr(truth, name) > 10 * estimate.standard_error, name
    error = math.hypot(*(estimate.standard_error for estimate in parts.values()))
    assert abs(sum(estimate.value for estimate in parts.values()) - truth.rate) < 4 * error


def test_decomposition_needs_independent_dimensions():
    world = LinearGaussian(exact=True)
    with pytest.raises(TypeError, match=r"model.posterior\(x\).*MultivariateNormal"):
        decomposition(world, world.x)


@pytest.mark.parametrize("function", [information, decomposition, lambda m, x, s=2: d16(m, x, 2.0, s)])
def test_bad_input_is_refused(function):
    world = Plane()
    with pytest.raises(ValueError, match="2 examples or more, got 1"):
        function(world, world.x[:1])
    with pytest.raises(ValueError, match="samples: expected an integer of at least 2"):
        function(world, world.x, 1)
    with pytest.raises(ValueError, match="NaN"):
        function(world, world.x * f64([math.nan, 1.0]))
    with pytest.raises(ValueError, match="got ndarray"):
        function(world, world.x.numpy())


@pytest.mark.parametrize("beta", [-1.0, math.inf, math.nan])
def test_bad_beta_is_refused(beta):
    with pytest.raises(ValueError, match="beta"):
        d16(Plane(), Plane.x, beta)
