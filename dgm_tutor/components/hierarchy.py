"""Latent variables in two levels: z = (z_1, z_2) with p(z) = p(z_1|z_2) p(z_2) (Gulrajani et al. 2017; section 1)."""

import torch
from torch import Tensor, nn
from torch.distributions import Distribution


class HierarchicalPrior(nn.Module):
    """p(z) = p(z_1|z_2) p(z_2) over z = (z_1, z_2), halves of one vector.

    Args:
        top: top() is p(z_2).
        below: below(z_2) is p(z_1|z_2).
    """

    def __init__(self, top: nn.Module, below: nn.Module):
        super().__init__()
        self.top, self.below = top, below

    def forward(self) -> "Chain":
        return Chain(self.top(), self.below)


class Chain(Distribution):
    """The joint of z_2 ~ top and z_1 ~ below(z_2), with event (z_1, z_2)."""

    arg_constraints = {}

    def __init__(self, top: Distribution, below: nn.Module):
        super().__init__(event_shape=torch.Size([2 * top.event_shape[0]]), validate_args=False)
        self.top, self.below = top, below

    def log_prob(self, z: Tensor) -> Tensor:
        z_1, z_2 = z.chunk(2, -1)
        return self.below(z_2).log_prob(z_1) + self.top.log_prob(z_2)

    def sample(self, sample_shape: torch.Size = torch.Size()) -> Tensor:  # noqa: B008 (torch's own signature)
        z_2 = self.top.sample(sample_shape)
        return torch.cat([self.below(z_2).sample(), z_2], -1)


class First(nn.Module):
    """The first ``dims`` of a vector: the decoder sees z_1 alone."""

    def __init__(self, dims: int):
        super().__init__()
        self.dims = dims

    def forward(self, z: Tensor) -> Tensor:
        return z[..., : self.dims]
