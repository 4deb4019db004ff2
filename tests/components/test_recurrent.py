"""Recurrent parts: the cell is torch's own, reading ahead changes nothing, gradients reach everything."""

import torch
from torch import nn

from dgm_tutor.components import FixedPrior, LatentGRU, ReadingMLP, StandardNormal
from tests.components.test_components import shaken


def test_the_cell_is_torch_s_gru_on_x_and_z():
    cell, theirs = shaken(LatentGRU(3, 2, 5)), nn.GRUCell(5, 5)
    with torch.no_grad():
        theirs.weight_ih.copy_(torch.cat([cell.from_x.weight, cell.from_z.weight], 1))
        theirs.bias_ih.copy_(cell.from_x.bias)
        theirs.weight_hh.copy_(cell.from_h.weight)
        theirs.bias_hh.copy_(cell.from_h.bias)
    x, z, h = torch.randn(7, 3), torch.randn(7, 2), torch.randn(7, 5)
    torch.testing.assert_close(cell(cell.read(x), z, h), theirs(torch.cat([x, z], 1), h))


def test_reading_all_steps_ahead_is_reading_each():
    x, h, z = torch.randn(4, 6, 3), torch.randn(6, 5), torch.randn(6, 2)
    network, cell = shaken(ReadingMLP(3, 5, [8, 2])), shaken(LatentGRU(3, 2, 5))
    for t in range(4):
        torch.testing.assert_close(network(network.read(x)[t], h), network(network.read(x[t]), h))
        torch.testing.assert_close(cell(cell.read(x)[t], z, h), cell(cell.read(x[t]), z, h))


def test_a_reading_perceptron_is_one_perceptron_of_both_inputs():
    network, x, h = shaken(ReadingMLP(3, 5, [8, 2])), torch.randn(6, 3), torch.randn(6, 5)
    first = torch.cat([network.from_x.weight, network.from_h.weight], 1)
    hidden = torch.relu(torch.cat([x, h], 1) @ first.T + network.from_x.bias)
    torch.testing.assert_close(network(network.read(x), h), network.rest(hidden))


def test_gradients_reach_every_parameter():
    network, cell = shaken(ReadingMLP(3, 5, [8, 2])), shaken(LatentGRU(3, 2, 5))
    x, h, z = torch.randn(32, 3), torch.randn(32, 5), torch.randn(32, 2)
    (network(network.read(x), h).square().sum() + cell(cell.read(x), z, h).square().sum()).backward()
    assert all(p.grad.abs().sum() > 0 for m in (network, cell) for p in m.parameters())


def test_the_fixed_prior_ignores_the_state():
    z = torch.randn(4, 6, 2)
    p = FixedPrior(2)(torch.randn(4, 6, 5))
    torch.testing.assert_close(p.log_prob(z), StandardNormal(2)().log_prob(z))
    assert p.batch_shape == (4, 6)
