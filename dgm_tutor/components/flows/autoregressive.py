"""Autoregressive flows: MAF, IAF and the neural autoregressive flow are one layer, three ways of using it."""

from collections.abc import Sequence

import torch
from torch import Tensor

from dgm_tutor.components.flows.made import MADE
from dgm_tutor.components.flows.monotone import Affine, DeepSigmoid, Gated
from dgm_tutor.components.flows.transform import Inverted, Stack, Transform

Monotone = Affine | DeepSigmoid | Gated


class Autoregressive(Transform):
    """x_i = g(z_i; parameters_i(x_<i)), g increasing: a flow with triangular Jacobian (D3, D6).

    Fast: inverse, x -> z, one pass for all coordinates, so log_prob is fast. Slow: forward, z -> x, which must know
    x_<i before it can find x_i: d passes where gradients are recorded, and the work of one pass in d small steps
    where they are not.
    """

    def __init__(self, made: MADE, monotone: Monotone):
        super().__init__()
        self.made, self.monotone = made, monotone

    def forward(self, z: Tensor, context: Tensor | None = None) -> tuple[Tensor, Tensor]:
        def advance(z_i: Tensor, parameters: Tensor) -> Tensor:
            return self.monotone.forward(z_i, parameters)[0]

        if torch.is_grad_enabled():
            x = self.made.sequential(advance, z, context)
        else:
            x = self.made.incremental(advance, z, context, self.monotone.step)
        return x, -self.inverse(x, context)[1]

    def inverse(self, x: Tensor, context: Tensor | None = None) -> tuple[Tensor, Tensor]:
        z, log_slope = self.monotone.inverse(x, self.made(x, context))
        return z, log_slope.sum(-1)


def maf(dim: int, layers: int = 5, hidden: Sequence[int] = (64,), context_dim: int = 0) -> Stack:
    """Masked autoregressive flow (Papamakarios et al. 2017): Gaussian conditionals, the order turned at each layer.

    Fast: inverse (log_prob). Slow: forward (sampling).
    """
    return _stack(Affine(), dim, layers, hidden, context_dim)


def naf(dim: int, layers: int = 1, hidden: Sequence[int] = (64,), components: int = 8, context_dim: int = 0) -> Stack:
    """Neural autoregressive flow (Huang et al. 2018): conditionals of ``components`` sigmoids each.

    Fast: inverse (log_prob). Slow: forward (sampling), a bisection for each coordinate in turn.
    """
    return _stack(DeepSigmoid(components), dim, layers, hidden, context_dim)


def iaf(dim: int, layers: int = 4, hidden: Sequence[int] = (64,), context_dim: int = 0) -> Stack:
    """Inverse autoregressive flow (Kingma et al. 2016, algorithm 1): MAF's layers the other way round, each a gate.

    The context enters every step, the order turns at each, and a fresh step moves z only slightly.
    Fast: forward (sampling, and the density of what was sampled). Slow: inverse (the density of anything else).
    """
    return Stack(*(Inverted(layer) for layer in _stack(Gated(), dim, layers, hidden, context_dim).transforms))


def _stack(monotone: Monotone, dim: int, layers: int, hidden: Sequence[int], context_dim: int) -> Stack:
    return Stack(
        *(
            Autoregressive(MADE(dim, hidden, monotone.count, context_dim, reverse=bool(k % 2)), monotone)
            for k in range(layers)
        )
    )
