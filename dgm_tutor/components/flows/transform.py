"""Transforms: invertible maps x = f(z) with their log-determinants, and the ways of putting them together."""

import torch
from torch import Tensor, nn


class Transform(nn.Module):
    """x = f(z), invertible for every context.

    z and x are (..., d), log-determinants (...,) in nats, the context (..., c) broadcasts against the leading
    dimensions. One of the two directions may be much slower than the other: each class says which.
    """

    def forward(self, z: Tensor, context: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """x = f(z) and log |det dx/dz|."""
        raise NotImplementedError

    def inverse(self, x: Tensor, context: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """z = f^-1(x) and log |det dz/dx|: minus the other one."""
        raise NotImplementedError


class Stack(Transform):
    """f = f_K ... f_2 f_1: the first transform is the next to z. Every one of them gets the context.

    A direction is as fast as its slowest transform.
    """

    def __init__(self, *transforms: Transform):
        super().__init__()
        self.transforms = nn.ModuleList(transforms)

    def forward(self, z: Tensor, context: Tensor | None = None) -> tuple[Tensor, Tensor]:
        total = z.new_zeros(z.shape[:-1])
        for transform in self.transforms:
            z, log_det = transform(z, context)
            total = total + log_det
        return z, total

    def inverse(self, x: Tensor, context: Tensor | None = None) -> tuple[Tensor, Tensor]:
        total = x.new_zeros(x.shape[:-1])
        for transform in reversed(self.transforms):
            x, log_det = transform.inverse(x, context)
            total = total + log_det
        return x, total


class Inverted(Transform):
    """The same map the other way round: the fast direction is the other one too."""

    def __init__(self, transform: Transform):
        super().__init__()
        self.transform = transform

    def forward(self, z: Tensor, context: Tensor | None = None) -> tuple[Tensor, Tensor]:
        return self.transform.inverse(z, context)

    def inverse(self, x: Tensor, context: Tensor | None = None) -> tuple[Tensor, Tensor]:
        return self.transform(x, context)


class Permutation(Transform):
    """x_i = z_order[i]; both directions are fast and keep volume."""

    def __init__(self, order: Tensor):
        super().__init__()
        self.register_buffer("order", order, persistent=False)
        self.register_buffer("back", order.argsort(), persistent=False)

    def forward(self, z: Tensor, context: Tensor | None = None) -> tuple[Tensor, Tensor]:
        return z[..., self.order], z.new_zeros(z.shape[:-1])

    def inverse(self, x: Tensor, context: Tensor | None = None) -> tuple[Tensor, Tensor]:
        return x[..., self.back], x.new_zeros(x.shape[:-1])


class OnFirst(Transform):
    """A transform of the first ``size`` coordinates that leaves the others alone; as fast as that transform."""

    def __init__(self, transform: Transform, size: int):
        super().__init__()
        self.transform, self.size = transform, size

    def forward(self, z: Tensor, context: Tensor | None = None) -> tuple[Tensor, Tensor]:
        first, log_det = self.transform(z[..., : self.size], context)
        return torch.cat([first, z[..., self.size :]], -1), log_det

    def inverse(self, x: Tensor, context: Tensor | None = None) -> tuple[Tensor, Tensor]:
        first, log_det = self.transform.inverse(x[..., : self.size], context)
        return torch.cat([first, x[..., self.size :]], -1), log_det
