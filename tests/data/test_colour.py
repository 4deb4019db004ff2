"""Coloured digits: three aligned modalities of the embedded digits, with known colours."""

import pytest
import torch

from dgm_tutor import data
from dgm_tutor.data import colour

LUMINANCE = torch.tensor([0.299, 0.587, 0.114])


@pytest.fixture(scope="module")
def digits():
    return data.load("mnist").test


@pytest.fixture(scope="module")
def coloured():
    return data.load("colour_digits", seed=1).test


def test_modalities_are_named_and_x_is_the_colour_picture(coloured):
    shapes = {name: tuple(view.shape) for name, view in coloured.modalities.items()}
    assert shapes == {"colour": (2000, 3, 28, 28), "grey": (2000, 28, 28), "edges": (2000, 28, 28)}
    assert all(view.dtype == torch.uint8 for view in coloured.modalities.values())
    assert torch.equal(coloured.x, coloured.modalities["colour"])


def test_labels_are_those_of_the_digits(coloured, digits):
    assert torch.equal(coloured.y, digits.y)


def test_the_factors_are_the_colours_in_the_picture(coloured, digits):
    palette = torch.tensor(list(colour.PALETTE.values())).float()
    full = (digits.x == 255).nonzero()[::50]
    empty = (digits.x == 0).nonzero()[::5000]
    for (n, row, column), dim, which in [
        *((place, 1.0, 0) for place in full[:200].tolist()),
        *((place, colour.DIM, 1) for place in empty[:200].tolist()),
    ]:
        expected = dim * palette[coloured.factors[n, which]]
        assert (coloured.x[n, :, row, column] - expected).abs().max() <= 0.5


def test_colours_are_uniform_and_independent(coloured):
    counts = torch.zeros(7, 7)
    counts.index_put_(tuple(coloured.factors.T), torch.ones(len(coloured)), accumulate=True)
    expected = len(coloured) / 49
    chi_square = ((counts - expected) ** 2 / expected).sum()
    assert chi_square < 83.7  # 48 degrees of freedom, p = 0.001


def test_grey_is_the_luminance_of_the_colour_picture(coloured):
    luminance = torch.einsum("nchw,c->nhw", coloured.x[:300].float(), LUMINANCE)
    assert (coloured.modalities["grey"][:300] - luminance).abs().max() <= 1.01  # each was rounded once


def test_every_digit_is_brighter_than_its_ground():
    palette = torch.tensor(list(colour.PALETTE.values())).float() @ LUMINANCE
    assert palette.min() - colour.DIM * palette.max() > 40


def test_edges_know_the_shape_and_no_colour(digits):
    x = digits.x[:50]
    first, second = (colour.modalities(x, colour.draw_factors(50, torch.Generator().manual_seed(s))) for s in (1, 2))
    assert not torch.equal(first["grey"], second["grey"])
    assert torch.equal(first["edges"], second["edges"])


def test_the_edge_of_a_straight_step_is_full_and_elsewhere_nothing():
    step = torch.zeros(2, 8, 8)
    step[0, :, 4:] = 1
    step[1, 4:, :] = 1
    found = colour.edges(step)
    expected = torch.zeros(8)
    expected[3:5] = 1
    assert torch.equal(found[0], expected.expand(8, 8))
    assert torch.equal(found[1], expected[:, None].expand(8, 8))


def test_a_flat_picture_has_no_edges_not_even_at_the_border():
    assert torch.equal(colour.edges(torch.full((1, 6, 6), 0.7)), torch.zeros(1, 6, 6))


def test_a_diagonal_step_is_an_edge_of_its_own_direction():
    """A ramp rising by a in x and b in y has the gradient's length hypot(a, b), times the kernel's reach of 2."""
    rows, columns = torch.meshgrid(torch.arange(6.0), torch.arange(6.0), indexing="ij")
    inside = colour.edges((0.06 * columns + 0.08 * rows)[None])[0, 1:-1, 1:-1]
    assert torch.allclose(inside, torch.full((4, 4), 0.2), atol=1e-6)
