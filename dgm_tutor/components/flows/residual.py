"""Flows of the form x = z + something small: planar, radial and Sylvester; their parameters may come from a network."""

import math
from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from dgm_tutor.components.flows.monotone import solve
from dgm_tutor.components.flows.transform import Stack, Transform
from dgm_tutor.kernels.residual import planar_stack, radial_stack
from dgm_tutor.kernels.residual.op import uses_kernels


class Amortised(nn.Module):
    """Parameter vectors of the given sizes: learned numbers, plus a linear map of the context where there is one.

    Linear is enough: the context is the output of an encoder (Rezende and Mohamed 2015).
    """

    def __init__(self, sizes: Sequence[int], dim: int, context_dim: int = 0):
        super().__init__()
        self.sizes = list(sizes)
        self.free = nn.Parameter(torch.randn(sum(sizes)) / math.sqrt(dim))
        self.amortised = nn.Linear(context_dim, sum(sizes), bias=False) if context_dim else None

    def forward(self, context: Tensor | None) -> tuple[Tensor, ...]:
        """(..., size) for each size."""
        values = self.free if self.amortised is None else self.free + self.amortised(context)
        return values.split(self.sizes, -1)


class Planar(Transform):
    """x = z + u_hat tanh(w.z + b): squeezes or stretches along u_hat, about a plane.

    Rezende and Mohamed 2015, eq. 10. u_hat = u + (m(w.u) - w.u) w / |w|^2, m(a) = softplus(a) - 1, has w.u_hat > -1,
    which makes the map invertible for every u (appendix A.1); where w is 0 the map is a shift. By the matrix
    determinant lemma log |det| = log |1 + tanh'(w.z + b) w.u_hat| (D5). Fast: forward. Slow: inverse, a bisection for
    w.z.
    """

    def __init__(self, dim: int, context_dim: int = 0):
        super().__init__()
        self.parameters_of = Amortised([dim, dim, 1], dim, context_dim)

    def forward(self, z: Tensor, context: Tensor | None = None) -> tuple[Tensor, Tensor]:
        u_hat, w, b, gain = _planar_parameters(*self.parameters_of(context))
        h = torch.tanh((w * z).sum(-1, keepdim=True) + b)
        return z + u_hat * h, _planar_slope(h, gain).squeeze(-1)

    def inverse(self, x: Tensor, context: Tensor | None = None) -> tuple[Tensor, Tensor]:
        u_hat, w, b, gain = _planar_parameters(*self.parameters_of(context))

        def along_w(a: Tensor) -> tuple[Tensor, Tensor]:
            """w.x where w.z = a, and the log of its slope."""
            h = torch.tanh(a + b)
            return a + (gain - 1) * h, _planar_slope(h, gain)

        a = solve(along_w, (w * x).sum(-1, keepdim=True))
        h = torch.tanh(a + b)
        return x - u_hat * h, -_planar_slope(h, gain).squeeze(-1)


class Radial(Transform):
    """x = z + beta (z - c) / (alpha + r), r = |z - c|: pulls towards c or pushes away.

    Rezende and Mohamed 2015, eq. 14; beta > -alpha makes it invertible (appendix A.2). Fast: both, as the inverse's
    radius solves a quadratic.
    """

    def __init__(self, dim: int, context_dim: int = 0):
        super().__init__()
        self.dim = dim
        self.parameters_of = Amortised([dim, 1, 1], dim, context_dim)

    def forward(self, z: Tensor, context: Tensor | None = None) -> tuple[Tensor, Tensor]:
        centre, alpha, gain = _radial_parameters(*self.parameters_of(context))
        r = _norm(z - centre)
        scale = (r + gain) / (r + alpha)  # 1 + beta / (alpha + r), as beta = gain - alpha
        return centre + scale * (z - centre), _radial_slope(r, alpha, gain, self.dim).squeeze(-1)

    def inverse(self, x: Tensor, context: Tensor | None = None) -> tuple[Tensor, Tensor]:
        centre, alpha, gain = _radial_parameters(*self.parameters_of(context))
        r_x = _norm(x - centre)
        half = (r_x - gain) / 2
        root = (half.square() + alpha * r_x).sqrt()
        r = torch.where(half > 0, half + root, alpha * r_x / (root - half))  # r^2 - (r_x - gain) r - alpha r_x = 0
        return centre + (r + alpha) / (r + gain) * (x - centre), -_radial_slope(r, alpha, gain, self.dim).squeeze(-1)


