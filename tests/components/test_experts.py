"""Products of experts: the exact posterior of a linear-Gaussian world for every subset, and nothing from the absent."""

import itertools

import pytest
import torch
from torch import nn

from dgm_tutor.components import (
    BernoulliHead,
    CategoricalHead,
    GaussianNoiseHead,
    ModalityDecoders,
    ProductOfExperts,
    mlp,
    product_of_experts,
)
from dgm_tutor.exact import Gaussian
from tests.components.test_components import shaken

SUBSETS = [s for size in range(4) for s in itertools.combinations(range(3), size)]
SIZES = [2, 4, 3]


class Likelihood(nn.Module):
    """q~(z|x) = p(z|x) / p(z) for x = w z + b + sigma eps, dimension by dimension: proportional to p(x|z) in z."""

    def __init__(self, w, b, sigma):
        super().__init__()
        self.w, self.b, self.sigma = w, b, sigma

    def forward(self, x):
        return torch.cat([(x - self.b) / self.w, (self.sigma / self.w.abs()).log().expand_as(x)], -1)


def linear_gaussian():
    """w, b (3, 2) and sigma (3,) of p(x_m|z) = N(w_m z + b_m, sigma_m^2 I), and the joint p(z, x0, x1, x2)."""
    generator = torch.Generator().manual_seed(4)
    w, b = 2 * torch.randn(2, 3, 2, generator=generator, dtype=torch.float64)
    sigma = 0.3 + torch.rand(3, generator=generator, dtype=torch.float64)
    sizes = {"z": 2, "x0": 2, "x1": 2, "x2": 2}
    joint = Gaussian("z", sizes, torch.zeros(2), torch.eye(2))
    for i in range(3):
        joint = joint * Gaussian(f"x{i} | z", sizes, b[i], sigma[i].square().expand(2).diag(), w[i].diag())
    return w, b, sigma, joint


def exact_experts(w, b, sigma):
    """The experts that D7 asks for."""
    return ProductOfExperts({f"x{i}": Likelihood(w[i], b[i], sigma[i]) for i in range(3)}, [2, 2, 2])


@pytest.fixture
def world():
    w, b, sigma, joint = linear_gaussian()
    return joint, exact_experts(w, b, sigma)


