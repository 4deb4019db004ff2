"""The masses by another formula, in float64: sigma(a) - sigma(b) = 2 sinh((a - b) / 2) / (2 cosh(a / 2) 2 cosh(b / 2)).

With log(2 cosh y) = logaddexp(y, -y), a bin's logarithm is that of a hyperbolic sine less two such terms; the open
bins are sigma(a) = 1 / (1 + e^-a) and its mirror image. Gradients are autograd's.
"""

import torch
from torch import Tensor


def log_prob(x: Tensor, logits: Tensor, mu: Tensor, log_scale: Tensor, levels: int) -> Tensor:
    """log P(x) in nats, (n,), of x (n,) and parameters (n, K)."""
    x, logits, mu, log_scale = (t.double() for t in (x, logits, mu, log_scale))
    index = (x * (levels - 1)).round()
    scale = log_scale.exp()
    upper, lower = ((x.unsqueeze(-1) + side / (levels - 1) - mu) / scale for side in (0.5, -0.5))
    half_width = 0.5 / (levels - 1) / scale
    log_two_sinh = half_width + torch.log1p(-torch.exp(-2 * half_width))
    inner = log_two_sinh - _log_two_cosh(upper / 2) - _log_two_cosh(lower / 2)
    zero = torch.zeros_like(inner)
    first, last = (index == 0).unsqueeze(-1), (index == levels - 1).unsqueeze(-1)
    log_mass = torch.where(
        first, -torch.logaddexp(zero, -upper), torch.where(last, -torch.logaddexp(zero, lower), inner)
    )
    return torch.logsumexp(logits + log_mass, -1) - torch.logsumexp(logits, -1)


def _log_two_cosh(y: Tensor) -> Tensor:
    return torch.logaddexp(y, -y)
