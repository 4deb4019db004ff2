"""Sums of a kernel over all pairs of points, tile by tile, in plain torch.

The gradient of sum_ij k(x_i, y_j) needs the same tiles as the sum itself, so both are made in one sweep, and nothing of
size N x N is ever kept, neither forwards nor backwards. A kernel is a mean over bandwidths s 2^o, ``OCTAVES`` of them
around s: one of these sees a difference, whatever its scale.
"""

from collections.abc import Callable

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

OCTAVES = (-2, -1, 0, 1, 2)
TILE = 256  # a tile is TILE x TILE numbers: 0.5 MB in float64, and three of them live at a time

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
KERNELS = {
    "rbf": lambda squared, width: torch.exp(-squared / width),
    "imq": lambda squared, width: width / (width + squared),
}
"""One kernel as a function of the squared distance and the bandwidth."""


def kernel_matrix(x: Tensor, y: Tensor, kernel: str, bandwidth: float) -> Tensor:
    """k(x_i, y_j) as it is defined, (n, m): O(n m d) memory, for small sets and for tests."""
    squared = (x.unsqueeze(1) - y.unsqueeze(0)).square().sum(-1)
    return sum(KERNELS[kernel](squared, bandwidth * 2.0**octave) for octave in OCTAVES) / len(OCTAVES)


def kernel_sum(x: Tensor, y: Tensor, kernel: str, bandwidth: float) -> Tensor:
    """sum_ij k(x_i, y_j) of x (n, d) and y (m, d), a scalar; differentiable once in both, in O(n + m) memory.

    Args:
        kernel: "rbf", exp(-|x - y|^2 / s), or "imq", s / (s + |x - y|^2), averaged over bandwidths s.
        bandwidth: the middle one, a squared distance.
    """
    return _Between.apply(x, y, kernel, bandwidth)


def kernel_sum_within(x: Tensor, kernel: str, bandwidth: float) -> Tensor:
    """sum_{i != j} k(x_i, x_j), as ``kernel_sum``: no point is paired with itself, where k = 1."""
    return _Within.apply(x, kernel, bandwidth)


class _Between(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x: Tensor, y: Tensor, kernel: str, bandwidth: float) -> Tensor:
        total, *gradients = _sweep(x, y, _PROFILES[kernel], bandwidth, ctx.needs_input_grad[:2])
        ctx.save_for_backward(*gradients)
        return total

    @staticmethod
    @once_differentiable
    def backward(ctx, upstream: Tensor):
        in_x, in_y = ctx.saved_tensors
        return upstream * in_x, upstream * in_y, None, None


class _Within(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x: Tensor, kernel: str, bandwidth: float) -> Tensor:
        wanted = ctx.needs_input_grad[0]
        total, *gradients = _sweep(x, x, _PROFILES[kernel], bandwidth, (wanted, wanted), triangle=True)
        ctx.save_for_backward(2 * sum(gradients))
        return 2 * total

    @staticmethod
    @once_differentiable
    def backward(ctx, upstream: Tensor):
        return upstream * ctx.saved_tensors[0], None, None


def _sweep(
    x: Tensor, y: Tensor, profile: Profile, bandwidth: float, wanted: tuple[bool, bool], triangle: bool = False
) -> tuple[Tensor, Tensor, Tensor]:
    """The sum over pairs, or over those with i < j, and its gradients in x and y, zeros where they are not wanted."""
    origin = y.mean(0)  # |x|^2 + |y|^2 - 2 x.y loses digits far from the origin
    x, y = x - origin, y - origin
    x_squared, y_squared = x.square().sum(-1), y.square().sum(-1)
    total, in_x, in_y = x.new_zeros((), dtype=torch.float64), torch.zeros_like(x), torch.zeros_like(y)
    for i in range(0, len(x), TILE):
        rows = slice(i, i + TILE)
        for j in range(i if triangle else 0, len(y), TILE):
            cols = slice(j, j + TILE)
            squared = torch.addmm(x_squared[rows, None] + y_squared[cols], x[rows], y[cols].mT, alpha=-2)
            k, slope = profile(squared.clamp_min_(0), bandwidth)
            if triangle and i == j:
                k, slope = k.triu_(1), slope.triu_(1)
            total += k.sum()
            # d/dx_i k(|x_i - y_j|^2) = 2 k' (x_i - y_j)
            if wanted[0]:
                in_x[rows] += 2 * (slope.sum(1, keepdim=True) * x[rows] - slope @ y[cols])
            if wanted[1]:
                in_y[cols] += 2 * (slope.sum(0).unsqueeze(1) * y[cols] - slope.mT @ x[rows])
    n = len(OCTAVES)
    return (total / n).to(x.dtype), in_x / n, in_y / n
