"""Networks: plain multilayer perceptrons, an ensemble-ready linear layer, and conditioning by FiLM."""

import itertools
from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn


class Linear(nn.Linear):
    """y = W x + b, for one model or for a stack of them.

    W is (out, in), or (models, out, in) once models are stacked: then one batched product serves them all, with x
    of shape (n, in), shared, or (..., models, n, in).
    """

    def forward(self, x: Tensor) -> Tensor:
        if self.weight.dim() == 2:
            return F.linear(x, self.weight, self.bias)
        return torch.matmul(x, self.weight.mT) + self.bias.unsqueeze(-2)


def mlp(sizes: Sequence[int]) -> nn.Sequential:
    """Linear layers of the given sizes with ReLU between them. ValueError for a size below one."""
    if min(sizes) < 1:
        raise ValueError(f"layers of sizes {list(sizes)}: expected at least 1 each (x_dim, z_dim and hidden give them)")
    layers: list[nn.Module] = []
    for inputs, outputs in itertools.pairwise(sizes):
        layers += [Linear(inputs, outputs), nn.ReLU()]
    return nn.Sequential(*layers[:-1])


class FiLM(nn.Module):
    """A perceptron whose hidden layers are scaled and shifted by a condition: h <- (1 + gamma(c)) h + delta(c).

    Perez et al. 2018, eq. 2. Called as ``network(x, c)`` with x (..., n, sizes[0]) and c (n, condition).
    """

    def __init__(self, sizes: Sequence[int], condition: int = 1, width: int = 32):
        super().__init__()
        self.layers = nn.ModuleList(Linear(a, b) for a, b in itertools.pairwise(sizes))
        self.embed = mlp([condition, width, width])
        self.modulate = nn.ModuleList(Linear(width, 2 * size) for size in sizes[1:-1])

    def forward(self, x: Tensor, condition: Tensor) -> Tensor:
        embedded = F.relu(self.embed(condition))
        for layer, modulate in zip(self.layers, self.modulate, strict=False):
            gamma, delta = modulate(embedded).chunk(2, -1)
            x = F.relu((1 + gamma) * layer(x) + delta)
        return self.layers[-1](x)


class At(nn.Module):
    """A conditional component held at one condition: ``At(decoder, c)(z)`` is ``decoder(z, c)``."""

    def __init__(self, component: nn.Module, condition: Tensor):
        super().__init__()
        self.component = component
        self.condition = condition

    def forward(self, x: Tensor):
        return self.component(x, self.condition)

    def refuse(self, x: Tensor) -> str | None:
        """What the component itself says against x as an observation."""
        return self.component.refuse(x)
