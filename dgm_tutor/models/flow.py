"""Flow (section 0): x = f(z), z ~ N(0, I), f invertible; log p(x) is exact, and maximised."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from dgm_tutor.components import StandardNormal
from dgm_tutor.components.flows import FlowPrior, Stack, maf, naf, real_nvp
from dgm_tutor.models.base import Intractable, Model
from dgm_tutor.objectives import Draw, Loss, Player, Term

TRANSFORMS = {"maf": maf, "naf": naf, "real_nvp": real_nvp}

negative_log_likelihood = Term(
    "negative_log_likelihood",
    r"\mathbb{E}_{p_{\text{data}}}\!\left[-\log p_\theta(x)\right]",
    lambda draw: -draw.model.density().log_prob(draw.x),
)
"""-E_{p_data} log p(x), what maximum likelihood minimises where log p(x) is exact."""


class FlowModel(Model):
    """p(x) with an exact density.

    Args:
        density: density() is p(x).
        x_dim: the number of dimensions of x.
    """

    def __init__(self, density: nn.Module, x_dim: int):
        super().__init__()
        self.density, self.x_dim = density, x_dim
        self.objective = 1.0 * negative_log_likelihood

    def players(self) -> list[Player]:
        return [Player("flow", list(self.parameters()), self._loss)]

    def _loss(self, x: Tensor) -> Loss:
        return self.objective(Draw(self, x))

    @torch.no_grad()
    def sample(self, n: int) -> Tensor:
        """x = f(z), z ~ N(0, I); (n, D)."""
        return self.density().sample((n,))

    @torch.no_grad()
    def log_prob(self, x: Tensor) -> Tensor:
        """log p(x), exact, (n,) nats."""
        return self.density().log_prob(self.checked(x))

    def elbo(self, x: Tensor, samples: int = 1) -> Tensor:
        raise Intractable(self._no("elbo: its z is a function of x, and needs no bound", "log_prob(x)"))

    def log_marginal(self, x: Tensor, samples: int = 64) -> Tensor:
        raise Intractable(self._no("importance-weighted bound: log p(x) is exact", "log_prob(x)"))

    def checked(self, x: Tensor) -> Tensor:
        """x as (n, D) on the model's device; refuses a wrong D, and integers, which have no density."""
        x = super().checked(x)
        if x.shape[1] != self.x_dim:
            raise ValueError(
                f"{self.name}: expected {self.x_dim} values per example, got {x.shape[1]}: "
                f"create the model with x_dim={x.shape[1]}"
            )
        if not torch.isfinite(x).all():
            raise ValueError(f"{self.name}: x holds NaN or infinite values: remove them first")
        if (x == x.round()).all():
            raise ValueError(
                f"{self.name}: x holds whole numbers alone, on which a density grows without bound: "
                "spread them first, x + torch.rand_like(x)"
            )
        return x


def flow(
    *, x_dim: int = 2, transform: str = "real_nvp", layers: int = 8, hidden: Sequence[int] = (64, 64)
) -> FlowModel:
    """Loss: -log p(x), exact.

    Args:
        x_dim: dimensions of x, and so of z.
        transform: "real_nvp" (density and sampling fast), "maf" (sampling slow) or "naf" (slower still, by bisection).
        layers: of the transform.
        hidden: sizes of the hidden layers in each.
    """
    return FlowModel(FlowPrior(StandardNormal(x_dim), transform_named(transform, x_dim, layers, hidden)), x_dim)


def transform_named(name: str, dim: int, layers: int, hidden: Sequence[int]) -> Stack:
    """The transform of that name in ``dim`` dimensions. ValueError, with the names there are, for another."""
    if name not in TRANSFORMS:
        raise ValueError(f"unknown transform {name!r}: expected one of {', '.join(TRANSFORMS)}")
    return TRANSFORMS[name](dim, layers, hidden)
