"""VRNN as a linear-Gaussian state space, whose likelihood the Kalman filter gives: the bound bounds, and closes.

z_t = A z_{t-1} + noise, x_t = C z_t + noise, and the state is h_t = z_t.
"""

import pytest
import torch
from torch import nn
from torch.distributions import MultivariateNormal

from dgm_tutor.components import GaussianHead, GaussianNoiseHead
from dgm_tutor.exact import Gaussian, LinearGaussianWorld
from dgm_tutor.models.vrnn import VRNN, VRNNDraw

A, C = 0.8, torch.tensor([[1.3], [-0.6]], dtype=torch.float64)
Q, R = 0.7, 0.5  # standard deviations of z_t given z_{t-1} and of x_t given z_t


class StateIsZ(nn.Module):
    def read(self, x):
        return x

    def forward(self, read, z, h):
        return z


class AffineGaussian(nn.Module):
    """(mu, log sigma) with mu affine in the inputs; ``read`` takes the part of x."""

    def __init__(self, from_x, from_h, bias, sigma):
        super().__init__()
        self.from_x, self.from_h, self.bias = from_x, from_h, bias
        self.log_sigma = torch.tensor(sigma, dtype=torch.float64).log()

    def read(self, x):
        return x @ self.from_x

    def forward(self, *inputs):
        h = inputs[-1]
        mu = self.from_h * h + self.bias + (inputs[0] if len(inputs) == 2 else 0)
        return torch.cat([mu, self.log_sigma.expand_as(mu)], -1)


def state_space(a=A, gain=None, from_h=0.2, bias=0.3, sigma=0.9):
    """The VRNN that is the state space, with q(z_t|x_t, z_{t-1}) = N(gain x_t + from_h z_{t-1} + bias, sigma^2)."""
    gain = torch.tensor([[0.3], [-0.4]], dtype=torch.float64) if gain is None else gain
    emission = nn.Linear(2, 2, bias=False).double()
    emission.weight.data = torch.cat([C, torch.zeros_like(C)], 1)  # of z_t and h_{t-1}: the state does not matter
    return VRNN(
        embed_x=nn.Identity(),
        embed_z=nn.Identity(),
        transition=StateIsZ(),
        prior=GaussianHead(AffineGaussian(None, a, 0.0, Q)),
        decoder=GaussianNoiseHead(emission, R),
        posterior=GaussianHead(AffineGaussian(gain, from_h, bias, sigma)),
        x_dim=2,
        h_dim=1,
        steps=4,
    )


def best_filter(a=A):
    """p(z_t|z_{t-1}, x_t): the gain, what it takes from z_{t-1}, and its sigma."""
    precision = 1 / Q**2 + (C.square().sum() / R**2).item()
    return {"gain": C / R**2 / precision, "from_h": a / Q**2 / precision, "bias": 0.0, "sigma": precision**-0.5}


def kalman(x, a=A):
    """log p(x) of x (n, T, 2) by the Kalman filter's predictions, (n,)."""
    mean, variance, total = torch.zeros(len(x), 1, dtype=torch.float64), Q**2, 0.0
    for step in x.unbind(1):
        cov = variance * C @ C.T + R**2 * torch.eye(2, dtype=torch.float64)
        total = total + MultivariateNormal(mean @ C.T, cov).log_prob(step)
        gain = variance * C.T @ torch.linalg.inv(cov)  # (1, 2)
        mean = mean + (step - mean @ C.T) @ gain.T
        variance = variance - (gain @ C * variance).item()
        mean, variance = a * mean, a**2 * variance + Q**2
    return total


def observations(n=5, steps=4):
    return 1.5 * torch.randn(n, steps, 2, dtype=torch.float64, generator=torch.Generator().manual_seed(4))


@pytest.mark.parametrize("seed", range(3))
def test_the_bound_is_below_the_kalman_likelihood_for_any_filter(seed):
    torch.manual_seed(seed)
    gain = torch.randn(2, 1, dtype=torch.float64) / 2
    model = state_space(gain=gain, from_h=torch.randn(()).item(), bias=torch.randn(()).item(), sigma=0.8)
    x = observations()
    assert (model.elbo(x, 400) < kalman(x) - 0.1).all()


def test_without_memory_the_best_filter_is_the_posterior_and_the_bound_is_tight():
    model, x = state_space(a=0.0, **best_filter(a=0.0)), observations()
    for samples in (1, 3):
        torch.testing.assert_close(model.log_marginal(x, samples), kalman(x, a=0.0), rtol=0, atol=1e-9)
    torch.testing.assert_close(model.elbo(x, 1000), kalman(x, a=0.0), rtol=0, atol=0.25)


def test_with_memory_the_best_filter_s_bound_is_loose_and_many_paths_close_it():
    torch.manual_seed(0)
    model, x = state_space(**best_filter()), observations()
    elbo, few, many = model.elbo(x, 2000), model.log_marginal(x, 10), model.log_marginal(x, 20_000)
    assert (elbo < kalman(x) - 0.02).all() and elbo.mean() < few.mean()
    torch.testing.assert_close(many, kalman(x), rtol=0, atol=0.03)
    torch.testing.assert_close(model.log_marginal(x[:, :1], 1), kalman(x[:, :1]), rtol=0, atol=1e-9)  # no future: tight


def test_two_steps_are_the_exact_world_s_elbo():
    """D9 at T = 2 in closed form: E_{p_data} ELBO with x ~ p_data = p(x), rate and distortion apart."""
    torch.manual_seed(0)
    sizes = {"z1": 1, "z2": 1, "x1": 2, "x2": 2}
    q_gain = torch.tensor([[0.3, -0.4]])

    def emission(t):
        return Gaussian(f"x{t} | z{t}", sizes, torch.zeros(2), R**2 * torch.eye(2), C)

    p = (
        Gaussian("z1", sizes, torch.zeros(1), [[Q**2]]),
        Gaussian("z2 | z1", sizes, torch.zeros(1), [[Q**2]], [[A]]),
        emission(1),
        emission(2),
    )
    covariance = torch.eye(4) + 0.3
    q = (
        Gaussian("x1, x2", sizes, torch.zeros(4), covariance),
        Gaussian("z1 | x1", sizes, [0.3], [[0.81]], q_gain),
        Gaussian("z2 | x2, z1", sizes, [0.3], [[0.81]], torch.cat([q_gain, torch.tensor([[0.2]])], 1)),
    )
    world = LinearGaussianWorld(p, q)
    model = state_space()
    x = MultivariateNormal(torch.zeros(4, dtype=torch.float64), covariance.double()).sample((40_000,))
    draw = VRNNDraw(model, x)
    distortion = -draw.total(draw.likelihood.log_prob(draw.x)).detach()
    elbo = model.elbo(x)
    assert abs(elbo.mean() - world.elbo()) < 4 * elbo.std() / 200
    assert abs(distortion.mean() - world.distortion()) < 4 * distortion.std() / 200
    terms = model.loss(x).terms
    assert terms["rate"][1].item() == pytest.approx(world.rate().item(), abs=0.05)


def test_samples_of_the_state_space_have_its_covariance():
    torch.manual_seed(0)
    x = state_space().sample(40_000)
    z_cov = torch.zeros(4, 4, dtype=torch.float64)
    for s in range(4):
        for t in range(4):
            z_cov[s, t] = A ** abs(s - t) * Q**2 * sum(A ** (2 * k) for k in range(min(s, t) + 1))
    exact = torch.kron(z_cov, C @ C.T) + R**2 * torch.eye(8, dtype=torch.float64)
    torch.testing.assert_close(x.T.cov(), exact, rtol=0, atol=0.06)
