"""Priors with a shape: what can be sampled can be a prior, where q(z) is matched by samples (section 7)."""

import math
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.distributions import Distribution

from dgm_tutor.components.heads import StandardNormal
from dgm_tutor.data import densities


@dataclass(frozen=True)
class SwissRoll:
    """A spiral in the plane, blurred by Gaussian noise; uniform along its angle, from the inside to the outside.

    ``nodes`` points of the midpoint rule make its density: they lie about as far apart as the noise blurs them.
    """

    turns: float = 1.5
    radius: float = 2.5
    noise: float = 0.1
    nodes: int = 160
    extent: float = 3.2
    components: int = 1

    def _curve(self, t: Tensor) -> Tensor:
        """The spiral at t in [0, 1], (..., 2)."""
        angle = 2 * math.pi * self.turns * t + math.pi
        radius = self.radius * (0.3 + 0.7 * t)
        return torch.stack([radius * angle.cos(), radius * angle.sin()], -1)

    def sample(self, n: int, generator: torch.Generator | None = None) -> tuple[Tensor, Tensor]:
        points = self._curve(torch.rand(n, generator=generator))
        return points + self.noise * torch.randn(n, 2, generator=generator), torch.zeros(n, dtype=torch.int64)

    def log_prob(self, x: Tensor) -> Tensor:
        curve = self._curve((torch.arange(self.nodes).to(x) + 0.5) / self.nodes)
        squares = (x.unsqueeze(-2) - curve).square().sum(-1)
        return (-squares / (2 * self.noise**2)).logsumexp(-1) - math.log(2 * math.pi * self.noise**2 * self.nodes)


SHAPES = {"swiss_roll": SwissRoll(), **densities.DENSITIES}


class ShapedPrior(nn.Module):
    """p(z) on the plane, one of ``SHAPES``: sampled, with its density, and without reparameterised samples."""

    def __init__(self, density: densities.Density):
        super().__init__()
        self.density = density
        self.register_buffer("zero", torch.zeros(2), persistent=False)

    def forward(self) -> "Planar":
        return Planar(self.density, self.zero)


class Planar(Distribution):
    """A density on the plane as a distribution with event (2,), on the device and in the precision of ``like``."""

    arg_constraints = {}

    def __init__(self, density: densities.Density, like: Tensor):
        super().__init__(event_shape=torch.Size([2]), validate_args=False)
        self.density, self.like = density, like

    def sample(self, sample_shape: torch.Size = torch.Size()) -> Tensor:  # noqa: B008 (torch's own signature)
        points, _ = self.density.sample(math.prod(sample_shape))
        return points.to(self.like).reshape(*sample_shape, 2)

    def log_prob(self, z: Tensor) -> Tensor:
        return self.density.log_prob(z)


def prior_named(prior: str | nn.Module, z_dim: int) -> nn.Module:
    """p(z): "standard", one of ``SHAPES`` (two dimensions), or any module whose call is a distribution that samples.

    ValueError for a name that there is not, or a shape in other than two dimensions.
    """
    if isinstance(prior, nn.Module):
        return prior
    if prior == "standard":
        return StandardNormal(z_dim)
    if prior not in SHAPES:
        raise ValueError(f"prior={prior!r}: expected 'standard', {', '.join(map(repr, SHAPES))} or a module")
    if z_dim != 2:
        raise ValueError(f"prior={prior!r} is a shape in the plane: set z_dim=2, not {z_dim}")
    return ShapedPrior(SHAPES[prior])
