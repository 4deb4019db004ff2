"""Coloured digits: each MNIST digit in three aligned modalities, for models that infer one from another.

colour   (n, 3, 28, 28) uint8: a bright colour on a dark one, both drawn at random
grey     (n, 28, 28) uint8: the luminance of the colour picture (ITU-R BT.601): hue is lost
edges    (n, 28, 28) uint8: the Sobel gradient of the digit, every colour is lost
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

FACTOR_NAMES = ("foreground", "background")
# Okabe and Ito's palette without black: told apart by colour-blind readers too.
PALETTE = {
    "orange": (230, 159, 0),
    "sky blue": (86, 180, 233),
    "green": (0, 158, 115),
    "yellow": (240, 228, 66),
    "blue": (0, 114, 178),
    "vermillion": (213, 94, 0),
    "purple": (204, 121, 167),
}
FACTOR_SIZES = (len(PALETTE), len(PALETTE))
DIM = 0.2  # a background is its palette colour at this brightness: darker than any foreground


def draw_factors(n: int, generator: torch.Generator | None = None) -> Tensor:
    """Foreground and background colours, independent and uniform: int64 (n, 2)."""
    return torch.randint(len(PALETTE), (n, 2), generator=generator)


def modalities(digits: Tensor, factors: Tensor) -> dict[str, Tensor]:
    """Digits (n, 28, 28) uint8 and colours (n, 2) int64 -> {"colour", "grey", "edges"}, uint8."""
    ink = digits.float() / 255
    palette = torch.tensor(list(PALETTE.values()), dtype=torch.float32)
    foreground, background = palette[factors[:, 0]], DIM * palette[factors[:, 1]]
    luminance = torch.tensor([0.299, 0.587, 0.114])
    return {
        "colour": _blend(ink[:, None], foreground, background),
        "grey": _blend(ink, foreground @ luminance, background @ luminance),  # luminance is linear
        "edges": (255 * edges(ink)).round().to(torch.uint8),
    }


def _blend(ink: Tensor, foreground: Tensor, background: Tensor) -> Tensor:
    """Foreground where ``ink`` is 1, background where it is 0; both get two axes for height and width."""
    foreground, background = foreground[..., None, None], background[..., None, None]
    return torch.addcmul(background, foreground - background, ink).round_().to(torch.uint8)


def edges(ink: Tensor) -> Tensor:
    """Length of the Sobel gradient, a straight full-contrast edge being 1: (n, h, w) -> (n, h, w)."""
    padded = F.pad(ink[:, None], (1, 1, 1, 1), mode="replicate")[:, 0]
    right, down = _sobel(padded), _sobel(padded.mT).mT
    return torch.hypot(right, down).clamp_(max=1)


def _sobel(padded: Tensor) -> Tensor:
    """Difference along the last axis, smoothed (1, 2, 1) / 4 along the one before."""
    slope = padded[..., 2:] - padded[..., :-2]
    return (slope[..., :-2, :] + 2 * slope[..., 1:-1, :] + slope[..., 2:, :]) / 4
