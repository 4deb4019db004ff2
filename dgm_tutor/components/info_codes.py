"""InfoGAN's codes: what of z an image shall tell, beside the noise that it need not (Chen et al. 2016)."""

import math

import torch
from torch import Tensor, nn
from torch.distributions import Independent, OneHotCategorical, Uniform

from dgm_tutor.components.codes import Code
from dgm_tutor.components.distributions import normal
from dgm_tutor.components.heads import StandardNormal


class InfoPrior(nn.Module):
    """p(z), z = (y, c, noise): y one of ``classes``, equally likely; c uniform on [-1, 1]; noise N(0, I)."""

    def __init__(self, classes: int, continuous: int, noise: int):
        super().__init__()
        self.noise = StandardNormal(noise)
        self.register_buffer("logits", torch.zeros(classes), persistent=False)
        self.register_buffer("one", torch.ones(continuous), persistent=False)

    def forward(self) -> Code:
        uniform = Independent(Uniform(-self.one, self.one, validate_args=False), 1, validate_args=False)
        return Code(OneHotCategorical(logits=self.logits, validate_args=False), Code(uniform, self.noise()))

    @property
    def codes(self) -> int:
        """How many numbers of z are codes: they come first."""
        return len(self.logits) + len(self.one)

    @property
    def code_entropy(self) -> float:
        """H(y) + H(c), nats."""
        return math.log(len(self.logits)) + len(self.one) * math.log(2)


class CodeHead(nn.Module):
    """q(y, c|x): y categorical, c N(mu(x), sigma^2 I), where the network maps x to (logits, mu).

    sigma is fixed: x = g(z) may tell c without error, MI_p(x; c) is then infinite, and a sigma that is learned runs
    after it and away from the game.
    """

    def __init__(self, network: nn.Module, classes: int, sigma: float):
        super().__init__()
        self.network, self.classes, self.sigma = network, classes, sigma

    def forward(self, x: Tensor) -> Code:
        out = self.network(x)
        mu = out[..., self.classes :]
        y = OneHotCategorical(logits=out[..., : self.classes], validate_args=False)
        return Code(y, normal(mu, torch.full_like(mu, self.sigma)))
