"""The twin: tiles of pairs in plain torch, one coordinate after the other.

The joint density's exponent is quadratic in z and could be one product of matrices; but that form cancels where a mean
is many sigma from the origin (in float64 too: at sigma = 1e-6 five digits are left), so differences are taken here.
"""

import math
from collections.abc import Iterator

import torch
from torch import Tensor

TILE = 2**16  # pairs at a time: 0.25 MB in float32, and four such live at a time: they stay in the cache
TILE_ON_GPU = 2**24  # there, it is launches that cost


def forward(z: Tensor, mean: Tensor, std: Tensor, bonus: float, marginals: bool) -> Tensor:
    """log sum_j e^{bonus [i = j]} N(z_i; mean_j, std_j): (N,), or (N, d) for ``marginals``."""
    if marginals:
        parts = [forward(*(p[:, d : d + 1] for p in (z, mean, std)), bonus, False) for d in range(z.shape[1])]
        return torch.stack(parts, 1)
    return torch.cat([torch.logsumexp(log_p, 1) for _, log_p in _tiles(z, mean, std, bonus)])


def backward(
    upstream: Tensor, out: Tensor, z: Tensor, mean: Tensor, std: Tensor, bonus: float, marginals: bool
) -> tuple[Tensor, Tensor, Tensor]:
    """Gradients in z, mean and std; ``upstream`` and ``out`` have ``forward``'s shape."""
    if marginals:
        columns = (
            backward(upstream[:, d], out[:, d], *(p[:, d : d + 1] for p in (z, mean, std)), bonus, False)
            for d in range(z.shape[1])
        )
        return tuple(torch.cat(parts, 1) for parts in zip(*columns, strict=True))
    in_z, in_mean, in_std = (torch.zeros_like(t) for t in (z, mean, std))
    inverse = 1 / std
    for rows, log_p in _tiles(z, mean, std, bonus):
        share = log_p.sub_(out[rows, None]).exp_().mul_(upstream[rows, None])  # u_i p_ij
        mass = share.sum(0)
        for d in range(z.shape[1]):
            t = z[rows, d, None].sub(mean[:, d]).mul_(inverse[:, d])
            pull = share * t
            in_z[rows, d] = -(pull @ inverse[:, d])
            in_mean[:, d] += pull.sum(0)
            in_std[:, d] += pull.mul_(t).sum(0) - mass
    return in_z, in_mean * inverse, in_std * inverse


def _tiles(z: Tensor, mean: Tensor, std: Tensor, bonus: float) -> Iterator[tuple[slice, Tensor]]:
    """Some rows, and their log-densities under each component with the bonus, (rows, M)."""
    inverse = 1 / std
    constant = -(std.log() + 0.5 * math.log(2 * math.pi)).sum(1)
    step = max(1, (TILE_ON_GPU if z.is_cuda else TILE) // len(mean))
    for i in range(0, len(z), step):
        rows = slice(i, i + step)
        log_p = constant.repeat(len(z[rows]), 1)
        for d in range(z.shape[1]):
            t = z[rows, d, None].sub(mean[:, d]).mul_(inverse[:, d])
            log_p.addcmul_(t, t, value=-0.5)
        if bonus:
            log_p.diagonal(i).add_(bonus)
        yield rows, log_p
