"""A PixelCNN over a real feature map: a density, in raster order, told its condition; the samplers draw from it."""

import math

import pytest
import torch
from torch.distributions import Normal

from dgm_tutor.components.hierarchy import autoregressive_below, autoregressive_prior
from dgm_tutor.components.pixelcnn import Gaussian, PixelCNN, cached_sample, naive_sample
from tests.components.pixelcnn.networks import condition_for
from tests.components.test_components import shaken


def map_network(size, channels=2, scale=0.3, seed=0, **settings) -> PixelCNN:
    """A float64 PixelCNN over maps, away from its initialisation."""
    settings = {"channels": 6, "layers": 3, "first_kernel": 3} | settings
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        return shaken(PixelCNN(size, Gaussian(channels), **settings), scale, seed).double()


def maps(n, network, seed=0):
    generator = torch.Generator().manual_seed(seed)
    d = network.inputs * network.size[0] * network.size[1]
    return torch.randn(n, d, generator=generator, dtype=torch.float64)


@pytest.mark.parametrize(("size", "channels"), [((1, 2), 1), ((2, 1), 1), ((1, 1), 2)])
@pytest.mark.parametrize("condition", [0, 2])
def test_the_density_of_two_numbers_integrates_to_one(size, channels, condition):
    network = map_network(size, channels, condition=condition, layers=2, scale=0.2)
    p = network(condition_for(network))
    line = torch.linspace(-14, 14, 99, dtype=torch.float64)
    step, grid = (line[1] - line[0]).item(), torch.cartesian_prod(line, line)
    with torch.no_grad():
        mass = p.log_prob(grid).exp() * step**2
        mu, log_sigma = network.raw(grid, condition_for(network, 1)).chunk(2, -1)  # (grid, positions, channels)
    # A sum over a grid integrates N(mu, sigma^2) up to 2 exp(-2 pi^2 sigma^2 / step^2) and the tails beyond its ends;
    # both conditionals do so wherever there is mass, so that kinks of mu and sigma cost nothing.
    sigma = log_sigma.exp()
    tails = torch.special.erfc((14 - step - mu.abs()) / sigma / 2**0.5)
    error = (2 * (-2 * (math.pi * sigma / step).square()).exp() + tails).flatten(1).sum(1)
    error = 2 * (mass * error).sum().item() + 1e-12
    assert error < 1e-9, "the grid is too coarse or too narrow to tell"
    assert mass.sum().item() == pytest.approx(1.0, abs=error)
    torch.manual_seed(0)
    z, mean = p.sample((20_000,)), (mass[:, None] * grid).sum(0)
    moments = [lambda z: z, lambda z: (z - mean)[:, :, None] * (z - mean)[:, None], lambda z: z.square().prod(-1)]
    for moment in moments:  # of the samples, within five standard errors, which the grid tells too
        value = moment(grid)
        weight = mass.view(-1, *[1] * (value.dim() - 1))
        expected = (weight * value).sum(0)
        standard_error = ((weight * (value - expected).square()).sum(0) / len(z)).sqrt()
        assert ((moment(z).mean(0) - expected).abs() < 5 * standard_error).all()


def test_a_position_is_told_all_earlier_ones_and_nothing_else():
    network = map_network((3, 4), layers=5, scale=0.2)
    z = maps(4, network).requires_grad_()
    raw = network.raw(z)  # (4, 12, 4)
    rows = [torch.autograd.grad(raw[:, i].sum(), z, retain_graph=True)[0].abs().sum(0) for i in range(12)]
    depends = network.positions(torch.stack(rows)).permute(0, 2, 1)  # (12, channels, 12)
    earlier = torch.ones(12, 12).tril(-1).bool()[:, None].expand(-1, 2, -1)
    assert (depends[~earlier] == 0).all(), "a position sees itself or a later one"
    assert (depends[earlier] > 1e-9).all(), "a channel of an earlier position is not seen"


def test_the_density_is_the_product_of_the_sequential_conditionals():
    network = map_network((2, 3), condition=2)
    condition, z = condition_for(network, 4), maps(4, network)
    places, seen, sequential = network.positions(z), torch.zeros_like(z), 0.0
    for i in range(6):
        mu, log_sigma = network.raw(seen, condition)[:, i].chunk(2, -1)
        sequential = sequential + Normal(mu, log_sigma.exp()).log_prob(places[:, i]).sum(-1)
        network.positions(seen)[:, i] = places[:, i]
    torch.testing.assert_close(network(condition).log_prob(z), sequential)


@pytest.mark.parametrize("condition", [0, 2])
@pytest.mark.parametrize("size", [(1, 1), (3, 5), (5, 2)])
def test_one_noise_gives_one_map_by_either_sampler(size, condition):
    network = map_network(size, channels=3, condition=condition)
    noise, told = maps(5, network), condition_for(network, 5)
    drawn = naive_sample(network, noise, told)
    torch.testing.assert_close(cached_sample(network, noise, told), drawn)
    assert not torch.allclose(drawn, noise)


def test_batches_broadcast_like_any_distribution_s():
    network = map_network((2, 2), condition=2)
    condition, z = condition_for(network, 5, 3), maps(3, network)
    p = network(condition)
    assert p.batch_shape == (5, 3) and p.event_shape == (8,)
    torch.testing.assert_close(p.log_prob(z)[4, 1], network(condition[4, 1]).log_prob(z[1]))
    assert p.sample((2,)).shape == (2, 5, 3, 8)


@pytest.mark.parametrize("channels", [0, 2])
def test_the_latent_priors_learn_with_all_their_parameters_and_are_told_z_2(channels):
    torch.manual_seed(0)
    prior = shaken(autoregressive_prior(3, channels, (8, 8)), 0.1)
    below = shaken(autoregressive_below(3, channels, (8, 8)), 0.1)
    z_1, z_2 = torch.randn(6, 4 * channels or 3), torch.randn(6, 3, requires_grad=True)
    (prior().log_prob(z_1) + below(z_2).log_prob(z_1)).sum().backward()
    assert all(p.grad.abs().sum() > 0 for p in [*prior.parameters(), *below.parameters()])
    assert (z_2.grad.abs() > 0).all()
    assert prior().event_shape == below(z_2[0]).event_shape == z_1.shape[1:]
    assert below(z_2).sample().shape == z_1.shape


def test_a_map_that_is_not_finite_is_refused():
    assert map_network((2, 2)).refuse(torch.randn(3, 8)) is None
    assert "NaN" in map_network((2, 2)).refuse(torch.full((3, 8), float("nan")))
