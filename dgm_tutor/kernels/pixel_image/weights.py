"""The vertical stack's numbers, laid out as the kernel reads them."""

from typing import NamedTuple

from torch import Tensor


class Vertical(NamedTuple):
    """Of the vertical stack of L layers of C channels, told a condition of D (or 0); features are rows, h @ weight."""

    weight: Tensor
    """Flat: of the first layer (reach, 2 reach + 1, 1, 2 C), then of each later one (seen, 2 seen - 1, C, 2 C)."""
    bias: Tensor
    """(L, 2 C): of the gates."""
    told: Tensor
    """(L, D, 2 C): from the condition to the gates."""
    link: Tensor
    """(L, 2 C, 2 C): from the gates to the context, which is what the horizontal stack's gates are told."""
    link_bias: Tensor
    """(L, 2 C): of the context, the horizontal stack's own biases with it."""
    link_told: Tensor
    """(L, D, 2 C): from the condition to the context."""
