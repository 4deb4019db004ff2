"""MMD: its definition, its gradient, what it sees, and what it costs."""

import subprocess
import sys

import pytest
import torch

from dgm_tutor.exact import FiniteWorld
from dgm_tutor.kernels import pairwise
from dgm_tutor.kernels.pairwise import torch as tiles
from dgm_tutor.objectives import mmd, squared_mmd
from tests.objectives.worlds import random_world, value


@pytest.fixture(params=[5, 1000], ids=["many tiles", "one tile"])
def tile(request, monkeypatch):
    monkeypatch.setattr(tiles, "TILE", request.param)


def sets(n=13, m=9, d=3):
    generator = torch.Generator().manual_seed(0)
    return (
        torch.randn(n, d, generator=generator, dtype=torch.float64, requires_grad=True),
        (0.5 + torch.randn(m, d, generator=generator, dtype=torch.float64)).requires_grad_(),
    )


def naive(x, y, kernel, width, unbiased):
    """The definition, pair by pair."""

    def k(a, b):
        r = ((a - b) ** 2).sum()
        widths = [width / 4, width / 2, width, 2 * width, 4 * width]
        return sum(torch.exp(-r / s) if kernel == "rbf" else s / (s + r) for s in widths) / 5

    def within(points):
        n = len(points)
        pairs = [(i, j) for i in range(n) for j in range(n) if not (unbiased and i == j)]
        return sum(k(points[i], points[j]) for i, j in pairs) / len(pairs)

    between = sum(k(a, b) for a in x for b in y) / (len(x) * len(y))
    return within(x) + within(y) - 2 * between


@pytest.mark.parametrize("unbiased", [True, False])
@pytest.mark.parametrize("kernel", ["rbf", "imq"])
def test_value_and_gradient_are_the_definition_s(tile, kernel, unbiased):
    x, y = sets()
    left, right = squared_mmd(x, y, kernel, 3.0, unbiased), naive(x, y, kernel, 3.0, unbiased)
    torch.testing.assert_close(left, right, rtol=0, atol=1e-12)
    for a, b in zip(torch.autograd.grad(left, (x, y)), torch.autograd.grad(right, (x, y)), strict=True):
        torch.testing.assert_close(a, b, rtol=0, atol=1e-12)


@pytest.mark.parametrize("unbiased", [True, False])
@pytest.mark.parametrize("kernel", ["rbf", "imq"])
def test_gradcheck(tile, kernel, unbiased):
    assert torch.autograd.gradcheck(lambda x, y: squared_mmd(x, y, kernel, 3.0, unbiased), sets(8, 7))


def test_a_side_that_needs_no_gradient_changes_nothing(tile):
    x, y = sets()
    both = torch.autograd.grad(squared_mmd(x, y), x)[0]
    torch.testing.assert_close(torch.autograd.grad(squared_mmd(x, y.detach()), x)[0], both)


def test_far_from_the_origin_single_precision_keeps_its_digits():
    x, y = (points.detach() for points in sets(40, 30))
    near, far = squared_mmd(x, y), squared_mmd(x.float() + 3000, y.float() + 3000)
    assert abs(near - far) < 1e-3


def test_bandwidth_2d_is_the_mean_squared_distance_under_the_prior():
    x, y = sets()
    assert squared_mmd(x, y, bandwidth="2d") == squared_mmd(x, y, bandwidth=6.0)
    z = torch.randn(20_000, 2, 3, generator=torch.Generator().manual_seed(1))
    assert (z[:, 0] - z[:, 1]).square().sum(-1).mean().item() == pytest.approx(6.0, rel=0.02)


def test_the_median_bandwidth_follows_the_scale_and_carries_no_gradient():
    x, y = sets()
    torch.testing.assert_close(squared_mmd(x, y, bandwidth="median"), squared_mmd(9 * x, 9 * y, bandwidth="median"))
    median = torch.pdist(torch.cat([x, y]).detach()).square().median().item()
    left, right = (torch.autograd.grad(squared_mmd(x, y, bandwidth=b), x)[0] for b in ("median", median))
    torch.testing.assert_close(left, right)