class Sylvester(Transform):
    """x = z + Q R tanh(S Q^T z + b): planar's one direction made d (van den Berg et al. 2018).

    Q is a product of ``reflections`` Householder reflections, R and S are upper triangular with diagonals in (-1, 1),
    so that log |det| = sum_i log(1 + tanh'_i R_ii S_ii) is finite. Fast: forward. Slow: inverse, a bisection for each
    of the d coordinates of Q^T z, from the last to the first.
    """

    def __init__(self, dim: int, reflections: int = 2, context_dim: int = 0):
        super().__init__()
        self.dim, self.reflections = dim, reflections
        self.parameters_of = Amortised([reflections * dim, dim * dim, dim * dim, dim], dim, context_dim)

    def forward(self, z: Tensor, context: Tensor | None = None) -> tuple[Tensor, Tensor]:
        mirrors, r, s, b = self._read(context)
        y = _reflect(z, mirrors)
        h = torch.tanh(_times(s, y) + b)
        x = _reflect(y + _times(r, h), mirrors[::-1])
        return x, self._log_slopes(h, r, s).sum(-1)

    def inverse(self, x: Tensor, context: Tensor | None = None) -> tuple[Tensor, Tensor]:
        mirrors, r, s, b = self._read(context)
        target = _reflect(x, mirrors)
        y, h = torch.zeros_like(target), torch.zeros_like(target)
        for i in reversed(range(self.dim)):
            inside = (s[..., i, :] * y).sum(-1) + b[..., i]  # what the coordinates after i say; y_i is still 0
            rest = target[..., i] - (r[..., i, :] * h).sum(-1)
            r_i, s_i = r[..., i, i], s[..., i, i]

            def along(a: Tensor, r_i: Tensor = r_i, s_i: Tensor = s_i, inside: Tensor = inside):
                h_i = torch.tanh(s_i * a + inside)
                return a + r_i * h_i, torch.log1p((1 - h_i.square()) * r_i * s_i)

            y_i = solve(along, rest)
            here = torch.arange(self.dim, device=x.device) == i
            y = torch.where(here, y_i.unsqueeze(-1), y)
            h = torch.where(here, torch.tanh(s_i * y_i + inside).unsqueeze(-1), h)
        return _reflect(y, mirrors[::-1]), -self._log_slopes(h, r, s).sum(-1)

    def _read(self, context: Tensor | None) -> tuple[list[Tensor], Tensor, Tensor, Tensor]:
        mirrors, r, s, b = self.parameters_of(context)
        r, s = (_triangle(m.unflatten(-1, (self.dim, self.dim))) for m in (r, s))
        return list(mirrors.split(self.dim, -1)), r, s, b

    @staticmethod
    def _log_slopes(h: Tensor, r: Tensor, s: Tensor) -> Tensor:
        return torch.log1p((1 - h.square()) * (r.diagonal(dim1=-2, dim2=-1) * s.diagonal(dim1=-2, dim2=-1)))


class PlanarStack(Stack):
    """Planar maps in turn, their parameters and log-determinants made together; on a GPU, forwards is one kernel."""

    def forward(self, z: Tensor, context: Tensor | None = None) -> tuple[Tensor, Tensor]:
        u, w, b, gain = _planar_parameters(*_together(self.transforms, context))
        points = z.reshape(-1, z.shape[-1])
        if uses_kernels(points):
            x, log_det = planar_stack(points, *_of_points(z, u, w), *_of_points(z, b, gain, numbers=True))
            return x.view(z.shape), log_det.view(z.shape[:-1])
        heights = []
        for u_k, w_k, b_k in zip(u, w, b, strict=True):
            heights.append(torch.tanh((w_k * z).sum(-1, keepdim=True) + b_k))
            z = torch.addcmul(z, u_k, heights[-1])
        return z, _planar_slope(torch.stack(heights), _beside(gain, z)).sum(0).squeeze(-1)


class RadialStack(Stack):
    """Radial maps in turn, as in ``PlanarStack``."""

    def forward(self, z: Tensor, context: Tensor | None = None) -> tuple[Tensor, Tensor]:
        centre, alpha, gain = _radial_parameters(*_together(self.transforms, context))
        points = z.reshape(-1, z.shape[-1])
        if uses_kernels(points):
            x, log_det = radial_stack(points, *_of_points(z, centre), *_of_points(z, alpha, gain, numbers=True))
            return x.view(z.shape), log_det.view(z.shape[:-1])
        radii = []
        for centre_k, alpha_k, gain_k in zip(centre, alpha, gain, strict=True):
            away = z - centre_k
            radii.append(_norm(away))
            z = torch.addcmul(centre_k, (radii[-1] + gain_k) / (radii[-1] + alpha_k), away)
        slopes = _radial_slope(torch.stack(radii), _beside(alpha, z), _beside(gain, z), z.shape[-1])
        return z, slopes.sum(0).squeeze(-1)


