"""Dequantised grey levels: spread over their cells, and their density a bound for the levels' probability."""

import math

import pytest
import torch

from dgm_tutor import data, evaluation


def test_each_level_is_spread_evenly_over_its_own_cell():
    levels = torch.arange(4).repeat_interleave(5000)
    spread = data.dequantise(levels / 3, 4, torch.Generator().manual_seed(0)) * 4
    assert torch.equal(spread.floor().long(), levels)
    inside = spread - levels
    assert inside.mean().item() == pytest.approx(0.5, abs=0.01)
    assert inside.std().item() == pytest.approx(12**-0.5, abs=0.01)


def test_grey_levels_of_bytes_are_kept():
    bytes_ = torch.arange(256)
    assert torch.equal((data.dequantise(bytes_.float() / 255) * 256).floor().long(), bytes_)


def test_bits_of_a_histogram_density_are_the_levels_entropy():
    """A density that is constant on cells gives every level its own probability: the bound is tight."""
    p = torch.tensor([0.5, 0.25, 0.125, 0.125])
    levels = torch.multinomial(p, 20_000, replacement=True, generator=torch.Generator().manual_seed(0))
    x = data.dequantise(levels[:, None] / 3, 4)
    log_density = (p * 4).log()[(x * 4).floor().long()].sum(-1)
    truth = -p.log()[levels].mean().item() / math.log(2)
    assert evaluation.bits_per_dim(log_density.mean().item(), 1, levels=4) == pytest.approx(truth)


def test_bad_input_is_refused_with_what_was_expected():
    with pytest.raises(TypeError, match="pixels"):
        data.dequantise(torch.zeros(3, dtype=torch.uint8))
    with pytest.raises(ValueError, match=r"\[0, 1\]"):
        data.dequantise(torch.tensor([2.0]))
