"""A code of two parts, class y and style z: one vector (y, z), one distribution."""

import torch
from torch import Tensor, nn
from torch.distributions import Distribution, OneHotCategorical

from dgm_tutor.components.critics import PointMass
from dgm_tutor.components.distributions import normal
from dgm_tutor.components.heads import StandardNormal


class Code(Distribution):
    """Two independent parts as one vector, y first: event (|y| + |z|,). Reparameterised where both parts are."""

    arg_constraints = {}

    def __init__(self, y: Distribution, z: Distribution):
        size = y.event_shape[0] + z.event_shape[0]
        super().__init__(z.batch_shape, torch.Size([size]), validate_args=False)
        self.y, self.z = y, z
        self.has_rsample = y.has_rsample and z.has_rsample

    def rsample(self, sample_shape: torch.Size = torch.Size()) -> Tensor:  # noqa: B008 (torch's own signature)
        return torch.cat([self.y.rsample(sample_shape), self.z.rsample(sample_shape)], -1)

    def sample(self, sample_shape: torch.Size = torch.Size()) -> Tensor:  # noqa: B008
        return torch.cat([self.y.sample(sample_shape), self.z.sample(sample_shape)], -1)

    def log_prob(self, code: Tensor) -> Tensor:
        """log p(y) + log p(z); NotImplementedError where a part has no density."""
        classes = self.y.event_shape[0]
        return self.y.log_prob(code[..., :classes]) + self.z.log_prob(code[..., classes:])


class CodePrior(nn.Module):
    """p(y) p(z): one of ``classes``, all equally likely, and N(0, I)."""

    def __init__(self, classes: int, z_dim: int):
        super().__init__()
        self.style = StandardNormal(z_dim)
        self.register_buffer("logits", torch.zeros(classes), persistent=False)

    def forward(self) -> Code:
        return Code(OneHotCategorical(logits=self.logits, validate_args=False), self.style())


class SoftCodeHead(nn.Module):
    """q(y, z|x) with y a point, the softmax of the network's logits, and z Gaussian.

    Args:
        network: to (logits of y, mu, log sigma), (..., classes + 2 z_dim).
    """

    def __init__(self, network: nn.Module, classes: int):
        super().__init__()
        self.network, self.classes = network, classes

    def forward(self, x: Tensor) -> Code:
        out = self.network(x)
        mu, log_sigma = out[..., self.classes :].chunk(2, -1)
        return Code(PointMass(out[..., : self.classes].softmax(-1)), normal(mu, log_sigma.exp()))
