"""2-D densities with an exact ``log_prob``: what a flow or a GAN learns can be compared with the truth.

Every curve here is blurred by isotropic Gaussian noise, so its density is a one-dimensional integral along
the curve: a Bessel function for a circle, a quadrature exact to rounding for a half-circle.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache
from typing import Protocol

import numpy as np
import torch
from torch import Tensor


class Density(Protocol):
    """A density on the plane, in nats; [-extent, extent]^2 holds all but 1e-6 of it."""

    extent: float
    components: int

    def sample(self, n: int, generator: torch.Generator | None = None) -> tuple[Tensor, Tensor]:
        """n points (n, 2) float32 and the component (n,) int64 that each one came from."""

    def log_prob(self, x: Tensor) -> Tensor:
        """log p(x), (..., 2) -> (...); differentiable wherever it is finite."""


def _noise(n: int, scale: float, generator: torch.Generator | None) -> Tensor:
    return scale * torch.randn(n, 2, generator=generator)


def _polar(radius: Tensor | float, angle: Tensor) -> Tensor:
    return torch.stack([radius * angle.cos(), radius * angle.sin()], dim=-1)


def _planar(x: Tensor) -> Tensor:
    if x.shape[-1:] != (2,) or not x.is_floating_point():
        raise ValueError(f"log_prob wants floats (..., 2), got {x.dtype} of shape {tuple(x.shape)}")
    return x


@dataclass(frozen=True)
class Mixture:
    """``components`` equal isotropic Gaussians with their means on a circle."""

    components: int = 8
    radius: float = 2.0
    noise: float = 0.2
    extent: float = 4.0

    @property
    def means(self) -> Tensor:
        return _polar(self.radius, torch.arange(self.components) * (2 * math.pi / self.components))

    def sample(self, n: int, generator: torch.Generator | None = None) -> tuple[Tensor, Tensor]:
        y = torch.randint(self.components, (n,), generator=generator)
        return self.means[y] + _noise(n, self.noise, generator), y

    def log_prob(self, x: Tensor) -> Tensor:
        squares = (_planar(x).unsqueeze(-2) - self.means.to(x)).square().sum(-1)
        constant = math.log(2 * math.pi * self.noise**2 * self.components)
        return torch.logsumexp(-squares / (2 * self.noise**2), dim=-1) - constant


@dataclass(frozen=True)
class Rings:
    """Concentric circles blurred by Gaussian noise; each ring is equally likely.

    Averaging N(x; R e(angle), s^2 I) over the angle gives exp(-(r^2 + R^2) / 2s^2) I_0(r R / s^2) / (2 pi
    s^2), r = |x|, I_0 the modified Bessel function.
    """

    radii: tuple[float, ...] = (0.8, 1.6, 2.4)
    noise: float = 0.1
    extent: float = 3.2

    @property
    def components(self) -> int:
        return len(self.radii)

    def sample(self, n: int, generator: torch.Generator | None = None) -> tuple[Tensor, Tensor]:
        y = torch.randint(self.components, (n,), generator=generator)
        angle = 2 * math.pi * torch.rand(n, generator=generator)
        return _polar(torch.tensor(self.radii)[y], angle) + _noise(n, self.noise, generator), y

    def log_prob(self, x: Tensor) -> Tensor:
        # The tiny floor keeps the gradient of the norm finite at the origin.
        r = _planar(x).square().sum(-1, keepdim=True).clamp_min(1e-30).sqrt()
        ring, variance = torch.tensor(self.radii).to(x), self.noise**2
        # i0e(a) = exp(-a) I_0(a) does not overflow, and turns -(r^2 + R^2) into -(r - R)^2.
        terms = -((r - ring) ** 2) / (2 * variance) + torch.special.i0e(r * ring / variance).log()
        return torch.logsumexp(terms, dim=-1) - math.log(2 * math.pi * variance * self.components)


@lru_cache
def _arc_rule(nodes: int) -> tuple[Tensor, Tensor]:
    """Angles on [0, pi] and log weights of the Gauss-Legendre mean over them, float64."""
    t, w = np.polynomial.legendre.leggauss(nodes)
    return torch.from_numpy((t + 1) * math.pi / 2), torch.from_numpy(w / 2).log()


@dataclass(frozen=True)
class TwoMoons:
    """Two interleaved half-circles blurred by Gaussian noise, each equally likely, centred on the origin.

    p(x) is the mean of N(x; centre +- R e(angle), s^2 I) over angle in [0, pi]. The integrand is analytic
    and about s / R wide, so ``nodes`` Gauss-Legendre points give it to rounding.
    """

    radius: float = 1.5
    noise: float = 0.12
    nodes: int = 96
    extent: float = 3.2
    components: int = 2

    def _moon(self, angle: Tensor) -> Tensor:
        """The upper moon's curve; the lower moon is its mirror image through the origin."""
        return _polar(self.radius, angle) - torch.tensor([self.radius / 2, self.radius / 4]).to(angle)

    def sample(self, n: int, generator: torch.Generator | None = None) -> tuple[Tensor, Tensor]:
        y = torch.randint(2, (n,), generator=generator)
        curve = self._moon(math.pi * torch.rand(n, generator=generator))
        return torch.where(y[:, None] == 0, curve, -curve) + _noise(n, self.noise, generator), y

    def log_prob(self, x: Tensor) -> Tensor:
        angle, log_weight = _arc_rule(self.nodes)
        curve = self._moon(angle)
        curve, log_weight = torch.cat([curve, -curve]).to(x), log_weight.repeat(2).to(x)
        squares = (_planar(x).unsqueeze(-2) - curve).square().sum(-1)
        constant = math.log(2 * math.pi * self.noise**2 * 2)
        return torch.logsumexp(log_weight - squares / (2 * self.noise**2), dim=-1) - constant


@dataclass(frozen=True)
class Checkerboard:
    """Uniform on the dark unit squares of a 4 x 4 board, [-2, 2]^2: log p = -log 8, -inf elsewhere."""

    extent: float = 2.0
    components: int = 8

    def sample(self, n: int, generator: torch.Generator | None = None) -> tuple[Tensor, Tensor]:
        y = torch.randint(8, (n,), generator=generator)
        row, column = y // 2, 2 * (y % 2) + (y // 2) % 2
        corner = torch.stack([column, row], dim=-1) - 2
        # Slightly less than 1, or corner + 0.99999994 rounds up to the next, empty square.
        return corner + (1 - 1e-6) * torch.rand(n, 2, generator=generator), y

    def log_prob(self, x: Tensor) -> Tensor:
        square = _planar(x).floor()
        dark = (square.sum(-1) % 2 == 0) & (square >= -2).all(-1) & (square < 2).all(-1)
        inside = 0 * x.sum(-1) - math.log(8)  # `0 *`: flat, but still a function of x for autograd
        return torch.where(dark, inside, inside.new_tensor(-math.inf))


two_moons = TwoMoons()
rings = Rings()
checkerboard = Checkerboard()
mixture = Mixture()
DENSITIES: dict[str, Density] = {
    "two_moons": two_moons,
    "rings": rings,
    "checkerboard": checkerboard,
    "mixture": mixture,
}
