"""2-D densities: they integrate to one, and the sampler draws from what log_prob says."""

import math

import pytest
import torch

from dgm_tutor import data
from dgm_tutor.data import densities
from dgm_tutor.data.densities import DENSITIES

NAMES = list(DENSITIES)
CELLS = 320  # of the integration grid, per side: the midpoint rule is exact for blurred curves and for squares


def grid(extent: float, cells: int) -> torch.Tensor:
    """Midpoints of cells x cells squares over [-extent, extent]^2: float64 (cells, cells, 2)."""
    mid = (torch.arange(cells, dtype=torch.float64) + 0.5) / cells * 2 * extent - extent
    return torch.cartesian_prod(mid, mid).view(cells, cells, 2)


@pytest.fixture(scope="module", params=NAMES)
def name(request):
    return request.param


@pytest.fixture(scope="module")
def masses(name):
    """Probability of every cell of the grid."""
    density = DENSITIES[name]
    rows = grid(density.extent, CELLS)
    log_p = torch.cat([density.log_prob(row) for row in rows.split(20)])
    return log_p.exp() * (2 * density.extent / CELLS) ** 2


def test_it_integrates_to_one(name, masses):
    assert masses.sum().item() == pytest.approx(1, abs=2e-6)


def test_the_sampler_agrees_by_chi_square(name, masses):
    """Counts in 40 x 40 boxes against the probability that log_prob gives them."""
    density, n, boxes = DENSITIES[name], 100_000, 40
    x, _ = density.sample(n, torch.Generator().manual_seed(5))
    index = ((x.double() / (2 * density.extent) + 0.5) * boxes).floor().long()
    assert (index >= 0).all() and (index < boxes).all()
    counts = torch.zeros(boxes, boxes, dtype=torch.float64)
    counts.index_put_(tuple(index.T), torch.ones(n, dtype=torch.float64), accumulate=True)
    expected = n * masses.unflatten(1, (boxes, -1)).unflatten(0, (boxes, -1)).sum((1, 3))
    large = expected >= 10
    counts = torch.cat([counts[large], counts[~large].sum()[None]])
    expected = torch.cat([expected[large], expected[~large].sum()[None]])
    chi_square = ((counts - expected) ** 2 / expected.clamp_min(1e-9))[expected > 0].sum().item()
    freedom = int((expected > 0).sum()) - 1
    assert abs(chi_square - freedom) < 4 * math.sqrt(2 * freedom)
    assert counts[expected == 0].sum() == 0


def test_its_entropy_by_grid_and_by_samples_agree(name, masses):
    density = DENSITIES[name]
    log_p = (masses / (2 * density.extent / CELLS) ** 2).log()
    exact = -(masses * log_p).nan_to_num(0).sum()
    x, _ = density.sample(20_000, torch.Generator().manual_seed(6))
    surprise = -density.log_prob(x.double())
    assert (surprise.mean() - exact).abs() < 4 * surprise.std() / math.sqrt(len(x)) + 1e-6


def test_components_are_equally_likely_labels(name):
    density, n = DENSITIES[name], 40_000
    _, y = density.sample(n, torch.Generator().manual_seed(7))
    assert y.dtype == torch.int64
    share = y.bincount(minlength=density.components) / n
    assert len(share) == density.components
    assert (share - 1 / density.components).abs().max() < 4.5 * math.sqrt(1 / density.components / n)


def test_samples_of_every_component_have_density(name):
    density = DENSITIES[name]
    x, y = density.sample(20_000, torch.Generator().manual_seed(8))
    assert x.dtype == torch.float32
    assert density.log_prob(x).isfinite().all()
    means = torch.stack([x[y == k].mean(0) for k in range(density.components)])
    if name != "rings":  # concentric: one mean
        assert torch.pdist(means).min() > 0.5


