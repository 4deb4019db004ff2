"""Inputs for the kernels' tests: away from any initialisation, with the places where they could go wrong."""

import torch
from torch import Tensor

from dgm_tutor.components.pixelcnn import Binary, Categorical, LogisticMixture
from dgm_tutor.components.pixelcnn.pixels import Pixels
from dgm_tutor.kernels.pixel_row import Weights


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


FAMILIES = {"binary": Binary(), "categorical": Categorical(6), "logistic": LogisticMixture(8, mixtures=3)}


def pixel_row(
    n: int, width: int, C: int, layers: int, reach=3, seen=2, family="binary", dtype=torch.float64, seed=0
) -> tuple[Weights, Pixels, list[Tensor], Tensor]:
    """A horizontal stack's weights, its pixels, what its gates are told, and uniform noise (width, n)."""
    g, pixels = generator(seed), FAMILIES[family]

    def random(*shape: int, over: int = 1) -> Tensor:
        return (torch.randn(shape, generator=g, dtype=torch.float64) / over**0.5).to(dtype)

    weights = Weights(
        random(reach, 1, 2 * C, over=reach),
        random(layers - 1, seen, C, 2 * C, over=C),
        random(layers, C, C, over=C),
        random(layers, C),
        random(C, C, over=C),
        random(C),
        random(C, pixels.parameters, over=C),
        0.3 * random(pixels.parameters),
    )
    if family == "logistic":  # means about the middle, scales of two levels
        weights.out_bias.view(3, -1).add_(torch.tensor([[0.0], [0.5], [-1.5]]))
    contexts = [random(width, n, 2 * C) for _ in range(layers)]
    return weights, pixels, contexts, uniform(width * n, dtype, seed + 1).view(width, n)


class Sharp:
    """A family whose noise is moved as close as ``margin`` to where its draw changes, and kept: whoever is off by more
    than that, in whatever the draw rests on, draws something else from it."""

    def __init__(self, pixels: Pixels, margin: float):
        self.pixels, self.margin, self.noise = pixels, margin, []

    def draw(self, raw: Tensor, u: Tensor) -> Tensor:
        value = self.pixels.draw(raw, u)
        ends = torch.full_like(u, self.margin), torch.full_like(u, 1 - self.margin)
        low, high = u, torch.where(self.pixels.draw(raw, ends[0]) != value, *ends)
        for _ in range(60):
            middle = (low + high) / 2
            same = self.pixels.draw(raw, middle) == value
            low, high = torch.where(same, middle, low), torch.where(same, high, middle)
        near = low + torch.where(low < high, -self.margin, self.margin)
        near = torch.where(self.pixels.draw(raw, near) == value, near, u)  # nothing changes from end to end
        self.noise.append(near)
        return self.pixels.draw(raw, near)


PHILOX = [  # position, seed, offset, and the words that Random123 lists for them
    (0, 0, 0, (0x6627E8D5, 0xE169C58D, 0xBC57AC4C, 0x9B00DBD8)),
    (-1, -1, -1, (0x408F276D, 0x41C83B0E, 0xA20BC7C6, 0x6D5451FD)),
    (
        0x85A308D3_243F6A88 - 2**64,
        0x299F31D0_A4093822,
        0x03707344_13198A2E,
        (0xD16CFE09, 0x94FDCCEB, 0x5001E420, 0x24126EA1),
    ),
]


def elbo(n: int, dim: int, dtype=torch.float64, seed=0) -> list[Tensor]:
    """Leaves mu and log sigma, a state, and leaves x in [0, 1] and logits; all are (n, dim) but the state."""
    g = generator(seed)
    mu, log_sigma, logits = torch.randn(3, n, dim, generator=g, dtype=torch.float64)
    x = torch.rand(n, dim, generator=g, dtype=torch.float64).round(decimals=1)
    leaves = [t.to(dtype).requires_grad_() for t in (1.5 * mu, 0.7 * log_sigma - 0.5, x, 8 * logits)]
    return [*leaves[:2], torch.tensor([2**40 + seed, 2**35 + 1]), *leaves[2:]]
