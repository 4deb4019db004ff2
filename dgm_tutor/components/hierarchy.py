"""Latent variables in two levels: z = (z_1, z_2) with p(z) = p(z_1|z_2) p(z_2) (Gulrajani et al. 2017; section 1)."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.distributions import Distribution, Independent

from dgm_tutor.components.convolutions import ToGrid, grid
from dgm_tutor.components.distributions import normal
from dgm_tutor.components.flows import FlowPosterior, FlowPrior, maf
from dgm_tutor.components.heads import StandardNormal
from dgm_tutor.components.networks import mlp
from dgm_tutor.components.pixelcnn import Gaussian, PixelCNN, PixelDecoder

CONTEXT = 32  # numbers, or features of a map, that z_2 is made before p(z_1|z_2) is told them
REACH = {"layers": 4, "channels": 32}  # of a PixelCNN over a map: all earlier positions of a grid of 7 x 7


class HierarchicalPrior(nn.Module):
    """p(z) = p(z_1|z_2) p(z_2) over z = (z_1, z_2), two parts of one vector.

    Args:
        top: top() is p(z_2).
        below: below(z_2) is p(z_1|z_2).
        dims: of z_1.
    """

    def __init__(self, top: nn.Module, below: nn.Module, dims: int):
        super().__init__()
        self.top, self.below, self.dims = top, below, dims

    def forward(self) -> "Chain":
        return Chain(self.top(), self.below, self.dims)


class Chain(Distribution):
    """The joint of z_2 ~ top and z_1 ~ below(z_2), with event (z_1, z_2)."""

    arg_constraints = {}

    def __init__(self, top: Distribution, below: nn.Module, dims: int):
        super().__init__(event_shape=torch.Size([dims + top.event_shape[0]]), validate_args=False)
        self.top, self.below, self.dims = top, below, dims

    def log_prob(self, z: Tensor) -> Tensor:
        z_1, z_2 = self.levels(z)
        return self.below(z_2).log_prob(z_1) + self.top.log_prob(z_2)

    def sample(self, sample_shape: torch.Size = torch.Size()) -> Tensor:  # noqa: B008 (torch's own signature)
        z_2 = self.top.sample(sample_shape)
        return torch.cat([self.below(z_2).sample(), z_2], -1)

    def levels(self, z: Tensor) -> tuple[Tensor, Tensor]:
        """z_1 and z_2 of z (..., d)."""
        return z.tensor_split([self.dims], -1)


class FactorisedPosterior(nn.Module):
    """q(z|x) = q(z_1|x) q(z_2|x), each level told x by a head of its own; as one diagonal Gaussian over (z_1, z_2)."""

    def __init__(self, heads: Sequence[nn.Module]):
        super().__init__()
        self.heads = nn.ModuleList(heads)

    def forward(self, x: Tensor) -> Independent:
        levels = [head(x).base_dist for head in self.heads]
        return normal(torch.cat([q.loc for q in levels], -1), torch.cat([q.scale for q in levels], -1))


class First(nn.Module):
    """The first ``dims`` of a vector: the decoder sees z_1 alone."""

    def __init__(self, dims: int):
        super().__init__()
        self.dims = dims

    def forward(self, z: Tensor) -> Tensor:
        return z[..., : self.dims]


def autoregressive_prior(dim: int, channels: int, size: tuple[int, int]) -> nn.Module:
    """p(z) = prod_i p(z_i | z_<i): over a map of ``channels`` on an image's coarse grid a PixelCNN, position by
    position; over a vector of ``dim``, where channels is 0, a masked autoregressive flow."""
    if channels:
        return PixelCNN(grid(size), Gaussian(channels), **REACH)
    return FlowPrior(StandardNormal(dim), maf(dim, layers=2))


def autoregressive_below(dim: int, channels: int, size: tuple[int, int]) -> nn.Module:
    """p(z_1|z_2) = prod_i p(z_1i | z_1<i, z_2): z_1 as in ``autoregressive_prior``, z_2 a vector of ``dim`` that is
    made a map of its own for the PixelCNN, and the context of every layer of the flow."""
    if channels:
        return PixelDecoder(
            ToGrid(dim, size, CONTEXT), PixelCNN(grid(size), Gaussian(channels), condition=CONTEXT, **REACH)
        )
    return FlowPosterior(mlp([dim, 64, 2 * dim + CONTEXT]), maf(dim, layers=2, context_dim=CONTEXT), dim)
