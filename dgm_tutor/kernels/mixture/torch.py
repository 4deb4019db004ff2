"""The twin: tiles of pairs in plain torch.

A Gaussian is an exponential family, so all log-densities are one product of matrices, of statistics and parameters:

    log N(z; m, s) = sum_d -z^2 / 2 s^2 + z m / s^2 + [-m^2 / 2 s^2 - log s - log(2 pi) / 2]

The product cancels where a mean is many sigma from the origin: at sigma = 1e-6 five digits of sixteen are left. For
single precision on a CPU it is taken in float64, which has nine digits to spare; elsewhere differences are taken, one
coordinate after the other.
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
    if _has_digits_to_spare(z):
        statistics, parameters = _statistics(z), _parameters(mean, std)
        tiles = _product_tiles(statistics, parameters, bonus)
        return torch.cat([torch.logsumexp(log_p, 1) for _, log_p in tiles]).to(z.dtype)
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
    if _has_digits_to_spare(z):
        return _backward_by_products(upstream, out, z, mean, std, bonus)
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


def _backward_by_products(
    upstream: Tensor, out: Tensor, z: Tensor, mean: Tensor, std: Tensor, bonus: float
) -> tuple[Tensor, Tensor, Tensor]:
    """As ``backward``, from the gradients in the statistics of z and in the parameters."""
    statistics, parameters = _statistics(z), _parameters(mean, std)
    in_statistics, in_parameters = torch.empty_like(statistics), torch.zeros_like(parameters)
    for rows, log_p in _product_tiles(statistics, parameters, bonus):
        share = log_p.sub_(out[rows, None]).exp_().mul_(upstream[rows, None])  # u_i p_ij
        in_statistics[rows] = share @ parameters
        in_parameters += share.mT @ statistics[rows]
    in_square, in_linear, _ = _split(in_statistics)
    square, linear, mass = _split(in_parameters)
    in_z = 2 * z * in_square + in_linear
    in_mean = (linear - mass * mean) / std.double().square()
    in_std = ((square - 2 * mean * linear + mean.double().square() * mass) / std.double().square() - mass) / std
    return in_z.to(z.dtype), in_mean.to(z.dtype), in_std.to(z.dtype)


def _has_digits_to_spare(z: Tensor) -> bool:
    return z.dtype == torch.float32 and not z.is_cuda


def _statistics(z: Tensor) -> Tensor:
    """(N, 2 d + 1): z^2, z and 1, in float64."""
    z = z.double()
    return torch.cat([z.square(), z, torch.ones_like(z[:, :1])], 1)


def _parameters(mean: Tensor, std: Tensor) -> Tensor:
    """(M, 2 d + 1): what z^2, z and 1 are multiplied with, in float64."""
    mean, std = mean.double(), std.double()
    precision = std.square().reciprocal()
    constant = (-0.5 * mean.square() * precision - std.log() - 0.5 * math.log(2 * math.pi)).sum(1, keepdim=True)
    return torch.cat([-0.5 * precision, mean * precision, constant], 1)


def _split(t: Tensor) -> tuple[Tensor, ...]:
    """The parts of (n, 2 d + 1) that belong to z^2, z and 1."""
    d = t.shape[1] // 2
    return t.split([d, d, 1], 1)


def _product_tiles(statistics: Tensor, parameters: Tensor, bonus: float) -> Iterator[tuple[slice, Tensor]]:
    """As ``_tiles``."""
    step = max(1, TILE // len(parameters))
    for i in range(0, len(statistics), step):
        rows = slice(i, i + step)
        log_p = statistics[rows] @ parameters.mT
        if bonus:
            log_p.diagonal(i).add_(bonus)
        yield rows, log_p


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