@pytest.mark.parametrize(("kernel", "bandwidth"), [("rbf", "2d"), ("imq", "2d"), ("rbf", "median")])
@pytest.mark.parametrize("dim", [2, 20])
def test_a_shrunken_posterior_is_seen_and_the_null_has_mean_zero(kernel, bandwidth, dim):
    """At batch 128, q(z) = N(0, 0.5^2 I) against N(0, I): ten standard deviations of the null, or more."""
    torch.manual_seed(0)

    def estimates(sigma, count):
        draws = [(sigma * torch.randn(128, dim), torch.randn(128, dim)) for _ in range(count)]
        return torch.stack([squared_mmd(z, y, kernel, bandwidth) for z, y in draws])

    null, shrunk = estimates(1.0, 150), estimates(0.5, 15)
    assert shrunk.mean() > 10 * null.std()
    assert null.mean().abs() < 4 * null.std() / len(null) ** 0.5
    assert (null < 0).any()  # unbiased: it may be negative


def test_the_biased_estimate_is_too_large_by_the_diagonal():
    x, y = (points.detach() for points in sets(128, 128))
    torch.manual_seed(0)
    unbiased, biased = (
        torch.stack([squared_mmd(torch.randn(64, 5), torch.randn(64, 5), unbiased=u) for _ in range(50)])
        for u in (True, False)
    )
    assert abs(unbiased.mean()) < 4 * unbiased.std() / 50**0.5
    assert biased.mean() > 10 * biased.std() / 50**0.5
    assert squared_mmd(x, x, unbiased=False).abs() < 1e-12


@pytest.mark.parametrize("kernel", ["rbf", "imq"])
@pytest.mark.parametrize("over", ["x", "z"])
def test_on_a_finite_world_the_term_is_the_exact_sum(kernel, over):
    world, draw = random_world(3)
    q, p = (world.data, world.model) if over == "x" else (world.aggregate, world.prior)
    points = torch.eye(len(q.probs), dtype=torch.float64)
    k = pairwise.kernel_matrix(points, points, kernel, 2.0 * len(points))
    expected = q.probs @ k @ q.probs + p.probs @ k @ p.probs - 2 * q.probs @ k @ p.probs
    torch.testing.assert_close(value(mmd(over, kernel), draw), expected, rtol=0, atol=1e-12)
    assert value(mmd(over, kernel), draw) > 0


def test_the_exact_term_is_zero_where_the_two_agree():
    world, _ = random_world(3)
    same = FiniteWorld(
        p={"z": world.prior.probs, "x | z": world.decoder.probs},
        q={"x": world.model.probs, "z | x": world.true_posterior.probs},
    )
    from dgm_tutor.models.finite import exact_draw, table_model

    draw = exact_draw(table_model(same), same.data.probs)
    assert abs(value(mmd("z"), draw)) < 1e-15 and abs(value(mmd("x"), draw)) < 1e-15


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"kernel": "linear"}, "rbf, imq"),
        ({"bandwidth": "d"}, "'2d', 'median'"),
        ({"bandwidth": 0.0}, "number > 0"),
    ],
)
def test_bad_kernels_and_bandwidths_are_refused(arguments, message):
    x, y = sets()
    with pytest.raises(ValueError, match=message):
        squared_mmd(x, y, **arguments)
    with pytest.raises(ValueError, match=message):
        mmd("z", **arguments)


def test_sets_that_cannot_be_compared_are_refused():
    x, _ = sets()
    for y in (x[:1], x[:, :2], x[0]):
        with pytest.raises(ValueError, match="at least 2 points"):
            squared_mmd(x, y)
    with pytest.raises(ValueError, match="two tensors, got Tensor and ndarray"):
        squared_mmd(x, x.detach().numpy())
    with pytest.raises(ValueError, match="half of the points are equal"):
        squared_mmd(torch.zeros(5, 2), torch.zeros(5, 2), bandwidth="median")


MEASURE = """
import resource, torch
from dgm_tutor.objectives import squared_mmd
x, y = torch.randn(20_000, 20, requires_grad=True), torch.randn(20_000, 20)
squared_mmd(x[:600], y[:600]).backward()
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
squared_mmd(x, y).backward()
print((resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024)
"""


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="ru_maxrss is in KiB on Linux")
def test_20_000_points_of_20_dimensions_take_less_than_200_mb():
    done = subprocess.run([sys.executable, "-c", MEASURE], capture_output=True, text=True, check=True)
    assert float(done.stdout) < 200
