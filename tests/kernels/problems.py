"""Inputs for the kernels' tests: away from any initialisation, with the places where they could go wrong."""

import torch
from torch import Tensor


def generator(seed: int) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def mixture(n: int, K: int, levels: int, dtype=torch.float64, seed=0) -> tuple[Tensor, ...]:
    """x (n,) with both edge bins, and logits, mu, log_scale (n, K): narrow and wide, near and far from x."""
    g = generator(seed)
    x = torch.randint(levels, (n,), generator=g).double() / (levels - 1)
    x[: n // 8 + 1], x[n // 8 + 1 : n // 4 + 1] = 0.0, 1.0
    logits, mu, log_scale = torch.randn(3, n, K, generator=g, dtype=torch.float64)
    return x.to(dtype), (2 * logits).to(dtype), (0.5 + mu).to(dtype), (1.5 * log_scale - 3).to(dtype)


def uniform(n: int, dtype=torch.float64, seed=1) -> Tensor:
    return torch.rand(n, generator=generator(seed), dtype=torch.float64).to(dtype)


def strided(t: Tensor) -> Tensor:
    """The same values, each dimension with a step of two or more in a buffer that is NaN elsewhere."""
    buffer = t.new_full([2 * size + 1 for size in t.shape], torch.nan)
    view = buffer[tuple(slice(1, 1 + 2 * size, 2) for size in t.shape)]
    return view.copy_(t)


def substitution(
    n: int, dim: int, hidden: tuple[int, ...], dtype=torch.float64, reverse=False, lowest=1, outputs=2, seed=0
) -> tuple:
    """z, start, weights, biases, order and ends of a random network; weights that the mask leaves out are NaN."""
    g = generator(seed)

    def random(*shape: int) -> Tensor:
        return torch.randn(shape, generator=g, dtype=torch.float64).to(dtype)

    order = torch.arange(dim, dtype=torch.int32)
    order = order.flip(0) if reverse else order
    lowest = 0 if dim == 1 else lowest
    degrees = [lowest + torch.arange(size) * (dim - lowest) // size for size in hidden]
    ends = torch.stack([torch.bincount(d, minlength=dim).cumsum(0) for d in degrees]).int()
    position = order.long().argsort()
    chain = [1 + position, *degrees, position.repeat_interleave(outputs)]
    masks = [out[:, None] >= seen for seen, out in zip(chain[:-1], chain[1:], strict=True)]
    weights = [torch.where(mask, random(*mask.shape) / mask.shape[1] ** 0.5, torch.nan) for mask in masks]
    biases = [0.3 * random(len(weight)) for weight in weights[1:]]
    return random(n, dim), random(n, hidden[0]), weights, biases, order, ends
