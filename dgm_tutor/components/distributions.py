"""The distributions that components return: ``torch.distributions`` with the event dimension settled.

Arguments are validated where data enters a model (``Model.loss``, ``Model.elbo``), not at every step of a loop:
torch's own validation costs a small network up to a third of its time.
"""

import torch
from torch import Tensor
from torch.distributions import Bernoulli, Independent, Normal


class SharedNoiseNormal(Normal):
    """A normal whose first batch dimension counts the models of an ensemble, all of which get the same noise.

    Common random numbers: members of a sweep then differ by what they are, not by what they drew, and each one
    equals the model that would have been trained alone with the same seed.
    """

    def rsample(self, sample_shape: torch.Size = torch.Size()) -> Tensor:  # noqa: B008 (torch's own signature)
        shape = self._extended_shape(sample_shape)
        model_axis = len(sample_shape)
        noise = torch.randn(shape[:model_axis] + shape[model_axis + 1 :], dtype=self.loc.dtype, device=self.loc.device)
        return self.loc + self.scale * noise.unsqueeze(model_axis)


def normal(mu: Tensor, sigma: Tensor, shared_noise: bool = False) -> Independent:
    """N(mu, diag sigma^2) over the last dimension; mu and sigma (..., d)."""
    family = SharedNoiseNormal if shared_noise else Normal
    return Independent(family(mu, sigma, validate_args=False), 1, validate_args=False)


def bernoulli(logits: Tensor) -> Independent:
    """Independent Bernoulli variables over the last dimension; logits (..., d)."""
    return Independent(Bernoulli(logits=logits, validate_args=False), 1, validate_args=False)
