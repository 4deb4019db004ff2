"""Affine couplings: Real NVP for vectors, and its multi-scale form for images (Dinh et al. 2017)."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from dgm_tutor.components.flows.monotone import bounded
from dgm_tutor.components.flows.transform import OnFirst, Permutation, Stack, Transform
from dgm_tutor.components.networks import mlp


class AffineCoupling(Transform):
    """x = z where the mask is 1, x = exp(s) z + t elsewhere; s, t are functions of the masked part (eq. 9).

    Both directions are fast: the masked part is the same on both sides.

    Args:
        mask: (d,) of 0 and 1.
        network: (..., d + context_dim) -> (..., 2 d), the shift and the log-scale.
    """

    def __init__(self, mask: Tensor, network: nn.Module):
        super().__init__()
        self.register_buffer("mask", mask.float(), persistent=False)
        self.network = network

    def forward(self, z: Tensor, context: Tensor | None = None) -> tuple[Tensor, Tensor]:
        shift, log_scale = self._read(z, context)
        return log_scale.exp() * z + shift, log_scale.sum(-1)

    def inverse(self, x: Tensor, context: Tensor | None = None) -> tuple[Tensor, Tensor]:
        shift, log_scale = self._read(x, context)
        return (x - shift) * (-log_scale).exp(), -log_scale.sum(-1)

    def _read(self, point: Tensor, context: Tensor | None) -> tuple[Tensor, Tensor]:
        kept = self.mask * point
        if context is not None:
            kept = torch.cat([kept, context.expand(*kept.shape[:-1], -1)], -1)
        shift, log_scale = self.network(kept).chunk(2, -1)
        return (1 - self.mask) * shift, (1 - self.mask) * bounded(log_scale)


def real_nvp(dim: int, layers: int = 8, hidden: Sequence[int] = (64,), context_dim: int = 0) -> Stack:
    """Couplings that keep one half of the coordinates and the other in turn. Fast: both directions.

    Raises:
        ValueError: fewer than 2 dimensions, which have no two halves.
    """
    if dim < 2:
        raise ValueError(f"a coupling needs 2 dimensions or more, got {dim}: use maf")
    half = (torch.arange(dim) < dim // 2).float()
    masks = [half if k % 2 == 0 else 1 - half for k in range(layers)]
    return Stack(*(AffineCoupling(mask, mlp([dim + context_dim, *hidden, 2 * dim])) for mask in masks))


def multi_scale(shape: tuple[int, int, int], channels: int = 32) -> Stack:
    """Real NVP for images (C, H, W), flattened to (..., C H W) like all vectors here (section 3.6, figure 4).

    Read from x to z: three checkerboard couplings, a squeeze, three couplings of channels, and half of the channels
    are done; the others go on to the next scale, while the sides can be halved to 2 or more. Fast: both directions.

    Raises:
        ValueError: images of one pixel, which no checkerboard divides.
    """
    c, h, w = shape
    if h * w == 1:
        raise ValueError(f"a checkerboard needs 2 pixels or more, got images of shape {shape}: use real_nvp")
    board = (torch.arange(h)[:, None] + torch.arange(w)) % 2
    checkerboards = _alternating(board.expand(c, h, w), 3, channels)
    if h % 2 or w % 2 or min(h, w) < 4:
        return Stack(*checkerboards)
    small = (4 * c, h // 2, w // 2)
    first = torch.arange(4 * c) < 2 * c
    by_channel = _alternating(first[:, None, None].expand(small), 3, channels)
    deeper = OnFirst(multi_scale((2 * c, h // 2, w // 2), channels), c * h * w // 2)
    return Stack(deeper, *by_channel, Permutation(_squeeze(shape).argsort()), *checkerboards)


class ConvNet(nn.Module):
    """Convolutions from flattened images (..., C H W) to twice as many channels, flattened: (..., 2 C H W)."""

    def __init__(self, shape: tuple[int, int, int], channels: int):
        super().__init__()
        self.shape = shape
        self.layers = nn.Sequential(
            nn.Conv2d(shape[0], channels, 3, padding=1),
            nn.ReLU(),
            nn.Conv2d(channels, channels, 1),
            nn.ReLU(),
            nn.Conv2d(channels, 2 * shape[0], 3, padding=1),
        )

    def forward(self, x: Tensor) -> Tensor:
        images = x.reshape(-1, *self.shape)
        return self.layers(images).reshape(*x.shape[:-1], -1)


def _alternating(mask: Tensor, count: int, channels: int) -> list[AffineCoupling]:
    mask, shape = mask.float(), tuple(mask.shape)
    masks = [mask if k % 2 == 0 else 1 - mask for k in range(count)]
    return [AffineCoupling(m.flatten(), ConvNet(shape, channels)) for m in masks]


def _squeeze(shape: tuple[int, int, int]) -> Tensor:
    """The order in which (C, H, W) is read to become (4 C, H/2, W/2): each 2 x 2 square turns into 4 channels."""
    c, h, w = shape
    index = torch.arange(c * h * w).reshape(c, h // 2, 2, w // 2, 2)
    return index.permute(0, 2, 4, 1, 3).flatten()
