"""What every data set looks like: a ``Dataset`` of two ``Split``s, and binarisation."""

from __future__ import annotations

from dataclasses import dataclass, field

import torch
from torch import Tensor

from .densities import Density


@dataclass(frozen=True)
class Split:
    """One half of a data set, row i of every tensor belonging to example i.

    x            uint8 images (n, 28, 28) or (n, 3, h, w); int64 pitches (n, time, 4); float32 points (n, 2)
    y            int64 labels (n,), or None
    factors      int64 ground-truth factors (n, F), or None, with their ``factor_names`` and ``factor_sizes``
    modalities   name -> tensor with n rows: other views of the same examples (colour_digits)
    length       int64 (n,): rows of ``x[i]`` that hold data, where sequences are padded; else None
    names        a name per example, where the source has one (chorales)
    """

    x: Tensor
    y: Tensor | None = None
    factors: Tensor | None = None
    factor_names: tuple[str, ...] = ()
    factor_sizes: tuple[int, ...] = ()
    modalities: dict[str, Tensor] = field(default_factory=dict)
    length: Tensor | None = None
    names: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.x)

    def pixels(self) -> Tensor:
        """The images as float32 in [0, 1], shaped like ``x``. Raises TypeError where there are none."""
        if self.x.dtype != torch.uint8:
            raise TypeError(
                f"pixels() is for images (uint8), but x is {self.x.dtype} of shape {tuple(self.x.shape)}: "
                "points and sequences are used as they are, through .x"
            )
        return self.x.float() / 255


@dataclass(frozen=True)
class Dataset:
    """A named data set with its rights. ``density``: the exact p_data(x), for the 2-D densities."""

    name: str
    train: Split
    test: Split
    license: str
    source: str
    classes: tuple[str, ...] = ()
    density: Density | None = None


def binarise(x01: Tensor, generator: torch.Generator | None = None) -> Tensor:
    """Draw each pixel from a Bernoulli whose mean is its grey level: float32 of 0 and 1, same shape.

    Drawn anew for every batch this is dynamic binarisation (Salakhutdinov and Murray 2008), which makes a
    Bernoulli decoder's log-likelihood a true one: a grey level is not a possible outcome of a coin.

    TypeError for what is no float, ValueError for NaN and for values outside [0, 1].
    """
    _must_be_grey(x01, "binarise()")
    return torch.bernoulli(x01, generator=generator).float()


def dequantise(x01: Tensor, levels: int = 256, generator: torch.Generator | None = None) -> Tensor:
    """Grey levels spread evenly over their cells: (k + u) / levels, k = 0 .. levels - 1 the nearest level, u ~ U(0, 1).

    A density on whole numbers can grow without bound; on spread ones it is a bound for the probability of the levels:
    log P(k) >= E_u log p((k + u) / levels) - D log levels (Theis et al. 2016), so that bits/dim are
    ``evaluation.bits_per_dim(log_prob, D, levels)``. Float32 in [0, 1), same shape. Errors as in ``binarise``.
    """
    _must_be_grey(x01, "dequantise()")
    level = (x01 * (levels - 1)).round()
    return (level + torch.rand(x01.shape, generator=generator).to(x01)).div(levels).float()


def _must_be_grey(x01: Tensor, caller: str) -> None:
    if not x01.is_floating_point():
        raise TypeError(f"{caller} wants floats in [0, 1], got {x01.dtype}: use split.pixels()")
    if missing := int(x01.isnan().sum()):
        raise ValueError(
            f"{caller} wants grey levels in [0, 1], got NaN in {missing} of {x01.numel()} values: "
            "leave them out or fill them in first"
        )
    if x01.numel() and not (x01.min() >= 0 and x01.max() <= 1):
        low, high = x01.min().item(), x01.max().item()
        raise ValueError(f"{caller} wants grey levels in [0, 1], got values from {low:g} to {high:g}")
