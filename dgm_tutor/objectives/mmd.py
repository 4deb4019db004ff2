"""Maximum mean discrepancy: two distributions compared by samples and a kernel, with no critic to train.

MMD^2(q, p) = E k(z, z') - 2 E k(z, y) + E k(y, y') for z, z' ~ q and y, y' ~ p (Gretton et al. 2012). It is zero only
where q = p. An estimate is worth what it sees: counting the pairs of a point with itself, or a bandwidth far from the
points' distances, hides a posterior that has shrunk.
"""

from numbers import Real

import torch
from torch import Tensor

from dgm_tutor.kernels import pairwise
from dgm_tutor.kernels.inputs import expect
from dgm_tutor.kernels.pairwise import KERNELS, kernel_matrix
from dgm_tutor.objectives.draw import Draw, Sample
from dgm_tutor.objectives.objective import Term

MEDIAN_OF = 512  # points the median distance is taken from

Bandwidth = str | float


def mmd(over: str = "z", kernel: str = "rbf", bandwidth: Bandwidth = "2d", unbiased: bool = True) -> Term:
    """MMD^2 between the two joints' marginals: q(z) and p(z), or p_data and p_theta over "x". No unit.

    Args:
        over: "z" or "x".
        kernel, bandwidth, unbiased: as in ``squared_mmd``.
    """
    if over not in ("x", "z"):
        raise ValueError(f"over={over!r}: expected 'x' or 'z'")
    _check(kernel, bandwidth)
    q, p = (r"p_{\text{data}}", r"p_\theta") if over == "x" else (r"q_\phi(z)", "p(z)")

    def value(draw: Draw) -> Tensor:
        a, b = draw.q(over), draw.p(over)
        if a.probs is None:
            return squared_mmd(a.points, b.points, kernel, bandwidth, unbiased)
        return _exact(a, b, kernel, bandwidth)

    return Term(f"mmd({over})", rf"\mathrm{{MMD}}^2({q}, {p})", value)


def squared_mmd(
    x: Tensor, y: Tensor, kernel: str = "rbf", bandwidth: Bandwidth = "2d", unbiased: bool = True
) -> Tensor:
    """MMD^2 estimated from x (n, d) and y (m, d): a scalar, in O(n + m) memory; differentiable in both.

    Args:
        kernel: "rbf", exp(-|a - b|^2 / s), or "imq", s / (s + |a - b|^2), averaged over five octaves of s.
        bandwidth: the middle one, in squared distance: "2d", the mean squared distance under N(0, I) in d dimensions;
            "median", that of the given points; or a number.
        unbiased: the U-statistic, whose mean is MMD^2 and which may be negative; else the V-statistic, which counts
            each point's pair with itself and is too large by about 1 / n + 1 / m.

    Raises:
        ValueError: an unknown kernel or bandwidth, fewer than two points (in a loss: a batch of one), or points of
            different dimensions or types.
    """
    _check(kernel, bandwidth)
    if not (isinstance(x, Tensor) and isinstance(y, Tensor)):
        raise ValueError(f"expected two tensors, got {type(x).__name__} and {type(y).__name__}; see torch.as_tensor")
    fit = x.dim() == y.dim() == 2 and x.shape[1] == y.shape[1] > 0 and min(len(x), len(y)) > 1
    expect("two sets of at least 2 points, x (n, d) and y (m, d)", fit, x, y)
    return pairwise.squared_mmd(x, y, kernel, _width(x, y, bandwidth), unbiased)


def _exact(q: Sample, p: Sample, kernel: str, bandwidth: Bandwidth) -> Tensor:
    """sum_ij (q_i - p_i) k_ij (q_j - p_j) over one finite support."""
    difference = q.probs - p.probs
    width = _width(q.points, p.points, bandwidth)
    return difference @ kernel_matrix(q.points, q.points, kernel, width) @ difference


def _width(x: Tensor, y: Tensor, bandwidth: Bandwidth) -> float:
    """The bandwidth as a number, a squared distance."""
    if bandwidth == "2d":
        return 2.0 * x.shape[1]
    if bandwidth != "median":
        return float(bandwidth)
    points = torch.cat([x[: MEDIAN_OF // 2], y[: MEDIAN_OF // 2]]).detach()
    median = torch.pdist(points).square().median().item()
    if not median > 0:
        raise ValueError("bandwidth='median': half of the points are equal; give the bandwidth as a number")
    return median


def _check(kernel: str, bandwidth: Bandwidth) -> None:
    if kernel not in KERNELS:
        raise ValueError(f"kernel={kernel!r}: expected one of {', '.join(KERNELS)}")
    number = isinstance(bandwidth, (Real, Tensor)) and 0 < bandwidth < float("inf")
    known = bandwidth in ("2d", "median") if isinstance(bandwidth, str) else number
    if not known:
        raise ValueError(f"bandwidth={bandwidth!r}: expected '2d', 'median' or a number > 0 (of squared distance)")
