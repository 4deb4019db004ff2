"""Heads: what turns a network's output into a distribution.

A head that can stand as a decoder also says which observations it has a density for: ``refuse(x)`` returns None, or
what is wrong with x and what to do about it.
"""

import torch
from torch import Tensor, nn
from torch.distributions import Independent, OneHotCategorical

from dgm_tutor.components.distributions import bernoulli, isotropic, normal


def not_finite(x: Tensor) -> str | None:
    """What is wrong with x where it holds NaN or infinity, else None."""
    return None if torch.isfinite(x).all() else "x holds NaN or infinite values: remove them first"


class StandardNormal(nn.Module):
    """The prior p(z) = N(0, I) in ``dim`` dimensions, at least one."""

    def __init__(self, dim: int):
        super().__init__()
        if dim < 1:
            raise ValueError(f"expected a z of at least one dimension, got {dim}")
        self.register_buffer("zero", torch.zeros(dim), persistent=False)

    def forward(self) -> Independent:
        return normal(self.zero, torch.ones_like(self.zero))


class GaussianHead(nn.Module):
    """N(mu(c), diag sigma(c)^2) where the network maps the condition to (mu, log sigma - log scale), (..., 2d).

    A fresh network gives numbers near zero, so that ``scale`` is about what sigma starts from.
    """

    def __init__(self, network: nn.Module, scale: float = 1.0):
        super().__init__()
        self.network, self.scale = network, scale
        self.stacked = False

    def forward(self, *condition: Tensor) -> Independent:
        mu, log_sigma = self.network(*condition).chunk(2, -1)
        return normal(mu, self.scale * log_sigma.exp(), shared_noise=self.stacked)


class GaussianNoiseHead(nn.Module):
    """N(mu(c), sigma^2 I) with a fixed sigma: the decoder for real-valued x.

    sigma sets the scale on which distortion is counted, and so what beta = 1 means: it is a number that the model
    states, not one that it learns and thereby undoes beta with.
    """

    def __init__(self, network: nn.Module, sigma: float):
        super().__init__()
        self.network = network
        self.sigma = sigma

    def forward(self, *condition: Tensor) -> Independent:
        return isotropic(self.network(*condition), self.sigma)

    def refuse(self, x: Tensor) -> str | None:
        return not_finite(x)


class BernoulliHead(nn.Module):
    """Independent Bernoulli pixels whose logits the network gives."""

    def __init__(self, network: nn.Module):
        super().__init__()
        self.network = network

    def forward(self, *condition: Tensor) -> Independent:
        return bernoulli(self.network(*condition))

    def refuse(self, x: Tensor) -> str | None:
        if ((x == 0) | (x == 1)).all():
            return None
        return not_finite(x) or (
            "a Bernoulli decoder has a probability only for pixels 0 and 1, and x holds other values "
            f"(from {float(x.min()):.3g} to {float(x.max()):.3g}): pass data.binarise(x), or train with "
            "transform=data.binarise, or create the model with likelihood='gaussian'"
        )


class CategoricalHead(nn.Module):
    """One of finitely many symbols, one-hot, whose logits the network gives: a decoder or posterior that is a table."""

    def __init__(self, network: nn.Module):
        super().__init__()
        self.network = network

    def forward(self, *condition: Tensor) -> OneHotCategorical:
        return OneHotCategorical(logits=self.network(*condition), validate_args=False)

    def refuse(self, x: Tensor) -> str | None:
        return _refuse_symbols(x)


class Table(nn.Module):
    """p(b | a) for one-hot a, as a table of logits (a, b): a component of an exact finite world."""

    def __init__(self, probabilities: Tensor):
        super().__init__()
        self.logits = nn.Parameter(probabilities.log())

    def forward(self, condition: Tensor | None = None) -> OneHotCategorical:
        logits = self.logits if condition is None else condition @ self.logits
        return OneHotCategorical(logits=logits, validate_args=False)

    def refuse(self, x: Tensor) -> str | None:
        return _refuse_symbols(x)


def _refuse_symbols(x: Tensor) -> str | None:
    one_hot = ((x == 0) | (x == 1)).all() and (x.sum(-1) == 1).all()
    return None if one_hot else not_finite(x) or "x must be one-hot rows, one symbol each"
