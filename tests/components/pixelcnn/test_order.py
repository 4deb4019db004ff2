"""Who depends on whom, by gradients: raster order, the stated reach, no blind spot, the condition everywhere."""

import pytest
import torch

from tests.components.pixelcnn.networks import condition_for, noise, random_network


def dependence(network, x, condition, of):
    """(H, W, H, W) float: how strongly the numbers for pixel (r, c) depend on position (r', c') of x or condition."""
    height, width = network.size
    target = (x if of == "x" else condition).requires_grad_()
    raw = network.raw(x, condition).sum((0, 2))
    rows = [torch.autograd.grad(value, target, retain_graph=True)[0].abs() for value in raw]
    total = torch.stack([r.reshape(-1, height * width).sum(0) for r in rows])
    return total.reshape(height, width, height, width)


def rectangle(size, reach):
    """(H, W, H, W) bool: the pixels that each pixel is said to depend on."""
    height, width = size
    r, c, i, j = torch.meshgrid(*[torch.arange(n) for n in (height, width, height, width)], indexing="ij")
    above = (i < r) & (i >= r - reach) & ((j - c).abs() <= reach)
    left = (i == r) & (j < c) & (j >= c - reach)
    return above | left


@pytest.mark.parametrize(
    ("layers", "first_kernel", "kernel", "reach"), [(1, 3, 3, 1), (2, 5, 3, 3), (3, 3, 5, 5), (4, 7, 3, 6)]
)
@pytest.mark.parametrize("size", [(7, 6), (4, 9)])
def test_a_pixel_depends_on_exactly_the_stated_rectangle_of_earlier_pixels(size, layers, first_kernel, kernel, reach):
    network = random_network(size, layers=layers, first_kernel=first_kernel, kernel=kernel, scale=0.2)
    assert network.reach == reach
    depends = dependence(network, noise(4, network), None, of="x")
    expected = rectangle(size, reach)
    assert (depends[~expected] == 0).all(), "a pixel sees itself, a later one, or one out of reach"
    assert (depends[expected] > 1e-9).all(), "there is a blind spot"


def test_with_enough_layers_every_earlier_pixel_reaches_and_no_later_one():
    network = random_network((5, 5), layers=4, condition=2, scale=0.2)
    depends = dependence(network, noise(4, network), condition_for(network, 4), of="x").reshape(25, 25)
    earlier = torch.ones(25, 25).tril(-1).bool()
    assert (depends[~earlier] == 0).all()
    assert (depends[earlier] > 1e-9).all()


def test_the_condition_reaches_every_pixel_from_its_own_place():
    network = random_network((4, 5), condition=2, scale=0.2)
    condition = condition_for(network, 4)
    depends = dependence(network, noise(4, network), condition, of="condition").reshape(20, 20)
    assert (depends.diagonal() > 1e-6).all()


def test_each_layer_s_gates_are_told_the_condition():
    network = random_network((4, 4), condition=2)
    x, condition = noise(3, network).round(), condition_for(network, 3)
    before = network(condition).log_prob(x)
    for layer in network.layers:
        for half in layer.condition.weight.detach().chunk(2):  # the vertical and the horizontal gates
            kept = half.clone()
            half.zero_()
            assert (network(condition).log_prob(x) - before).abs().min() > 1e-6
            half.copy_(kept)
