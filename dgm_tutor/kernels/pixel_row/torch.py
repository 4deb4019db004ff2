"""The twin: products over all images, in buffers whose views are made once and serve every row."""

from typing import Any, NamedTuple

import torch
from torch import Tensor


class Weights(NamedTuple):
    """Of the horizontal stack of L layers of C channels, and of the head; features are rows, h @ weight."""

    first: Tensor
    """(reach, inputs, 2 C): of the pixels before this one."""
    later: Tensor
    """(L - 1, reach + 1, C, 2 C): of the features up to this pixel's."""
    residual: Tensor
    """(L, C, C)."""
    residual_bias: Tensor
    """(L, C)."""
    hidden: Tensor
    """(C, C)."""
    hidden_bias: Tensor
    """(C,)."""
    out: Tensor
    """(C, parameters)."""
    out_bias: Tensor
    """(parameters,)."""


class Row:
    """The stack at work on one row of ``width`` pixels after another, of n images.

    Args:
        weights: of the network.
        pixels: what stands at one position: ``draw(raw, noise)`` and ``read(x)``.
    """

    def __init__(self, weights: Weights, pixels: Any, n: int, width: int):
        self.weights, self.pixels = weights, pixels
        self.layers = [_Layer(w, n, width) for w in (weights.first, *weights.later)]

    def sample(self, contexts: list[Tensor], noise: Tensor) -> Tensor:
        """x (width, n, *event) from noise of that shape and what each layer's gates are told, (width, n, 2 C)."""
        w, x = self.weights, torch.empty_like(noise)
        told = [context.unbind() for context in contexts]
        values = x.flatten(2) if x.dim() > 2 else x.unsqueeze(-1)  # the same memory, (width, n, inputs)
        for column in range(len(noise)):
            h = self.pixels.read(values[column - 1]) if column else None
            for k, layer in enumerate(self.layers):
                y = gate(layer.gates(column, h, told[k][column]))
                new = torch.addmm(w.residual_bias[k], y, w.residual[k])
                h = h + new if k else new
            raw = torch.addmm(w.out_bias, torch.addmm(w.hidden_bias, h.relu(), w.hidden).relu(), w.out)
            x[column] = self.pixels.draw(raw, noise[column])
        return x


class _Layer:
    """What a layer has read of the row; the first one, of pixels, learns of each a column late."""

    def __init__(self, weight: Tensor, n: int, width: int):
        seen, inputs = weight.shape[:2]
        self.weight = weight.flatten(0, 1)
        row = weight.new_zeros(n, width + seen - 1, inputs)
        self.places = [row[:, column + seen - 1] for column in range(width)]  # views, made once
        self.windows = [row[:, column : column + seen].flatten(1) for column in range(width)]

    def gates(self, column: int, h: Tensor | None, told: Tensor) -> Tensor:
        """(n, 2 C); h (n, inputs) is the newest that is known, None before the first pixel."""
        if h is not None:
            self.places[column].copy_(h)
        return torch.addmm(told, self.windows[column], self.weight)


def gate(features: Tensor) -> Tensor:
    """tanh(f) * sigmoid(g) of features (n, 2 channels, ...)."""
    f, g = features.chunk(2, 1)
    return torch.tanh(f) * torch.sigmoid(g)
