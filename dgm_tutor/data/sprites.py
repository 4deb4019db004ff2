"""Sprites: 24,576 little pictures, one for every combination of six known factors.

In the spirit of dSprites (Matthey et al. 2017), small enough for a laptop: 3 shapes x 4 scales x 8
rotations x 8 x-positions x 8 y-positions x 4 colours, each a 3 x 16 x 16 picture on black, anti-aliased. A
shape that looks the same after a part of a turn is only turned within that part (``PERIOD``), so that no
two combinations give the same picture and every factor can be read off the pixels.
"""

from __future__ import annotations

import math
from functools import lru_cache

import torch
from torch import Tensor

NAMES = ("shape", "scale", "rotation", "x", "y", "colour")
SIZES = (3, 4, 8, 8, 8, 4)
SIDE = 16

SHAPES = ("square", "ellipse", "heart")
# Degrees after which each shape repeats; rotation k is k/8 of it, anticlockwise.
PERIOD = (90.0, 180.0, 360.0)
RADII = (2.25, 3.0, 3.75, 4.5)  # of the circle around the shape, in pixels
COLOURS = {
    "vermillion": (213, 94, 0),
    "sky blue": (86, 180, 233),
    "green": (0, 158, 115),
    "yellow": (240, 228, 66),
}
VALUES = {
    "shape": SHAPES,
    "scale": RADII,
    "rotation": tuple(f"{k}/8 period" for k in range(8)),
    "x": tuple(4.5 + k for k in range(8)),  # the centre, in pixels from the left
    "y": tuple(4.5 + k for k in range(8)),  # the centre, in pixels from the top
    "colour": tuple(COLOURS),
}
_BOX = SIDE - 8 + 1  # 9: the shape's own box in pixels; positions move it by whole pixels
_SUBPIXELS = 16  # per side, averaged into one pixel


def all_factors() -> Tensor:
    """Every combination in lexicographic order, int64 (24576, 6): row i is ``unravel_index(i, SIZES)``."""
    return torch.cartesian_prod(*(torch.arange(size) for size in SIZES))


def render(factors: Tensor) -> Tensor:
    """The exact pictures of ``factors``, int64 (n, 6) -> uint8 (n, 3, 16, 16).

    Raises ValueError where a factor is out of its range (``SIZES``).
    """
    _check(factors)
    shape, scale, rotation, x, y, colour = factors.unbind(1)
    coverage = _coverage()[shape, scale, rotation, y, x]  # (n, 16, 16) in [0, 1]
    palette = torch.tensor(list(COLOURS.values()), dtype=torch.float32)
    return (palette[colour][:, :, None, None] * coverage[:, None]).round().to(torch.uint8)


def _check(factors: Tensor) -> None:
    if factors.ndim != 2 or factors.shape[1] != len(NAMES) or factors.dtype != torch.int64:
        raise ValueError(f"sprites want int64 factors (n, 6), got {factors.dtype} of shape {tuple(factors.shape)}")
    for name, size, column in zip(NAMES, SIZES, factors.unbind(1), strict=True):
        if len(column) and (column.min() < 0 or column.max() >= size):
            low, high = column.min().item(), column.max().item()
            raise ValueError(f"factor {name!r} goes from 0 to {size - 1}, got values from {low} to {high}")


@lru_cache
def _coverage() -> Tensor:
    """How much of each pixel every shape, scale, rotation, y and x covers: float32 (3, 4, 8, 8, 8, 16, 16)."""
    table = torch.zeros(3, 4, 8, 8, 8, SIDE, SIDE)
    boxes = _boxes()
    for y in range(8):
        for x in range(8):
            table[:, :, :, y, x, y : y + _BOX, x : x + _BOX] = boxes
    return table


def _boxes() -> Tensor:
    """Coverage of the 9 x 9 pixels around each shape's centre: (3, 4, 8, 9, 9), by averaging subpixels."""
    grid = (torch.arange(_BOX * _SUBPIXELS) + 0.5) / _SUBPIXELS - _BOX / 2
    down, right = torch.meshgrid(grid, grid, indexing="ij")
    radius = torch.tensor(RADII).view(4, 1, 1, 1)
    shapes = []
    for inside, period in zip((_in_square, _in_ellipse, _in_heart), PERIOD, strict=True):
        angle = (torch.arange(8) * math.radians(period / 8)).view(8, 1, 1)
        u = (right * angle.cos() - down * angle.sin()) / radius  # the shape's own axes, up is positive
        v = (-right * angle.sin() - down * angle.cos()) / radius
        shapes.append(inside(u, v).float())
    fine = torch.stack(shapes)  # (3, 4, 8, 144, 144)
    return fine.unflatten(-1, (_BOX, _SUBPIXELS)).unflatten(-3, (_BOX, _SUBPIXELS)).mean((-1, -3))


# Each shape fits the unit circle.


def _in_square(u: Tensor, v: Tensor) -> Tensor:
    return torch.maximum(u.abs(), v.abs()) <= math.sqrt(0.5)


def _in_ellipse(u: Tensor, v: Tensor) -> Tensor:
    return u**2 + (2 * v) ** 2 <= 1


def _in_heart(u: Tensor, v: Tensor) -> Tensor:
    a, b = 1.3 * u, 1.3 * v + 0.1
    return (a**2 + b**2 - 1) ** 3 <= a**2 * b**3
