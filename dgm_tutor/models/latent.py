"""Latent-variable models: p(x, z) = p(z) p(x|z) with an inference model q(z|x), and any objective over the two."""

import torch
from torch import Tensor, nn

from dgm_tutor import evaluation
from dgm_tutor.models.base import Model, count
from dgm_tutor.objectives import Draw, Loss, Objective, Player


class LatentVariableModel(Model):
    """Three components and an objective: all of the lecture's autoencoding models have this form.

    Args:
        prior: prior() is p(z).
        decoder: decoder(z) is p(x|z).
        posterior: posterior(x) is q(z|x).
        objective: what the one player minimises.
        x_dim: the number of dimensions of x, for a clear error where x has another; None takes any.
    """

    def __init__(
        self,
        prior: nn.Module,
        decoder: nn.Module,
        posterior: nn.Module,
        objective: Objective,
        x_dim: int | None = None,
    ):
        super().__init__()
        self.prior, self.decoder, self.posterior = prior, decoder, posterior
        self.objective = objective
        self.x_dim = x_dim

    def players(self) -> list[Player]:
        return [Player("autoencoder", list(self.parameters()), self._loss)]

    def _loss(self, x: Tensor) -> Loss:
        return self.objective(Draw(self, x))

    @torch.no_grad()
    def sample(self, n: int) -> Tensor:
        """Ancestral sampling: z ~ p(z), x ~ p(x|z); (n, D)."""
        return self.decoder(self.prior().sample((count(n),))).sample()

    @torch.no_grad()
    def elbo(self, x: Tensor, samples: int = 1) -> Tensor:
        """E_q log p(x|z) - KL(q(z|x) || p(z)) <= log p(x), (n,) nats, whatever the training objective was."""
        return evaluation.elbo(self, self.checked(x), samples)

    @torch.no_grad()
    def log_marginal(self, x: Tensor, samples: int = 64) -> Tensor:
        """The importance-weighted bound with K = samples (Burda et al. 2016), (n,) nats."""
        return evaluation.log_marginal(self, self.checked(x), samples)

    def checked(self, x: Tensor) -> Tensor:
        """x as (n, D) on the model's device; refuses a wrong D and values that p(x|z) has no density for."""
        x = super().checked(x)
        if self.x_dim is not None and x.shape[1] != self.x_dim:
            raise ValueError(
                f"{self.called}: expected {self.x_dim} values per example, got {x.shape[1]}: "
                f"create the model with x_dim={x.shape[1]}"
            )
        if complaint := self.decoder.refuse(x):
            raise ValueError(f"{self.called}: {complaint}")
        return x
