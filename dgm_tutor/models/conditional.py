"""One network for every beta: the loss-conditional beta-VAE (Dosovitskiy and Djolonga 2020, 'You Only Train Once')."""

import math

import torch
from torch import Tensor, nn

from dgm_tutor.components import At
from dgm_tutor.models.base import Model
from dgm_tutor.models.latent import LatentVariableModel
from dgm_tutor.objectives import Loss, Player, distortion, rate


class ConditionalBetaVAE(Model):
    """Networks that are told log beta, trained on betas drawn log-uniformly from [low, high], one per example.

    ``at(beta)`` is an ordinary beta-VAE that shares these weights. Its loss is what a network of this size reaches
    when it must serve every beta: compare it with one trained for its beta alone.
    """

    def __init__(self, prior: nn.Module, decoder: nn.Module, posterior: nn.Module, low: float, high: float, x_dim: int):
        super().__init__()
        self.prior, self.decoder, self.posterior = prior, decoder, posterior
        self.low, self.high = low, high
        self.x_dim = x_dim

    def at(self, beta: float) -> LatentVariableModel:
        """The beta-VAE at one beta in [low, high]; it shares this model's weights."""
        if not self.low <= beta <= self.high:
            raise ValueError(f"beta={beta}: this model was made for {self.low} to {self.high}")
        return self._at(torch.tensor(float(beta), device=self.device))

    def _at(self, beta: Tensor) -> LatentVariableModel:
        """The model at beta, a scalar or one value per example, (n,)."""
        centre, spread = (math.log(self.high * self.low) / 2, math.log(self.high / self.low) / 2)
        condition = ((beta.log() - centre) / spread).unsqueeze(-1)
        model = LatentVariableModel(
            prior=self.prior,
            decoder=At(self.decoder, condition),
            posterior=At(self.posterior, condition),
            objective=distortion + beta * rate,
            x_dim=self.x_dim,
        )
        model.name = self.name
        return model

    def players(self) -> list[Player]:
        return [Player("autoencoder", list(self.parameters()), self._loss)]

    def _loss(self, x: Tensor) -> Loss:
        share = torch.rand(x.shape[0], device=x.device)
        beta = self.low * (self.high / self.low) ** share
        model = self._at(beta)
        return model.players()[0].loss(x)

    def checked(self, x: Tensor) -> Tensor:
        """As for the model at any one beta."""
        return self.at(self.high).checked(x)

    def _no(self, what: str, instead: str) -> str:
        return f"{self.name} is a family of models, one for each beta: use at(beta) first, as in at(1.0).sample(n)."
