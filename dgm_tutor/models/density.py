"""Models whose log p(x) is exact: what maximum likelihood needs, and no bound."""

import torch
from torch import Tensor, nn

from dgm_tutor.models.base import Intractable, Model, count
from dgm_tutor.objectives import Draw, Loss, Player, negative_log_likelihood


class DensityModel(Model):
    """p(x) as one component: ``density()`` has ``log_prob`` and ``sample``; the one player minimises -log p(x).

    Args:
        density: density() is p(x); density.refuse(x) says what x it has no probability for, or None.
        x_dim: the number of dimensions of x.
    """

    def __init__(self, density: nn.Module, x_dim: int):
        super().__init__()
        self.density, self.x_dim = density, x_dim
        self.objective = 1.0 * negative_log_likelihood

    def players(self) -> list[Player]:
        return [Player("density", list(self.parameters()), self._loss)]

    def _loss(self, x: Tensor) -> Loss:
        return self.objective(Draw(self, x))

    @torch.no_grad()
    def sample(self, n: int) -> Tensor:
        """n samples of p(x), (n, D)."""
        return self.density().sample((count(n),))

    @torch.no_grad()
    def log_prob(self, x: Tensor) -> Tensor:
        """log p(x), exact, (n,) nats."""
        return self.density().log_prob(self.checked(x))

    def elbo(self, x: Tensor, samples: int = 1) -> Tensor:
        raise Intractable(self._no("elbo: log p(x) is exact, and needs no bound", "log_prob(x)"))

    def log_marginal(self, x: Tensor, samples: int = 64) -> Tensor:
        raise Intractable(self._no("importance-weighted bound: log p(x) is exact", "log_prob(x)"))

    def checked(self, x: Tensor) -> Tensor:
        """x as (n, D) on the model's device; refuses a wrong D and values that p(x) has no probability for."""
        x = super().checked(x)
        if x.shape[1] != self.x_dim:
            raise ValueError(
                f"{self.called}: expected {self.x_dim} values per example, got {x.shape[1]}: "
                f"create the model with x_dim={x.shape[1]}"
            )
        if complaint := self.density.refuse(x):
            raise ValueError(f"{self.called}: {complaint}")
        return x
