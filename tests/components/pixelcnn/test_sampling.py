"""Samplers: the cached one is the naive one, and both draw from the density."""

import pytest
import torch

from dgm_tutor.components.pixelcnn import cached_sample, naive_sample
from tests.components.pixelcnn.networks import FAMILIES, all_images, condition_for, noise, random_network


@pytest.mark.parametrize("pixels", FAMILIES)
@pytest.mark.parametrize("condition", [0, 2])
@pytest.mark.parametrize("size", [(5, 5), (4, 7), (7, 3), (1, 6), (6, 1)])
def test_one_noise_gives_one_image_by_either_sampler(size, condition, pixels):
    network = random_network(size, pixels, condition=condition, first_kernel=5, scale=0.4)
    u, told = noise(8, network), condition_for(network, 8)
    naive = naive_sample(network, u, told)
    assert torch.equal(cached_sample(network, u, told), naive)
    assert 0 < naive.mean() < 1 and (naive.std(0) > 0).any(), "the images must not be all one"


@pytest.mark.parametrize(("layers", "first_kernel", "kernel"), [(1, 3, 3), (1, 7, 3), (5, 7, 3), (3, 3, 5), (2, 3, 7)])
def test_samplers_agree_for_every_shape_of_network(layers, first_kernel, kernel):
    network = random_network((6, 7), layers=layers, first_kernel=first_kernel, kernel=kernel, condition=3)
    u, condition = noise(8, network, seed=1), condition_for(network, 8)
    assert torch.equal(cached_sample(network, u, condition), naive_sample(network, u, condition))


def test_samplers_agree_in_single_precision_at_full_size():
    network = random_network((28, 28), channels=8, layers=3, condition=2).float()
    u, condition = noise(2, network).float(), condition_for(network, 2).float()
    assert torch.equal(cached_sample(network, u, condition), naive_sample(network, u, condition))


@pytest.mark.parametrize("condition", [0, 2])
def test_sample_frequencies_are_the_probabilities(condition):
    network = random_network((2, 3), condition=condition, scale=0.5)
    p = network(condition_for(network))
    torch.manual_seed(0)
    n, probability = 20_000, p.log_prob(all_images(6)).exp()
    codes = (p.sample((n,)) * 2 ** torch.arange(5, -1, -1)).sum(-1).long()
    counts = torch.bincount(codes, minlength=64)
    chi_square = ((counts - n * probability) ** 2 / (n * probability)).sum().item()
    assert chi_square < 63 + 4 * (2 * 63) ** 0.5


def test_seeds_repeat_and_samples_take_gradients():
    network = random_network((3, 3))
    torch.manual_seed(3)
    first = network().sample((4,))
    torch.manual_seed(3)
    assert torch.equal(first, network().sample((4,)))
    assert not torch.equal(first, network().sample((4,)))
    network().log_prob(first).sum().backward()
    assert all(p.grad is not None for p in network.parameters())
