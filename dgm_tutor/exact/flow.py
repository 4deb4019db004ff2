"""A flow's exact density from nothing but the map: the autograd Jacobian of its inverse, through slogdet."""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from torch import Tensor

Map = Callable[[Tensor], Tensor]


def standard_normal_log_prob(z: Tensor) -> Tensor:
    """log N(z; 0, I) in nats, (n, D) -> (n,)."""
    return -0.5 * (z.square() + math.log(2 * math.pi)).sum(-1)


def jacobian(function: Map, at: Tensor) -> Tensor:
    """d function / d input by autograd, one matrix an example: (n, D) -> (n, D_out, D).

    ``function`` must treat the examples independently (no batch statistics).
    """
    with torch.enable_grad():
        at = at.detach().requires_grad_()
        out = function(at)
        rows = [torch.autograd.grad(out[:, i].sum(), at, retain_graph=True)[0] for i in range(out.shape[-1])]
    return torch.stack(rows, -2)


class FlowWorld:
    """Points x (n, D), the map x = forward(z) and its inverse: the truth a flow's own log_det is held to.

    ``inverse`` and ``forward`` map (n, D) to (n, D), example by example; ``base_log_prob`` is log p_Z.
    Float64 is what you give it: convert a module with ``.double()`` first.
    """

    def __init__(self, forward: Map, inverse: Map, x: Tensor, base_log_prob: Map = standard_normal_log_prob):
        if x.ndim != 2:
            raise ValueError(f"a flow world needs points of shape (n, D), got {tuple(x.shape)}")
        self.forward, self.inverse, self.x, self.base_log_prob = forward, inverse, x.detach(), base_log_prob
        with torch.no_grad():
            self.z = inverse(self.x)

    @property
    def batch_shape(self) -> tuple[int, ...]:
        """One world a point: (n,)."""
        return tuple(self.x.shape[:1])

    def __getitem__(self, index: int | slice) -> FlowWorld:
        return FlowWorld(self.forward, self.inverse, torch.atleast_2d(self.x[index]), self.base_log_prob)

    def __str__(self) -> str:
        return f"x = {self.x.tolist()}\nz = f^-1(x) = {self.z.tolist()}"

    def inverse_jacobian(self) -> Tensor:
        """d f^-1(x) / dx, (n, D, D)."""
        return jacobian(self.inverse, self.x)

    def forward_jacobian(self) -> Tensor:
        """d f(z) / dz at z = f^-1(x), (n, D, D)."""
        return jacobian(self.forward, self.z)

    def log_base(self) -> Tensor:
        """log p_Z(f^-1(x)), (n,)."""
        with torch.no_grad():
            return self.base_log_prob(self.z)

    def log_det_inverse(self) -> Tensor:
        """log |det d f^-1(x) / dx|, (n,)."""
        return torch.linalg.slogdet(self.inverse_jacobian()).logabsdet

    def log_det_forward(self) -> Tensor:
        """log |det d f(z) / dz| at z = f^-1(x), (n,)."""
        return torch.linalg.slogdet(self.forward_jacobian()).logabsdet

    def log_prob(self) -> Tensor:
        """log p_X(x) = log p_Z(f^-1(x)) + log |det d f^-1(x) / dx|, (n,), in nats."""
        return self.log_base() + self.log_det_inverse()

    def inverse_error(self) -> float:
        """The largest |f(f^-1(x)) - x|."""
        with torch.no_grad():
            return (self.forward(self.z) - self.x).abs().max().item()

    def check_inverse(self, tolerance: float = 1e-8) -> None:
        """Raises ValueError, with the worst point, when forward does not undo inverse."""
        with torch.no_grad():
            back = self.forward(self.z)
        error = (back - self.x).abs().amax(-1)
        worst = error.argmax()
        if not error[worst] <= tolerance:  # NaN is an error too
            raise ValueError(
                f"forward(inverse(x)) is not x: {self.x[worst].tolist()} comes back as "
                f"{back[worst].tolist()}, {error[worst]:.3g} away (tolerance {tolerance:g})"
            )
