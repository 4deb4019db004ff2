"""Sprites: every factor is in the picture, exactly, and nothing else is."""

import math

import pytest
import torch

from dgm_tutor import data
from dgm_tutor.data import sprites


@pytest.fixture(scope="module")
def everything():
    return sprites.render(sprites.all_factors())


def one(**changes) -> torch.Tensor:
    """A picture (3, 16, 16) as floats: a middling square with some factors changed."""
    values = {"shape": 0, "scale": 2, "rotation": 0, "x": 3, "y": 4, "colour": 3} | changes
    return sprites.render(torch.tensor([[values[name] for name in sprites.NAMES]]))[0].float()


def ink(picture: torch.Tensor) -> torch.Tensor:
    """Coverage (16, 16) in [0, 1], whatever the colour."""
    strongest = picture.amax((1, 2)).argmax()
    return picture[strongest] / picture[strongest].max()


def centre(picture: torch.Tensor) -> tuple[float, float]:
    weight = ink(picture)
    pixels = torch.arange(16) + 0.5
    return (weight.sum(0) @ pixels / weight.sum()).item(), (weight.sum(1) @ pixels / weight.sum()).item()


def test_the_whole_set_has_one_picture_for_each_combination(everything):
    factors = sprites.all_factors()
    assert factors.shape == (24_576, 6) and math.prod(sprites.SIZES) == 24_576
    assert torch.equal(factors, torch.stack(torch.unravel_index(torch.arange(24_576), sprites.SIZES), dim=1))
    assert everything.shape == (24_576, 3, 16, 16) and everything.dtype == torch.uint8
    assert len(torch.unique(everything.flatten(1), dim=0)) == 24_576


def test_shape_scale_and_rotation_are_told_apart_by_more_than_rounding():
    """96 silhouettes at one place and in one colour: the closest two differ by a good part of a pixel."""
    factors = sprites.all_factors()
    here = factors[(factors[:, 3] == 0) & (factors[:, 4] == 0) & (factors[:, 5] == 3)]
    flat = torch.stack([ink(picture) for picture in sprites.render(here).float()]).flatten(1)
    distance = torch.cdist(flat, flat, compute_mode="donot_use_mm_for_euclid_dist").fill_diagonal_(math.inf)
    assert len(here) == 96 and distance.min() > 0.25


def test_a_picture_depends_on_its_own_factors_only(everything):
    order = torch.randperm(24_576, generator=torch.Generator().manual_seed(0))[:500]
    assert torch.equal(sprites.render(sprites.all_factors()[order]), everything[order])


def test_position_moves_the_picture_by_whole_pixels():
    assert torch.equal(one(x=5), one(x=3).roll(2, dims=2))
    assert torch.equal(one(y=6), one(y=4).roll(2, dims=1))
    assert centre(one(x=2, y=6)) == pytest.approx((sprites.VALUES["x"][2], sprites.VALUES["y"][6]), abs=1e-3)


@pytest.mark.parametrize("colour", range(4))
def test_colour_is_the_named_one_and_changes_nothing_else(colour):
    picture = one(colour=colour)
    name = sprites.VALUES["colour"][colour]
    assert picture[:, 8, 7].tolist() == list(sprites.COLOURS[name])
    assert (ink(picture) - ink(one())).abs().max() < 0.01


@pytest.mark.parametrize(("shape", "unit_area"), [(0, 2.0), (1, math.pi / 2)], ids=["square", "ellipse"])
@pytest.mark.parametrize("scale", range(4))
@pytest.mark.parametrize("rotation", [0, 3, 5])
def test_anti_aliasing_keeps_the_exact_area(shape, unit_area, scale, rotation):
    """Up to half a subpixel (1/32 pixel) along the outline, which is at most 4 sqrt(2) radii long."""
    radius = sprites.RADII[scale]
    area = ink(one(shape=shape, scale=scale, rotation=rotation)).sum().item()
    assert area == pytest.approx(unit_area * radius**2, abs=4 * math.sqrt(2) * radius / 32)


def test_the_heart_is_symmetric_with_its_point_down():
    heart = ink(one(shape=2, scale=3))[4:13, 3:12]  # its own 9 x 9 box at x = 3, y = 4
    assert torch.equal(heart, heart.flip(1))
    assert heart[:4].sum() > heart[5:].sum()


@pytest.mark.parametrize(("shape", "quarter"), [(1, 4), (2, 2)], ids=["ellipse", "heart"])
def test_rotation_turns_anticlockwise_by_the_period_over_eight(shape, quarter):
    """``quarter`` steps are a quarter turn, which on the pixel grid is exact."""
    upright = ink(one(shape=shape, scale=3))[4:13, 3:12]
    turned = ink(one(shape=shape, scale=3, rotation=quarter))[4:13, 3:12]
    assert torch.allclose(turned, upright.rot90(1), atol=0.02)
    assert sprites.PERIOD[shape] / 8 * quarter == 90


def test_a_square_goes_halfway_round_its_period_to_a_diamond():
    diamond = ink(one(scale=3, rotation=4))
    assert diamond[8].sum() == pytest.approx(2 * sprites.RADII[3], abs=0.6)  # corner to corner through the middle
    assert diamond[4:13, 3:12].equal(diamond[4:13, 3:12].flip(1))


def test_no_shape_is_cut_off(everything):
    """Area does not depend on the position, so nothing leaves the picture."""
    area = everything.float().sum((1, 2, 3)).view(sprites.SIZES)
    assert torch.equal(area.amax((3, 4)), area.amin((3, 4)))


def test_edges_are_soft_and_the_inside_is_full():
    levels = ink(one(rotation=3)).unique()
    assert levels.min() == 0 and levels.max() == 1 and len(levels) > 5


def test_load_splits_the_combinations_without_overlap(everything):
    loaded = data.load("sprites")
    assert (len(loaded.train), len(loaded.test)) == (20_480, 4_096)
    assert loaded.train.factor_names == sprites.NAMES and loaded.train.factor_sizes == sprites.SIZES
    both = torch.cat([loaded.train.factors, loaded.test.factors])
    place = (both * torch.tensor([8192, 2048, 256, 32, 4, 1])).sum(1)
    assert torch.equal(place.sort().values, torch.arange(24_576))
    assert torch.equal(torch.cat([loaded.train.x, loaded.test.x]), everything[place])


@pytest.mark.parametrize("column", range(6))
@pytest.mark.parametrize("value", [-1, 8])
def test_a_factor_out_of_range_is_named(column, value):
    factors = torch.zeros(3, 6, dtype=torch.int64)
    factors[1, column] = value
    with pytest.raises(ValueError, match=f"'{sprites.NAMES[column]}' goes from 0 to {sprites.SIZES[column] - 1}"):
        sprites.render(factors)


@pytest.mark.parametrize("bad", [torch.zeros(6, dtype=torch.int64), torch.zeros(2, 5).long(), torch.zeros(2, 6)])
def test_factors_of_another_shape_or_type_are_refused(bad):
    with pytest.raises(ValueError, match=r"int64 factors \(n, 6\)"):
        sprites.render(bad)


def test_no_factors_give_no_pictures():
    assert sprites.render(torch.zeros(0, 6, dtype=torch.int64)).shape == (0, 3, 16, 16)


def test_every_factor_value_has_a_name():
    assert [len(sprites.VALUES[name]) for name in sprites.NAMES] == list(sprites.SIZES)
