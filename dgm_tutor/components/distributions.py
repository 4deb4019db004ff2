"""The distributions that components return: ``torch.distributions`` with the event dimension settled.

Arguments are validated where data enters a model (``Model.loss``, ``Model.elbo``), not at every step of a loop:
torch's own validation costs a small network up to a third of its time.
"""

import math

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.distributions import Bernoulli, Distribution, Independent, Normal


class SharedNoiseNormal(Normal):
    """A normal whose first batch dimension counts the models of an ensemble, all of which get the same noise.

    Common random numbers: members of a sweep then differ by what they are, not by what they drew, and each one
    equals the model that would have been trained alone with the same seed.
    """

    def rsample(self, sample_shape: torch.Size = torch.Size()) -> Tensor:  # noqa: B008 (torch's own signature)
        shape = self._extended_shape(sample_shape)
        model_axis = len(sample_shape)
        noise = torch.randn(shape[:model_axis] + shape[model_axis + 1 :], dtype=self.loc.dtype, device=self.loc.device)
        return self.loc + self.scale * noise.unsqueeze(model_axis)


def normal(mu: Tensor, sigma: Tensor, shared_noise: bool = False) -> Independent:
    """N(mu, diag sigma^2) over the last dimension; mu and sigma (..., d)."""
    family = SharedNoiseNormal if shared_noise else Normal
    return Independent(family(mu, sigma, validate_args=False), 1, validate_args=False)


def gaussian_of(distribution: Distribution) -> tuple[Tensor, Tensor] | None:
    """mu and sigma, (N, d), where the distribution is N diagonal Gaussians; None where it is anything else."""
    if not isinstance(distribution, Independent) or not isinstance(distribution.base_dist, Normal):
        return None
    base = distribution.base_dist
    whole = len(distribution.batch_shape) == 1 and len(distribution.event_shape) == 1
    return (base.loc, base.scale) if whole else None


def isotropic(mu: Tensor, sigma: float) -> Independent:
    """N(mu, sigma^2 I) over the last dimension; mu (..., d)."""
    scale = mu.new_full((), sigma).expand(mu.shape)
    return IsotropicNormal(Normal(mu, scale, validate_args=False), 1, validate_args=False)


class IsotropicNormal(Independent):
    """N(mu, sigma^2 I), where one sum of squares is all that a density needs of the event."""

    def log_prob(self, value: Tensor) -> Tensor:
        mu, sigma = self.base_dist.loc, self.base_dist.scale[..., 0]
        squares = (value - mu).square().sum(-1)
        return -squares / (2 * sigma.square()) - mu.shape[-1] * (sigma.log() + math.log(2 * math.pi) / 2)


def bernoulli(logits: Tensor) -> Independent:
    """Independent Bernoulli variables over the last dimension; logits (..., d)."""
    return Bits(Bernoulli(logits=logits, validate_args=False), 1, validate_args=False)


class Bits(Independent):
    """Bernoulli variables whose log-probabilities are summed before the sum is negated: a pass less over the event."""

    def log_prob(self, value: Tensor) -> Tensor:
        logits, value = torch.broadcast_tensors(self.base_dist.logits, value)
        return -F.binary_cross_entropy_with_logits(logits, value, reduction="none").sum(-1)
