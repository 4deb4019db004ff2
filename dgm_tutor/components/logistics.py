"""Grey levels as bins of a logistic density: the discretised logistic, and mixtures of it.

A pixel takes the values k / (levels - 1), k = 0 .. levels - 1. Its probability is the mass of a logistic between the
two neighbouring half-levels; the first and the last bin are open-ended, so that the masses sum to one.
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.distributions import Distribution, Independent


def discretised_logistic(x: Tensor, mu: Tensor, log_scale: Tensor, levels: int) -> Tensor:
    """log P(x) in nats of the logistic with mean mu and scale e^log_scale, in bins; the arguments broadcast.

    With a and b the bin's standardised edges, sigma(a) - sigma(b) = sigma(a) sigma(-b) (1 - e^-(a-b)): a product, so
    its logarithm is a sum in which nothing cancels, however far out the bin or however narrow the logistic.
    """
    half = 0.5 / (levels - 1)
    precision = (-log_scale).exp()
    below = F.logsigmoid((x + half - mu) * precision)  # log P(value < upper edge)
    above = F.logsigmoid((mu - x + half) * precision)  # log P(value > lower edge)
    width = torch.log(-torch.expm1(-2 * half * precision))
    first, last = x < half, x > 1 - half
    zero = torch.zeros_like(below)
    return torch.where(last, zero, below) + torch.where(first, zero, above) + torch.where(first | last, zero, width)


class DiscretisedLogisticMixture(Distribution):
    """sum_k pi_k DiscretisedLogistic(mu_k, s_k), one grey level per batch element (Salimans et al. 2017, eq. 1-2).

    Args:
        logits, mu, log_scale: (..., mixtures): unnormalised log pi, means and log scales on the scale where x is in
            [0, 1].
        levels: the number of grey levels.
    """

    arg_constraints = {}

    def __init__(self, logits: Tensor, mu: Tensor, log_scale: Tensor, levels: int):
        super().__init__(logits.shape[:-1], validate_args=False)
        self.logits, self.mu, self.log_scale, self.levels = logits, mu, log_scale, levels

    def log_prob(self, x: Tensor) -> Tensor:
        """log P(x) in nats; x must hold grey levels k / (levels - 1)."""
        each = discretised_logistic(x.unsqueeze(-1), self.mu, self.log_scale, self.levels)
        return (self.logits.log_softmax(-1) + each).logsumexp(-1)

    def sample(self, sample_shape: torch.Size = torch.Size()) -> Tensor:  # noqa: B008 (torch's own signature)
        shape = self._extended_shape(sample_shape)
        return self.draw(torch.rand(shape, dtype=self.mu.dtype, device=self.mu.device))

    def draw(self, u: Tensor) -> Tensor:
        """Grey levels from uniform noise u, of the shape wanted: u's place among the pi picks the component, and
        where it falls within that component's share is uniform again and goes through the logistic's quantile."""
        pi = self.logits.softmax(-1)
        upper = pi.cumsum(-1)
        component = choose(pi, u)
        pi, upper, mu, log_scale = (_pick(t, component) for t in (pi, upper, self.mu, self.log_scale))
        tiny = torch.finfo(u.dtype).eps
        share = ((u - (upper - pi)) / pi).clamp(tiny, 1 - tiny)
        value = mu + log_scale.exp() * torch.logit(share)
        return (value * (self.levels - 1)).round().clamp(0, self.levels - 1) / (self.levels - 1)


class LogisticMixtureHead(nn.Module):
    """Independent grey levels; the network gives 3 ``mixtures`` numbers a pixel, (..., D * 3 * mixtures)."""

    def __init__(self, network: nn.Module, levels: int = 256, mixtures: int = 5):
        super().__init__()
        self.network = network
        self.levels, self.mixtures = levels, mixtures

    def forward(self, *condition: Tensor) -> Independent:
        logits, mu, log_scale = self.network(*condition).unflatten(-1, (-1, 3 * self.mixtures)).chunk(3, -1)
        mixture = DiscretisedLogisticMixture(logits, mu, log_scale, self.levels)
        return Independent(mixture, 1, validate_args=False)

    def refuse(self, x: Tensor) -> str | None:
        return refuse_levels(x, self.levels)


def choose(probabilities: Tensor, u: Tensor) -> Tensor:
    """The index, one of probabilities (..., k), that uniform noise u picks: the inverse of the cumulative sum."""
    return (u.unsqueeze(-1) >= probabilities.cumsum(-1)[..., :-1]).sum(-1)


def refuse_levels(x: Tensor, levels: int) -> str | None:
    """None where x holds only grey levels k / (levels - 1), else what is wrong and what to do."""
    index = x * (levels - 1)
    if ((index - index.round()).abs() < 1e-3).all() and (index > -0.5).all() and (index < levels - 0.5).all():
        return None
    if levels == 2:
        advice = "pass data.binarise(x), or train with transform=data.binarise"
    else:
        advice = "pass the images' own grey levels, Split.pixels()"
    return (
        f"expected pixels among the {levels} grey levels k / {levels - 1} in [0, 1], and x holds others "
        f"(from {float(x.min()):.3g} to {float(x.max()):.3g}): {advice}"
    )


def _pick(values: Tensor, index: Tensor) -> Tensor:
    return values.expand(*index.shape, -1).gather(-1, index.unsqueeze(-1)).squeeze(-1)
