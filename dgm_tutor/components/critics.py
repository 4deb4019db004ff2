"""Adversarial parts: critics, which tell two distributions apart by samples, and generators, which only sample."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.distributions import Distribution

from dgm_tutor.components.convolutions import ConvEncoder
from dgm_tutor.components.heads import not_finite
from dgm_tutor.components.networks import mlp


class Critic(nn.Module):
    """Points (..., D) to one number each, (...): a logit of being real, or a critic's plain value.

    Args:
        network: (..., D) to (..., 1).
    """

    def __init__(self, network: nn.Module):
        super().__init__()
        self.network = network

    def forward(self, points: Tensor) -> Tensor:
        return self.network(points).squeeze(-1)


def mlp_critic(dim: int, hidden: Sequence[int] = (128, 128)) -> Critic:
    """A critic of vectors (..., dim): a perceptron."""
    return Critic(mlp([dim, *hidden, 1]))


def conv_critic(size: tuple[int, int], channels: int = 32) -> Critic:
    """A critic of images (..., H * W) of one channel."""
    return Critic(ConvEncoder(size, 1, channels))


class TableCritic(nn.Module):
    """A critic of one-hot symbols: the best one of a finite world has log real(x) - log generated(x) (D10)."""

    def __init__(self, logits: Tensor):
        super().__init__()
        self.logits = nn.Parameter(logits)

    def forward(self, points: Tensor) -> Tensor:
        return points @ self.logits


class Generator(nn.Module):
    """p(x|z) of an implicit model: all of its mass on x = g(z). It can be sampled, with gradients, and has no density.

    Args:
        network: g, (..., d) to (..., D).
    """

    def __init__(self, network: nn.Module):
        super().__init__()
        self.network = network

    def forward(self, z: Tensor) -> "PointMass":
        return PointMass(self.network(z))

    def refuse(self, x: Tensor) -> str | None:
        return not_finite(x)


class PointMass(Distribution):
    """All mass on one point, event (D,): sampling gives it back. ``log_prob`` raises NotImplementedError."""

    arg_constraints = {}
    has_rsample = True

    def __init__(self, point: Tensor):
        super().__init__(point.shape[:-1], point.shape[-1:], validate_args=False)
        self.point = point

    @property
    def mean(self) -> Tensor:
        return self.point

    def rsample(self, sample_shape: torch.Size = torch.Size()) -> Tensor:  # noqa: B008 (torch's own signature)
        return self.point.expand(self._extended_shape(sample_shape))

    def sample(self, sample_shape: torch.Size = torch.Size()) -> Tensor:  # noqa: B008
        return self.rsample(sample_shape).detach()

    def log_prob(self, value: Tensor) -> Tensor:
        raise NotImplementedError("a point mass has no density: compare samples instead (MMD, a critic)")
