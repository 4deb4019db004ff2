"""The twin: sums over all pairs, tile by tile, in plain torch.

Each tile of pairs is made once: it gives its share of the sum and of both sides' gradients, and of a symmetric sum only
the upper triangle is visited.
"""

from collections.abc import Callable

import torch
from torch import Tensor

from dgm_tutor.kernels.pairwise.oracle import OCTAVES

TILE = 256  # a tile is TILE x TILE numbers: 0.5 MB in float64, and three of them live at a time: they stay in the cache
TILE_ON_GPU = 4096  # there, it is launches that cost

Profile = Callable[[Tensor, float], tuple[Tensor, Tensor]]


def _rbf(squared: Tensor, bandwidth: float) -> tuple[Tensor, Tensor]:
    """sum_s exp(-r / s) and its derivative in r: each octave is the square of the one above it, so one exp does."""
    width = bandwidth * 2.0 ** OCTAVES[-1]
    k = torch.exp(squared / -width)
    total, slope = k.clone(), k / -width
    for _ in OCTAVES[1:]:
        k, width = k.mul_(k), width / 2
        total += k
        slope.sub_(k, alpha=1 / width)
    return total, slope


def _imq(squared: Tensor, bandwidth: float) -> tuple[Tensor, Tensor]:
    """sum_s s / (s + r) and its derivative in r."""
    total, slope = torch.zeros_like(squared), torch.zeros_like(squared)
    for octave in OCTAVES:
        width = bandwidth * 2.0**octave
        k = width / (width + squared)
        total += k
        slope.addcmul_(k, k, value=-1 / width)
    return total, slope


_PROFILES: dict[str, Profile] = {"rbf": _rbf, "imq": _imq}


def squared_mmd(
    x: Tensor, y: Tensor, kernel: str, bandwidth: float, unbiased: bool, wanted: tuple[bool, bool]
) -> tuple[Tensor, Tensor, Tensor]:
    """MMD^2, a scalar, and its gradients in x (n, d) and y (m, d): zeros where they are not ``wanted``."""
    n, m, profile = len(x), len(y), _PROFILES[kernel]
    in_x, in_y = torch.zeros_like(x), torch.zeros_like(y)
    value = _sweep(x, y, in_x, in_y, profile, bandwidth, -2 / (n * m), wanted)
    for points, gradient, wants in ((x, in_x, wanted[0]), (y, in_y, wanted[1])):
        count = len(points)
        weight = 2 / (count * (count - 1) if unbiased else count**2)  # 2: of (i, j) and (j, i), one is visited
        value += _sweep(points, points, gradient, gradient, profile, bandwidth, weight, (wants, wants), triangle=True)
        if not unbiased:
            value += 1 / count
    return value.to(x.dtype), in_x, in_y


def _sweep(
    x: Tensor,
    y: Tensor,
    in_x: Tensor,
    in_y: Tensor,
    profile: Profile,
    bandwidth: float,
    weight: float,
    wanted: tuple[bool, bool],
    triangle: bool = False,
) -> Tensor:
    """``weight`` times the sum over pairs, or those with i < j, in float64; its gradients are added to in_x, in_y."""
    origin = y.mean(0)  # |x|^2 + |y|^2 - 2 x.y loses digits far from the origin
    x, y = x - origin, y - origin
    x_squared, y_squared = x.square().sum(-1), y.square().sum(-1)
    total, weight = x.new_zeros((), dtype=torch.float64), weight / len(OCTAVES)
    tile = TILE_ON_GPU if x.is_cuda else TILE
    for i in range(0, len(x), tile):
        rows = slice(i, i + tile)
        for j in range(i if triangle else 0, len(y), tile):
            cols = slice(j, j + tile)
            squared = torch.addmm(x_squared[rows, None] + y_squared[cols], x[rows], y[cols].mT, alpha=-2)
            k, slope = profile(squared.clamp_min_(0), bandwidth)
            if triangle and i == j:
                k, slope = k.triu_(1), slope.triu_(1)
            total += k.sum()
            # d/dx_i k(|x_i - y_j|^2) = 2 k' (x_i - y_j)
            if wanted[0]:
                in_x[rows] += 2 * weight * (slope.sum(1, keepdim=True) * x[rows] - slope @ y[cols])
            if wanted[1]:
                in_y[cols] += 2 * weight * (slope.sum(0).unsqueeze(1) * y[cols] - slope.mT @ x[rows])
    return weight * total
