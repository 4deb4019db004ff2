"""Grey levels as bins of a logistic density: the discretised logistic, and mixtures of it.

A pixel takes the values k / (levels - 1), k = 0 .. levels - 1. Its probability is the mass of a logistic between the
two neighbouring half-levels; the first and the last bin are open-ended, so that the masses sum to one.
"""

import torch
from torch import Tensor, nn
from torch.distributions import Distribution, Independent

from dgm_tutor.components.heads import not_finite
from dgm_tutor.kernels import logistic_mixture


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
        shape = torch.broadcast_shapes(x.shape, self.batch_shape)
        flat = x.to(self.mu.dtype).expand(shape).reshape(-1)
        return logistic_mixture.log_prob(flat, *self._parameters(shape), self.levels).reshape(shape)

    def sample(self, sample_shape: torch.Size = torch.Size()) -> Tensor:  # noqa: B008 (torch's own signature)
        shape = self._extended_shape(sample_shape)
        return self.draw(torch.rand(shape, dtype=self.mu.dtype, device=self.mu.device))

    def draw(self, u: Tensor) -> Tensor:
        """Grey levels from uniform noise u, of the shape wanted: inverse distribution functions, one noise a pixel."""
        return logistic_mixture.draw(u.reshape(-1), *self._parameters(u.shape), self.levels).reshape(u.shape)

    def _parameters(self, shape: torch.Size) -> list[Tensor]:
        """logits, mu and log_scale once per pixel, each (n, mixtures)."""
        return [t.expand(*shape, -1).reshape(-1, t.shape[-1]) for t in (self.logits, self.mu, self.log_scale)]


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


def refuse_levels(x: Tensor, levels: int) -> str | None:
    """None where x holds only grey levels k / (levels - 1), else what is wrong and what to do."""
    index = x * (levels - 1)
    if ((index - index.round()).abs() < 1e-3).all() and (index > -0.5).all() and (index < levels - 0.5).all():
        return None
    if levels == 2:
        advice = "pass data.binarise(x), or train with transform=data.binarise"
    else:
        advice = "pass the images' own grey levels, Split.pixels()"
    return not_finite(x) or (
        f"expected pixels among the {levels} grey levels k / {levels - 1} in [0, 1], and x holds others "
        f"(from {float(x.min()):.3g} to {float(x.max()):.3g}): {advice}"
    )
