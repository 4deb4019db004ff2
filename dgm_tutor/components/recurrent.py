"""Recurrent parts of sequence models. What a step needs of x alone is computed for all steps at once, by ``read``.

A recurrence waits for z_{t-1} before it can go on, but no product with x_t has to wait: it is done before the loop.
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.distributions import Independent

from dgm_tutor.components.distributions import normal
from dgm_tutor.components.networks import Linear, mlp


class ReadingMLP(nn.Module):
    """A perceptron of (x, h), of x alone for h_size 0: ``network(network.read(x), h)``; sizes = (hidden..., out)."""

    def __init__(self, x_size: int, h_size: int, sizes: list[int]):
        super().__init__()
        self.from_x = Linear(x_size, sizes[0])
        self.from_h = Linear(h_size, sizes[0], bias=False) if h_size else None
        self.rest = mlp(sizes)

    def read(self, x: Tensor) -> Tensor:
        """The first layer's product with x (..., x_size)."""
        return self.from_x(x)

    def forward(self, read: Tensor, h: Tensor) -> Tensor:
        return self.rest(F.relu(read if self.from_h is None else read + self.from_h(h)))


class LatentGRU(nn.Module):
    """h_t = GRU([x_t, z_t], h_{t-1}) (Cho et al. 2014, in torch's form): ``cell(cell.read(x_t), z_t, h)``."""

    def __init__(self, x_size: int, z_size: int, h_size: int):
        super().__init__()
        self.from_x = Linear(x_size, 3 * h_size)
        self.from_z = Linear(z_size, 3 * h_size, bias=False)
        self.from_h = Linear(h_size, 3 * h_size)

    def read(self, x: Tensor) -> Tensor:
        """The gates' products with x (..., x_size)."""
        return self.from_x(x)

    def forward(self, read: Tensor, z: Tensor, h: Tensor) -> Tensor:
        reset, update, new = (read + self.from_z(z)).chunk(3, -1)
        reset_h, update_h, new_h = self.from_h(h).chunk(3, -1)
        candidate = torch.tanh(new + torch.sigmoid(reset + reset_h) * new_h)
        return torch.lerp(candidate, h, torch.sigmoid(update + update_h))


class NoMemory(nn.Module):
    """A state that stays what it was, h_t = h_{t-1}, in the place of a recurrence: every step stands alone."""

    def read(self, x: Tensor) -> Tensor:
        return x

    def forward(self, read: Tensor, z: Tensor, h: Tensor) -> Tensor:
        return h


class FixedPrior(nn.Module):
    """p(z_t|h_{t-1}) = N(0, I), whatever the state: VRNN-I's prior (Chung et al. 2015)."""

    def __init__(self, dim: int):
        super().__init__()
        self.dim = dim

    def forward(self, h: Tensor) -> Independent:
        zero = h.new_zeros(*h.shape[:-1], self.dim)
        return normal(zero, torch.ones_like(zero))
