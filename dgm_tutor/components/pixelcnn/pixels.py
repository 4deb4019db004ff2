"""What one pixel is, given the numbers that a network says about it: its probability, and how noise becomes a draw.

Each family states how many ``parameters`` it wants per pixel. ``log_prob(raw, x)`` takes raw (..., parameters) and x
(...); ``draw(raw, u)`` turns uniform noise u (...) into pixels, so that two samplers given one noise can be compared.
Pixels are k / (levels - 1), as ``Split.pixels()`` and ``data.binarise`` give them.
"""

import torch.nn.functional as F
from torch import Tensor

from dgm_tutor.components.logistics import DiscretisedLogisticMixture, choose, refuse_levels


class Binary:
    """Bernoulli pixels."""

    parameters, levels = 1, 2

    def log_prob(self, raw: Tensor, x: Tensor) -> Tensor:
        return -F.binary_cross_entropy_with_logits(raw.squeeze(-1), x, reduction="none")

    def draw(self, raw: Tensor, u: Tensor) -> Tensor:
        return (u < raw.squeeze(-1).sigmoid()).to(u.dtype)

    def refuse(self, x: Tensor) -> str | None:
        return refuse_levels(x, 2)


class Categorical:
    """A free probability for every grey level (van den Oord et al. 2016a): it knows nothing of their order."""

    def __init__(self, levels: int):
        self.parameters = self.levels = levels

    def log_prob(self, raw: Tensor, x: Tensor) -> Tensor:
        index = (x * (self.levels - 1)).round().long()
        return raw.log_softmax(-1).gather(-1, index.unsqueeze(-1)).squeeze(-1)

    def draw(self, raw: Tensor, u: Tensor) -> Tensor:
        return choose(raw.softmax(-1), u).to(u.dtype) / (self.levels - 1)

    def refuse(self, x: Tensor) -> str | None:
        return refuse_levels(x, self.levels)


class LogisticMixture:
    """A mixture of discretised logistics (Salimans et al. 2017): neighbouring levels share what is learned."""

    def __init__(self, levels: int, mixtures: int = 5):
        self.parameters, self.levels = 3 * mixtures, levels

    def log_prob(self, raw: Tensor, x: Tensor) -> Tensor:
        return self._mixture(raw).log_prob(x)

    def draw(self, raw: Tensor, u: Tensor) -> Tensor:
        return self._mixture(raw).draw(u)

    def refuse(self, x: Tensor) -> str | None:
        return refuse_levels(x, self.levels)

    def _mixture(self, raw: Tensor) -> DiscretisedLogisticMixture:
        return DiscretisedLogisticMixture(*raw.chunk(3, -1), self.levels)


Pixels = Binary | Categorical | LogisticMixture


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
