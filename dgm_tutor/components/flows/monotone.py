"""Strictly increasing maps of one real variable whose parameters a network gives, and their inverse by bisection."""

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor

LOG_SCALE = 5.0
SLOPE_FLOOR = 1e-3
OPEN = 2.0  # the forget gate's bias


def bounded(log_scale: Tensor) -> Tensor:
    """A log-scale in (-5, 5), about the identity near 0: no input, however far out, makes exp overflow."""
    return LOG_SCALE * torch.tanh(log_scale / LOG_SCALE)


class Affine:
    """x = mu + exp(alpha) z: two parameters, both directions fast."""

    count, step = 2, "affine"

    def forward(self, z: Tensor, parameters: Tensor) -> tuple[Tensor, Tensor]:
        """x and log dx/dz, elementwise; parameters (*z.shape, 2)."""
        mu, alpha = self._read(parameters)
        return mu + alpha.exp() * z, alpha

    def inverse(self, x: Tensor, parameters: Tensor) -> tuple[Tensor, Tensor]:
        mu, alpha = self._read(parameters)
        return (x - mu) * (-alpha).exp(), -alpha

    def _read(self, parameters: Tensor) -> tuple[Tensor, Tensor]:
        mu, alpha = parameters.unbind(-1)
        return mu, bounded(alpha)


class Gated:
    """z = sigma x + (1 - sigma) m, sigma = sigmoid(s + 2): two parameters, both directions fast.

    The step of IAF in its stable form (Kingma et al. 2016, algorithm 1): the gate starts mostly open, so that a step
    starts close to the identity, and z never leaves the range that x and m span.
    """

    count, step = 2, "gated"

    def forward(self, z: Tensor, parameters: Tensor) -> tuple[Tensor, Tensor]:
        """x and log dx/dz, elementwise; parameters (*z.shape, 2)."""
        m, s = self._read(parameters)
        return z + (z - m) * (-s).exp(), -F.logsigmoid(s)  # (1 - sigma) / sigma = exp(-s)

    def inverse(self, x: Tensor, parameters: Tensor) -> tuple[Tensor, Tensor]:
        m, s = self._read(parameters)
        return torch.lerp(m, x, torch.sigmoid(s)), F.logsigmoid(s)

    def _read(self, parameters: Tensor) -> tuple[Tensor, Tensor]:
        m, s = parameters.unbind(-1)
        return m, s + OPEN


class DeepSigmoid:
    """z = logit(sum_k w_k sigmoid(a_k x + b_k)), a > 0, w on the simplex (Huang et al. 2018).

    The inverse direction x -> z is closed form, kept in logs throughout; z -> x is by bisection, about 60 evaluations.
    Each sigmoid can make a mode, so one layer fits multi-modal conditionals where ``Affine`` cannot (C6).
    """

    step = "sigmoids"

    def __init__(self, components: int):
        self.components = components
        self.count = 3 * components

    def inverse(self, x: Tensor, parameters: Tensor) -> tuple[Tensor, Tensor]:
        """z and log dz/dx, elementwise; parameters (*x.shape, 3 K)."""
        log_w, slope, offset = parameters.chunk(3, -1)
        log_w = log_w.log_softmax(-1)
        a = F.softplus(slope + 0.5413) + SLOPE_FLOOR  # about 1 where the network says 0; the floor keeps z unbounded
        # Where the network says 0 the sigmoids stand side by side: were they equal, they would stay so.
        b = offset + torch.linspace(-2, 2, self.components, dtype=offset.dtype, device=offset.device)
        u = a * x.unsqueeze(-1) + b
        log_in, log_out = F.logsigmoid(u), F.logsigmoid(-u)
        log_s, log_rest = (log_w + log_in).logsumexp(-1), (log_w + log_out).logsumexp(-1)  # log s, log (1 - s)
        log_slope = (log_w + a.log() + log_in + log_out).logsumexp(-1)
        return log_s - log_rest, log_slope - log_s - log_rest

    def forward(self, z: Tensor, parameters: Tensor) -> tuple[Tensor, Tensor]:
        """x and log dx/dz."""
        x = solve(lambda x: self.inverse(x, parameters), z)
        return x, -self.inverse(x, parameters)[1]


def solve(function: Callable[[Tensor], tuple[Tensor, Tensor]], y: Tensor, tolerance: float | None = None) -> Tensor:
    """x with function(x) = y, elementwise, for a strictly increasing function, by bisection; differentiable.

    Args:
        function: x -> (value, log of its derivative).
        y: where the root is wanted.
        tolerance: on x, relative above 1 and absolute below; default 4 machine epsilons.

    Raises:
        ArithmeticError: no bracket within 2^60: the function is not increasing there, or y is not finite.
    """
    tolerance = tolerance or 4 * torch.finfo(y.dtype).eps
    with torch.no_grad():
        low, high = _bracket(lambda x: function(x)[0], y)
        while ((high - low) > tolerance * (low.abs() + high.abs()).clamp_min(2) / 2).any():
            middle = (low + high) / 2
            below = function(middle)[0] < y
            low, high = torch.where(below, middle, low), torch.where(below, high, middle)
        root = (low + high) / 2
    if not torch.is_grad_enabled():
        return root
    value, log_slope = function(root)
    newton = (y - value) * (-log_slope).exp().detach()  # its gradient is the implicit function theorem's
    return root + newton - newton.detach()


def _bracket(function: Callable[[Tensor], Tensor], y: Tensor) -> tuple[Tensor, Tensor]:
    """low and high with function(low) <= y <= function(high)."""
    low, high = -torch.ones_like(y), torch.ones_like(y)
    for _ in range(60):
        above, below = ~(function(low) <= y), ~(function(high) >= y)  # NaN is neither: it ends in the error
        if not (above.any() or below.any()):
            return low, high
        low, high = torch.where(above, 2 * low, low), torch.where(below, 2 * high, high)
    raise ArithmeticError("no x within 2^60 has function(x) = y: is y finite, and the function strictly increasing?")
