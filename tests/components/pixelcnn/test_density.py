"""A PixelCNN is a density: it sums to one, batches like a distribution and learns with all of its parameters."""

import pytest
import torch

from dgm_tutor.components.pixelcnn import distribution, pixels_of
from tests.components.pixelcnn.networks import FAMILIES, all_images, condition_for, noise, random_network


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("condition", [0, 2])
def test_all_512_binary_images_sum_to_one(condition, seed):
    network = random_network((3, 3), condition=condition, scale=1.0, seed=seed)
    log_p = network(condition_for(network)).log_prob(all_images())
    assert log_p.std() > 0.3, "images must differ in probability, or the sum tells nothing"
    assert log_p.exp().sum().item() == pytest.approx(1.0, abs=1e-12)


@pytest.mark.parametrize("pixels", ["categorical", "logistic"])
def test_all_grey_images_sum_to_one(pixels):
    network = random_network((2, 3), pixels)
    log_p = network().log_prob(all_images(6, levels=4))
    assert log_p.exp().sum().item() == pytest.approx(1.0, abs=1e-12)


def test_the_parallel_density_is_the_product_of_the_sequential_conditionals():
    network = random_network((3, 5), condition=2, scale=0.5)
    condition, x = condition_for(network, 4), noise(4, network, seed=1).round()
    sequential, seen = 0.0, torch.zeros_like(x)
    for i in range(15):
        sequential = sequential + network.pixels.log_prob(network.raw(seen, condition)[:, i], x[:, i])
        seen[:, i] = x[:, i]
    torch.testing.assert_close(network(condition).log_prob(x), sequential)


def test_batches_broadcast_like_any_distribution_s():
    network = random_network((3, 4), condition=2)
    condition, x = condition_for(network, 5, 3), noise(3, network).round()
    p = network(condition)
    assert p.batch_shape == (5, 3) and p.event_shape == (12,)
    log_p = p.log_prob(x)
    assert log_p.shape == (5, 3)
    torch.testing.assert_close(log_p[4, 1], network(condition[4, 1]).log_prob(x[1]))
    assert p.sample((2,)).shape == (2, 5, 3, 12)
    assert network(condition[0, 0]).sample().shape == (12,)


@pytest.mark.parametrize("condition", [0, 2])
def test_many_images_are_read_in_portions_that_leave_the_result(condition, monkeypatch):
    network = random_network((3, 4), condition=condition)
    told, x = condition_for(network, 7), noise(7, network).round()
    whole = network(told).log_prob(x)
    monkeypatch.setattr(distribution, "CHUNK", 3)
    torch.testing.assert_close(network(told).log_prob(x), whole)


@pytest.mark.parametrize("pixels", FAMILIES)
@pytest.mark.parametrize("condition", [0, 2])
def test_gradients_reach_every_parameter(pixels, condition):
    network = random_network((5, 5), pixels, condition=condition)
    x = noise(8, network).round()
    network(condition_for(network, 8)).log_prob(x).sum().backward()
    assert all(p.grad.abs().sum() > 0 for p in network.parameters())


def test_wrong_conditions_are_refused_with_the_shape_expected():
    told, untold = random_network((3, 4), condition=2), random_network((3, 4))
    with pytest.raises(ValueError, match=r"\(2, 3, 4\), got None"):
        told()
    with pytest.raises(ValueError, match=r"got \(2, 4, 3\)"):
        told(torch.zeros(5, 2, 4, 3))
    with pytest.raises(ValueError, match="None, got"):
        untold(torch.zeros(2, 3, 4))


@pytest.mark.parametrize("settings", [{"layers": 0}, {"kernel": 4}, {"first_kernel": 1}])
def test_networks_that_make_no_sense_are_refused(settings):
    with pytest.raises(ValueError, match="expected"):
        random_network((3, 3), **settings)


def test_pixels_outside_the_grey_levels_are_refused_with_advice():
    assert random_network((2, 2)).refuse(torch.tensor([[0.0, 1.0, 1.0, 0.0]])) is None
    assert "binarise" in random_network((2, 2)).refuse(torch.tensor([[0.0, 0.4, 1.0, 0.0]]))
    for name in ("categorical", "logistic"):
        family = FAMILIES[name]
        assert family.refuse(torch.tensor([0.0, 1 / 3, 2 / 3, 1.0])) is None
        assert "pixels()" in family.refuse(torch.tensor([0.5])) and "pixels()" in family.refuse(torch.tensor([4 / 3]))
        assert family.refuse(torch.tensor([float("nan")])) is not None


def test_families_have_names_and_unknown_ones_are_refused():
    named = [pixels_of("bernoulli"), pixels_of("categorical", 8), pixels_of("logistic_mixture", 8)]
    assert [family.levels for family in named] == [2, 8, 8]
    with pytest.raises(ValueError, match="logistic_mixture"):
        pixels_of("gaussian")
    with pytest.raises(ValueError, match="at least 2"):
        pixels_of("categorical", 1)