@pytest.mark.parametrize("subset", SUBSETS, ids=str)
def test_the_product_is_the_exact_posterior(world, subset):
    joint, posterior = world
    x = 3 * torch.randn(7, 6, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    for absent in set(range(3)) - set(subset):
        x[:, 2 * absent : 2 * absent + 2] = torch.nan
    q = posterior(x)
    if not subset:
        assert torch.equal(q.mean, torch.zeros(7, 2)) and torch.equal(q.stddev, torch.ones(7, 2))
        return
    exact = joint.conditional("z", [f"x{i}" for i in subset])
    seen = torch.cat([x[:, 2 * i : 2 * i + 2] for i in subset], -1)
    torch.testing.assert_close(q.mean, seen @ exact.weight.mT + exact.bias, rtol=0, atol=1e-10)
    torch.testing.assert_close(q.variance, exact.cov.diagonal().expand(7, 2), rtol=0, atol=1e-10)
    torch.testing.assert_close(exact.cov, exact.cov.diagonal().diag(), rtol=0, atol=1e-10)


def test_rows_with_different_modalities_are_each_their_own(world):
    _, posterior = world
    x = torch.randn(len(SUBSETS), 6, dtype=torch.float64)
    for row, subset in enumerate(SUBSETS):
        for absent in set(range(3)) - set(subset):
            x[row, 2 * absent : 2 * absent + 2] = torch.nan
    together = posterior(x)
    for row in range(len(SUBSETS)):
        alone = posterior(x[row : row + 1])
        torch.testing.assert_close(together.mean[row], alone.mean[0], rtol=0, atol=1e-12)
        torch.testing.assert_close(together.stddev[row], alone.stddev[0], rtol=0, atol=1e-12)


def test_precisions_add_and_one_sure_expert_decides():
    generator = torch.Generator().manual_seed(0)
    mu, log_sigma = torch.randn(2, 5, 3, 2, dtype=torch.float64, generator=generator)
    present = torch.rand(5, 3, generator=generator) < 0.6
    q = product_of_experts(mu, log_sigma, present)
    tau = present[..., None] * (-2 * log_sigma).exp()
    torch.testing.assert_close(q.variance, 1 / (1 + tau.sum(1)))
    torch.testing.assert_close(q.mean, (tau * mu).sum(1) / (1 + tau.sum(1)))
    log_sigma[:, 1] = -12.0
    q = product_of_experts(mu, log_sigma, torch.ones(5, 3, dtype=torch.bool))
    torch.testing.assert_close(q.mean, mu[:, 1], rtol=0, atol=1e-6)


@pytest.mark.parametrize("log_sigma", [-60.0, 0.0, 60.0, 1e4])
def test_the_product_is_finite_for_any_certainty(log_sigma):
    mu = torch.tensor([[[3.0], [-1.0]]]).requires_grad_()
    log_sigma = torch.tensor([[[log_sigma], [log_sigma]]]).requires_grad_()
    q = product_of_experts(mu, log_sigma, torch.tensor([[True, True]]))
    sigma = q.base_dist.scale
    (q.mean.sum() + sigma.sum()).backward()
    for value in (q.mean, sigma, mu.grad, log_sigma.grad):
        assert value.isfinite().all()
    assert (sigma > 0).all()


def experts():
    return shaken(ProductOfExperts({n: mlp([s, 6, 4]) for n, s in zip("abc", SIZES, strict=True)}, SIZES), 0.5)


@pytest.mark.parametrize("absent", range(3))
def test_an_absent_modality_has_no_influence_and_every_present_one_has(absent):
    posterior = experts()
    x = torch.randn(6, sum(SIZES), generator=torch.Generator().manual_seed(3))
    x.split(SIZES, -1)[absent].fill_(torch.nan)
    q = posterior(x)
    (q.mean.square().sum() + q.stddev.sum()).backward()
    for i, encoder in enumerate(posterior.encoders.values()):
        reached = [p.grad.abs().sum() > 0 for p in encoder.parameters()]
        assert not any(reached) if i == absent else all(reached)
        assert all(p.grad.isfinite().all() for p in encoder.parameters())


def decoders():
    heads = {
        "a": BernoulliHead(mlp([2, 5, 2])),
        "b": CategoricalHead(mlp([2, 5, 4])),
        "c": GaussianNoiseHead(mlp([2, 5, 3]), 0.5),
    }
    return shaken(ModalityDecoders(heads, SIZES), 0.5)


def observations(n=5):
    generator = torch.Generator().manual_seed(2)
    bits = torch.bernoulli(torch.full((n, 2), 0.5), generator=generator)
    symbol = torch.eye(4)[torch.randint(4, (n,), generator=generator)]
    return torch.cat([bits, symbol, torch.randn(n, 3, generator=generator)], -1)


def test_modalities_are_independent_given_z_and_absent_ones_are_summed_out():
    decoder, x, z = decoders(), observations(), torch.randn(8, 5, 2)
    p = decoder(z)
    a, b, c = (head(z).log_prob(block) for head, block in zip(decoder.heads.values(), x.split(SIZES, -1), strict=True))
    torch.testing.assert_close(p.log_prob(x), a + b + c)
    assert p.batch_shape == (8, 5) and p.event_shape == (9,) and p.sample().shape == (8, 5, 9)
    x[0, :2] = torch.nan
    x[1, 2:] = torch.nan
    log_p = p.log_prob(x)
    torch.testing.assert_close(log_p[:, 0], (b + c)[:, 0])
    torch.testing.assert_close(log_p[:, 1], a[:, 1])


def test_gradients_reach_every_decoder_and_an_absent_modality_gives_none():
    decoder, x = decoders(), observations()
    x[:, 2:6] = torch.nan
    decoder(torch.randn(5, 2)).log_prob(x).sum().backward()
    for name, head in decoder.heads.items():
        assert all((p.grad.abs().sum() > 0) == (name != "b") for p in head.parameters())


def test_bad_modalities_are_refused_by_name():
    decoder, x = decoders(), observations()
    assert decoder.refuse(x) is None
    whole, part, grey = x.clone(), x.clone(), x.clone()
    whole[0, 2:6], part[0, 3], grey[0, 0] = torch.nan, torch.nan, 0.5
    assert decoder.refuse(whole) is None
    assert "'b' is NaN in part" in decoder.refuse(part)
    assert "'a'" in decoder.refuse(grey) and "binarise" in decoder.refuse(grey)
