"""Linear Gaussians with named axes: every expectation of a log density is a closed form."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

import torch
from torch import Tensor

from .distribution import Distribution, Factor, NoClosedForm, as_float64, names


def selection(source: dict[str, int], target: Iterable[str]) -> Tensor:
    """The 0/1 matrix that picks the variables ``target`` out of the stacked ``source`` (name: dimension)."""
    rows = torch.eye(sum(source.values()), dtype=torch.float64).split(list(source.values()))
    by_name = dict(zip(source, rows, strict=True))
    picked = [by_name[a] for a in target]
    return torch.cat(picked) if picked else torch.zeros(0, sum(source.values()), dtype=torch.float64)


def apply(matrix: Tensor, vector: Tensor) -> Tensor:
    """matrix (*batch, n, m) @ vector (*batch, m) as (*batch, n)."""
    return (matrix @ vector[..., None])[..., 0]


class Quadratic:
    """v' P v + h' v + c with v the named variables stacked: what log densities, and their means, are here."""

    def __init__(self, sizes: dict[str, int], matrix: Tensor, vector: Tensor, constant: Tensor):
        self.sizes, self.matrix, self.vector, self.constant = sizes, matrix, vector, constant

    def over(self, sizes: dict[str, int]) -> Quadratic:
        """The same function of more variables, in the order of ``sizes``; it ignores the new ones."""
        pick = selection(sizes, self.sizes)
        return Quadratic(sizes, pick.mT @ self.matrix @ pick, apply(pick.mT, self.vector), self.constant)

    def __add__(self, other: Quadratic) -> Quadratic:
        sizes = self.sizes | other.sizes
        a, b = self.over(sizes), other.over(sizes)
        return Quadratic(sizes, a.matrix + b.matrix, a.vector + b.vector, a.constant + b.constant)

    def __mul__(self, scale: float) -> Quadratic:
        return Quadratic(self.sizes, self.matrix * scale, self.vector * scale, self.constant * scale)

    __rmul__ = __mul__

    def __neg__(self) -> Quadratic:
        return self * -1.0

    def __sub__(self, other: Quadratic) -> Quadratic:
        return self + -other


class Gaussian(Distribution):
    """p(left | given) = N(weight @ given + bias, cov): float64, batch dimensions in front.

    ``sizes`` gives each variable's dimension; ``weight`` (*batch, L, G) reads the given variables, stacked in
    the factor's order (None without a condition); ``bias`` is (*batch, L), ``cov`` (*batch, L, L) positive
    definite. Raises ValueError when a shape does not fit.
    """

    def __init__(self, factor: str | Factor, sizes: dict[str, int], bias: Any, cov: Any, weight: Any = None):
        self.factor = Factor.parse(factor)
        self.sizes = {a: sizes[a] for a in self.factor.axes}
        rows, columns = self._dim(self.left), self._dim(self.given)
        bias, cov = as_float64(bias), as_float64(cov)
        weight = bias.new_zeros(rows, 0) if weight is None else as_float64(weight)
        got = tuple(bias.shape[-1:]), tuple(cov.shape[-2:]), tuple(weight.shape[-2:])
        if got != (want := ((rows,), (rows, rows), (rows, columns))):
            raise ValueError(f"p({self.factor}) needs bias, cov, weight of shapes {want}, got {got}")
        batch = torch.broadcast_shapes(bias.shape[:-1], cov.shape[:-2], weight.shape[:-2])
        self.bias = bias.expand(*batch, rows)
        self.cov = cov.expand(*batch, rows, rows)
        self.weight = weight.expand(*batch, rows, columns)

    def _dim(self, axes: Iterable[str]) -> int:
        return sum(self.sizes[a] for a in axes)

    def _sizes(self, axes: Iterable[str]) -> dict[str, int]:
        return {a: self.sizes[a] for a in axes}

    @property
    def batch_shape(self) -> tuple[int, ...]:
        return tuple(self.bias.shape[:-1])

    def expand(self, batch: tuple[int, ...]) -> Gaussian:
        return Gaussian(self.factor, self.sizes, self.bias.expand(*batch, -1), self.cov, self.weight)

    def __getitem__(self, index: Any) -> Gaussian:
        return Gaussian(self.factor, self.sizes, self.bias[index], self.cov[index], self.weight[index])

    def __mul__(self, other: Gaussian) -> Gaussian:
        first, second, factor = self._chain(other)
        sizes = self.sizes | other.sizes
        known = {a: sizes[a] for a in factor.given}
        split = first._dim(first.left)
        reads = second.weight @ selection(first._sizes(first.left) | known, second.given)
        gain, rest = reads[..., :split], reads[..., split:]  # what `second` reads of `first`, and of the rest
        first_weight = first.weight @ selection(known, first.given)
        bias = _stack(first.bias[..., None], apply(gain, first.bias)[..., None] + second.bias[..., None])[..., 0]
        weight = _stack(first_weight, rest + gain @ first_weight)
        cross = gain @ first.cov
        top = _stack(first.cov, cross).mT  # first.cov is symmetric: the upper blocks side by side
        bottom = _stack(cross.mT, second.cov + cross @ gain.mT).mT
        return Gaussian(factor, sizes, bias, _stack(top, bottom), weight)

    def marginal(self, axes: str | Iterable[str]) -> Gaussian:
        factor = self._split(axes)
        pick = selection(self._sizes(self.left), factor.left)
        return Gaussian(factor, self.sizes, apply(pick, self.bias), pick @ self.cov @ pick.mT, pick @ self.weight)

    def conditional(self, axes: str | Iterable[str], given: str | Iterable[str]) -> Gaussian:
        factor = self._split(axes, given)
        a, b = (selection(self._sizes(self.left), part) for part in (factor.left, names(given)))
        gain = torch.linalg.solve(b @ self.cov @ b.mT, b @ self.cov @ a.mT).mT
        left = a - gain @ b  # left - gain given: independent of what is given
        weight = torch.cat([gain, left @ self.weight], -1)
        return Gaussian(factor, self.sizes, apply(left, self.bias), left @ self.cov @ left.mT, weight)

    def log(self) -> Quadratic:
        eye = torch.eye(self._dim(self.left), dtype=torch.float64).expand_as(self.cov)
        residual = torch.cat([eye, -self.weight], -1)  # residual @ (left, given) - bias ~ N(0, cov)
        precision = torch.linalg.inv(self.cov)
        scaled = apply(precision, self.bias)
        constant = (self.bias * scaled).sum(-1) + torch.logdet(2 * math.pi * self.cov)
        matrix = -0.5 * residual.mT @ precision @ residual
        return Quadratic(self._sizes(self.factor.axes), matrix, apply(residual.mT, scaled), -0.5 * constant)

    def expect(self, function: Quadratic) -> Tensor | Quadratic:
        all_sizes = self.sizes | function.sizes
        rest = {a: n for a, n in all_sizes.items() if a not in self.left}
        f = function.over(self._sizes(self.left) | rest)
        n, m = self._dim(self.left), sum(rest.values())
        eye = torch.eye(m, dtype=torch.float64).expand(*self.cov.shape[:-2], m, m)
        mean = torch.cat([self.weight @ selection(rest, self.given), eye], -2)  # v = mean @ rest + offset + noise
        offset = torch.cat([self.bias, self.bias.new_zeros(*self.bias.shape[:-1], m)], -1)
        pushed = apply(f.matrix, offset)
        noise = (f.matrix[..., :n, :n] * self.cov).sum((-2, -1))
        constant = f.constant + noise + (offset * (pushed + f.vector)).sum(-1)
        if not rest:
            return constant
        return Quadratic(rest, mean.mT @ f.matrix @ mean, apply(mean.mT, f.vector + 2 * pushed), constant)

    def mix(self, other: Gaussian, weight: float | Tensor) -> Gaussian:
        raise NoClosedForm("a mixture of Gaussians is no Gaussian: the JSD has no closed form here, use finite tables")

    def __repr__(self) -> str:
        return f"Gaussian p({self.factor}), dimensions {self.sizes}" + (
            f", batch {self.batch_shape}" if self.batch_shape else ""
        )


def _stack(top: Tensor, bottom: Tensor) -> Tensor:
    """Row blocks, one above the other, with their batch dimensions broadcast."""
    batch = torch.broadcast_shapes(top.shape[:-2], bottom.shape[:-2])
    return torch.cat([t.expand(*batch, *t.shape[-2:]) for t in (top, bottom)], -2)
