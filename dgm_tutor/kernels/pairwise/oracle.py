"""The kernels and the MMD as they are defined: whole matrices, for small sets and for tests."""

import torch
from torch import Tensor

OCTAVES = (-2, -1, 0, 1, 2)
KERNELS = {
    "rbf": lambda squared, width: torch.exp(-squared / width),
    "imq": lambda squared, width: width / (width + squared),
}
"""One kernel as a function of the squared distance and the bandwidth."""


def kernel_matrix(x: Tensor, y: Tensor, kernel: str, bandwidth: float) -> Tensor:
    """k(x_i, y_j) as it is defined, (n, m): O(n m d) memory."""
    squared = (x.unsqueeze(1) - y.unsqueeze(0)).square().sum(-1)
    return sum(KERNELS[kernel](squared, bandwidth * 2.0**octave) for octave in OCTAVES) / len(OCTAVES)


def squared_mmd(x: Tensor, y: Tensor, kernel: str, bandwidth: float, unbiased: bool) -> Tensor:
    """MMD^2 in float64 from the three Gram matrices; autograd differentiates it."""
    x, y = x.double(), y.double()

    def within(points: Tensor) -> Tensor:
        gram = kernel_matrix(points, points, kernel, bandwidth)
        n = len(points)
        return (gram.sum() - gram.trace()) / (n * (n - 1)) if unbiased else gram.mean()

    return within(x) + within(y) - 2 * kernel_matrix(x, y, kernel, bandwidth).mean()
