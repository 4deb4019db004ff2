"""PixelCNN (van den Oord et al. 2016; section 0): p(x) = prod_i p(x_i | x_<i), pixels in raster order."""

import math

import torch
from torch import Tensor

from dgm_tutor.components import PixelCNN, pixels_of
from dgm_tutor.models.base import Intractable, Model
from dgm_tutor.objectives import Draw, Loss, Player, Term

negative_log_likelihood = Term(
    "negative_log_likelihood",
    r"\mathbb{E}_{p_{\text{data}}}\!\left[-\log p_\theta(x)\right]",
    lambda draw: -draw.model.density().log_prob(draw.x),
)
"""-E_{p_data} log p(x), what maximum likelihood minimises where log p(x) is exact."""


class PixelCNNModel(Model):
    """Images with an exact density: ``density()`` is p(x), one pass to evaluate and one step per pixel to sample."""

    def __init__(self, density: PixelCNN):
        super().__init__()
        self.density = density
        self.x_dim = math.prod(density.size)
        self.objective = 1.0 * negative_log_likelihood

    def players(self) -> list[Player]:
        return [Player("pixelcnn", list(self.parameters()), self._loss)]

    def _loss(self, x: Tensor) -> Loss:
        return self.objective(Draw(self, x))

    @torch.no_grad()
    def sample(self, n: int) -> Tensor:
        """n images, pixel by pixel through the cached sampler, (n, D)."""
        return self.density().sample((n,))

    @torch.no_grad()
    def log_prob(self, x: Tensor) -> Tensor:
        """log p(x), exact, (n,) nats."""
        return self.density().log_prob(self.checked(x))

    def elbo(self, x: Tensor, samples: int = 1) -> Tensor:
        raise Intractable(self._no("elbo: it has no latent variable, and needs no bound", "log_prob(x)"))

    def log_marginal(self, x: Tensor, samples: int = 64) -> Tensor:
        raise Intractable(self._no("importance-weighted bound: log p(x) is exact", "log_prob(x)"))

    def checked(self, x: Tensor) -> Tensor:
        """x as (n, D) on the model's device; refuses a wrong D and values that are no grey levels of this model."""
        x = super().checked(x)
        if x.shape[1] != self.x_dim:
            raise ValueError(
                f"{self.name}: expected {self.x_dim} values per example, got {x.shape[1]}: "
                f"create the model with x_dim={x.shape[1]}"
            )
        if complaint := self.density.refuse(x):
            raise ValueError(f"{self.name}: {complaint}")
        return x


def pixelcnn(
    *,
    x_dim: int = 784,
    layers: int = 5,
    channels: int = 16,
    likelihood: str = "bernoulli",
    grey_levels: int = 256,
) -> PixelCNNModel:
    """Loss: -log p(x), exact.

    Args:
        x_dim: pixels of a square image of one channel.
        layers, channels: gated layers, and the feature maps in each.
        likelihood: "bernoulli" for binary pixels; "categorical" or "logistic_mixture" for ``grey_levels`` levels,
            k / (grey_levels - 1).
    """
    return PixelCNNModel(
        PixelCNN(square(x_dim), pixels_of(likelihood, grey_levels), layers=layers, channels=channels),
    )


def square(x_dim: int) -> tuple[int, int]:
    """(H, W) of a square image of x_dim pixels; ValueError where there is none."""
    side = math.isqrt(max(x_dim, 0))
    if side < 1 or side * side != x_dim:
        raise ValueError(f"x_dim={x_dim}: expected the pixels of a square image of one channel, such as 784")
    return side, side
