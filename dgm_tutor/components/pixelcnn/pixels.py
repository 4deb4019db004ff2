"""What stands at one position, given the numbers that a network says about it: its probability, and how noise becomes
a draw.

Each family states the shape of its value (``event``: () for a pixel) and how many ``parameters`` it wants for a
position. ``log_prob(raw, x)`` takes raw (..., parameters) and x (..., *event); ``draw(raw, noise)`` turns ``noise`` of
x's shape into values, so that two samplers given one noise can be compared; ``read(x)`` is x as the network sees it.
Pixels are k / (levels - 1), as ``Split.pixels()`` and ``data.binarise`` give them.
"""

import torch
import torch.nn.functional as F
from torch import Tensor

from dgm_tutor.components.distributions import normal
from dgm_tutor.components.logistics import DiscretisedLogisticMixture, refuse_levels
from dgm_tutor.kernels.logistic_mixture import choose


class Grey:
    """One grey level in [0, 1], drawn by uniform noise."""

    event: tuple[int, ...] = ()
    levels: int

    def noise(self, like: Tensor) -> Tensor:
        return torch.rand_like(like)

    def read(self, x: Tensor) -> Tensor:
        """Pixels in [-1, 1]: then the padding's 0 is neither black nor white."""
        return 2 * x - 1

    def refuse(self, x: Tensor) -> str | None:
        return refuse_levels(x, self.levels)


class Binary(Grey):
    """Bernoulli pixels."""

    family = "binary"
    parameters, levels = 1, 2

    def log_prob(self, raw: Tensor, x: Tensor) -> Tensor:
        return -F.binary_cross_entropy_with_logits(raw.squeeze(-1), x, reduction="none")

    def draw(self, raw: Tensor, u: Tensor) -> Tensor:
        return (u < raw.squeeze(-1).sigmoid()).to(u.dtype)


class Categorical(Grey):
    """A free probability for every grey level (van den Oord et al. 2016a): it knows nothing of their order."""

    family = "categorical"

    def __init__(self, levels: int):
        self.parameters = self.levels = levels

    def log_prob(self, raw: Tensor, x: Tensor) -> Tensor:
        index = (x * (self.levels - 1)).round().long()
        return raw.log_softmax(-1).gather(-1, index.unsqueeze(-1)).squeeze(-1)

    def draw(self, raw: Tensor, u: Tensor) -> Tensor:
        return choose(raw.softmax(-1), u).to(u.dtype) / (self.levels - 1)


class LogisticMixture(Grey):
    """A mixture of discretised logistics (Salimans et al. 2017): neighbouring levels share what is learned."""

    family = "logistic"

    def __init__(self, levels: int, mixtures: int = 5):
        self.parameters, self.levels = 3 * mixtures, levels

    def log_prob(self, raw: Tensor, x: Tensor) -> Tensor:
        return self._mixture(raw).log_prob(x)

    def draw(self, raw: Tensor, u: Tensor) -> Tensor:
        return self._mixture(raw).draw(u)

    def _mixture(self, raw: Tensor) -> DiscretisedLogisticMixture:
        return DiscretisedLogisticMixture(*raw.chunk(3, -1), self.levels)


class Gaussian:
    """A real vector of ``channels``, N(mu, diag sigma^2) given all earlier positions: one place of a map of z."""

    family, levels = None, None

    def __init__(self, channels: int):
        self.event, self.parameters = (channels,), 2 * channels

    def log_prob(self, raw: Tensor, z: Tensor) -> Tensor:
        mu, log_sigma = raw.chunk(2, -1)
        return normal(mu, log_sigma.exp()).log_prob(z)

    def draw(self, raw: Tensor, noise: Tensor) -> Tensor:
        mu, log_sigma = raw.chunk(2, -1)
        return mu + log_sigma.exp() * noise

    def noise(self, like: Tensor) -> Tensor:
        return torch.randn_like(like)

    def read(self, z: Tensor) -> Tensor:
        return z

    def refuse(self, z: Tensor) -> str | None:
        return None if torch.isfinite(z).all() else "the map holds NaN or infinite values"


Pixels = Binary | Categorical | LogisticMixture | Gaussian


def pixels_of(likelihood: str, grey_levels: int = 256) -> Pixels:
    """The family of that name: "bernoulli", "categorical" or "logistic_mixture"; ValueError for another."""
    if likelihood == "bernoulli":
        return Binary()
    if likelihood not in ("categorical", "logistic_mixture"):
        raise ValueError(
            f"unknown likelihood {likelihood!r}: expected 'bernoulli' (binary pixels), "
            "'categorical' or 'logistic_mixture' (grey levels)"
        )
    if grey_levels < 2:
        raise ValueError(f"grey_levels={grey_levels}: expected at least 2")
    return Categorical(grey_levels) if likelihood == "categorical" else LogisticMixture(grey_levels)