def test_log_prob_takes_any_leading_shape_and_keeps_the_dtype(name):
    density = DENSITIES[name]
    x, _ = density.sample(12, torch.Generator().manual_seed(9))
    flat = density.log_prob(x)
    assert flat.shape == (12,) and flat.dtype == torch.float32
    assert torch.equal(density.log_prob(x.view(3, 4, 2)), flat.view(3, 4))
    assert torch.allclose(density.log_prob(x.double()).float(), flat, atol=1e-3)
    assert density.log_prob(x[0]).shape == ()


def test_log_prob_has_the_gradient_of_its_own_values(name):
    density = DENSITIES[name]
    x, _ = density.sample(20, torch.Generator().manual_seed(10))
    x = x.double().requires_grad_()
    assert torch.autograd.gradcheck(lambda x: density.log_prob(x), x)


@pytest.mark.parametrize("smooth", ["two_moons", "rings", "mixture"])
def test_far_away_and_at_the_origin_all_is_finite(smooth):
    x = torch.tensor([[0.0, 0.0], [30.0, -40.0]], requires_grad=True)
    value = DENSITIES[smooth].log_prob(x)
    (gradient,) = torch.autograd.grad(value.sum(), x)
    assert value.isfinite().all() and gradient.isfinite().all()


def test_the_moons_quadrature_is_exact_to_rounding():
    x = grid(3.0, 60).view(-1, 2)
    fine = densities.TwoMoons(nodes=1500).log_prob(x)
    near = fine > -40
    assert near.any() and torch.allclose(densities.two_moons.log_prob(x)[near], fine[near], atol=1e-9)


def test_a_ring_is_the_average_of_gaussians_around_a_circle():
    ring = densities.Rings(radii=(1.3,), noise=0.2)
    angle = torch.arange(4000, dtype=torch.float64) * (2 * math.pi / 4000)
    means = 1.3 * torch.stack([angle.cos(), angle.sin()], dim=1)
    x = grid(2.0, 12).view(-1, 2)
    squares = (x[:, None] - means).square().sum(-1)
    average = (-squares / (2 * 0.2**2)).exp().mean(1) / (2 * math.pi * 0.2**2)
    assert torch.allclose(ring.log_prob(x), average.log(), atol=1e-9)


def test_moons_mirror_each_other():
    x = grid(2.5, 20).view(-1, 2)
    assert torch.allclose(densities.two_moons.log_prob(x), densities.two_moons.log_prob(-x), atol=1e-12)


def test_the_checkerboard_alternates_and_ends():
    corner = torch.tensor([[-1.5, -1.5], [-0.5, -1.5], [-0.5, -0.5], [1.5, 1.5], [2.5, 2.5], [-2.5, 0.5]])
    dark = -math.log(8)
    expected = torch.tensor([dark, -math.inf, dark, dark, -math.inf, -math.inf])
    assert torch.equal(densities.checkerboard.log_prob(corner), expected)


def test_checkerboard_points_never_round_into_an_empty_square(monkeypatch):
    """float32: 1 + 0.99999994 is 2. The largest number that rand can give must still be inside."""
    largest = 1 - 2**-24
    monkeypatch.setattr(torch, "rand", lambda *shape, generator=None: torch.full(shape, largest))
    x, _ = densities.checkerboard.sample(200, torch.Generator().manual_seed(0))
    assert densities.checkerboard.log_prob(x).isfinite().all()


@pytest.mark.parametrize("bad", [torch.zeros(4), torch.zeros(4, 3), torch.zeros(4, 2).long()])
def test_what_is_no_point_of_the_plane_is_refused(name, bad):
    with pytest.raises(ValueError, match=r"floats \(\.\.\., 2\)"):
        DENSITIES[name].log_prob(bad)


def test_load_gives_the_points_their_labels_and_the_density(name):
    loaded = data.load(name)
    assert loaded.density is DENSITIES[name] and loaded.density is getattr(data.densities, name)
    assert loaded.train.x.shape == (10_000, 2) and loaded.train.x.dtype == torch.float32
    assert not torch.equal(loaded.train.x[:2000], loaded.test.x)