def planar(dim: int, layers: int = 8, context_dim: int = 0) -> Stack:
    """A stack of planar maps. Fast: forward. Slow: inverse."""
    return PlanarStack(*(Planar(dim, context_dim) for _ in range(layers)))


def radial(dim: int, layers: int = 8, context_dim: int = 0) -> Stack:
    """A stack of radial maps. Fast: both directions."""
    return RadialStack(*(Radial(dim, context_dim) for _ in range(layers)))


def sylvester(dim: int, layers: int = 4, reflections: int = 2, context_dim: int = 0) -> Stack:
    """A stack of Sylvester maps, Q by Householder reflections. Fast: forward. Slow: inverse."""
    return Stack(*(Sylvester(dim, reflections, context_dim) for _ in range(layers)))


def _together(maps: Sequence[Transform], context: Tensor | None) -> tuple[Tensor, ...]:
    """The parameters of K maps of a kind, (K, ..., size) for each size: the context is multiplied once for all."""
    owners = [of_map.parameters_of for of_map in maps]
    values = torch.stack([owner.free for owner in owners])
    if owners[0].amortised is not None:
        weights = torch.cat([owner.amortised.weight for owner in owners])
        values = F.linear(context, weights, values.flatten()).unflatten(-1, values.shape).movedim(-2, 0)
    return values.split(owners[0].sizes, -1)


def _planar_parameters(u: Tensor, w: Tensor, b: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """u_hat, w, b and the gain 1 + w.u_hat > 0."""
    w_u = (w * u).sum(-1, keepdim=True)
    w_w = w.square().sum(-1, keepdim=True)
    gain = torch.where(w_w > 0, F.softplus(w_u), 1.0)  # w = 0 has no plane: x = z + u tanh(b), a shift
    u_hat = u + (gain - 1 - w_u) * w / _or_one(w_w)
    return u_hat, w, b, gain


def _planar_slope(h: Tensor, gain: Tensor) -> Tensor:
    """log(1 + (1 - h^2) w.u_hat), as a sum of positive terms: no cancellation where w.u_hat is close to -1."""
    return (h.square() + (1 - h.square()) * gain).log()


def _radial_parameters(centre: Tensor, alpha: Tensor, gain: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """c, alpha > 0 and the gain alpha + beta > 0."""
    return centre, F.softplus(alpha), F.softplus(gain)


def _radial_slope(r: Tensor, alpha: Tensor, gain: Tensor, dim: int) -> Tensor:
    """log |det|: dim - 1 directions around the centre, and one along the radius."""
    around = ((r + gain) / (r + alpha)).log()
    along = (r.square() + 2 * alpha * r + alpha * gain).log() - 2 * (r + alpha).log()
    return (dim - 1) * around + along


def _of_points(z: Tensor, *parameters: Tensor, numbers: bool = False) -> list[Tensor]:
    """Parameters (K, ..., size) for each of the N points z (..., D): (K, N, size), or (K, N) where size is 1."""
    whole = [_beside(p, z).expand(-1, *z.shape[:-1], -1).flatten(1, -2) for p in parameters]
    return [p.squeeze(-1) for p in whole] if numbers else whole


def _beside(parameters: Tensor, z: Tensor) -> Tensor:
    """(K, ..., size), its dimensions between those of z: they broadcast against K such tensors in a stack."""
    return parameters[(slice(None), *[None] * (z.dim() + 1 - parameters.dim()))]


def _norm(difference: Tensor) -> Tensor:
    # The tiny floor keeps the gradient finite at the centre.
    return difference.square().sum(-1, keepdim=True).clamp_min(1e-30).sqrt()


def _reflect(z: Tensor, mirrors: Sequence[Tensor]) -> Tensor:
    """Householder reflections, one after the other; in the opposite order they undo each other."""
    for v in mirrors:
        z = z - 2 * v * (v * z).sum(-1, keepdim=True) / _or_one(v.square().sum(-1, keepdim=True))
    return z


def _or_one(square: Tensor) -> Tensor:
    """1 in the place of 0, so that a vector of no length changes nothing and has finite gradients."""
    return torch.where(square > 0, square, 1.0)


def _triangle(matrix: Tensor) -> Tensor:
    """The upper triangle, its diagonal through tanh."""
    diagonal = torch.diag_embed(torch.tanh(matrix.diagonal(dim1=-2, dim2=-1)))
    return matrix.triu(1) + diagonal


def _times(matrix: Tensor, vector: Tensor) -> Tensor:
    return (matrix @ vector.unsqueeze(-1)).squeeze(-1)
