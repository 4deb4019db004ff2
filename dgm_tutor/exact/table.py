"""Finite (conditional) probability tables with named axes: every expectation is an exact sum."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import product as combinations
from typing import Any

import torch
from torch import Tensor

from .distribution import Distribution, Factor, as_float64, names


def arrange(values: Tensor, have: tuple[str, ...], want: tuple[str, ...]) -> Tensor:
    """``values`` (*batch, *have) as (*batch, *want), with size 1 for an axis it does not have."""
    batch = values.ndim - len(have)
    order = [batch + have.index(a) for a in want if a in have]
    values = values.permute((*range(batch), *order))
    return values[(..., *(slice(None) if a in have else None for a in want))]


class Function:
    """Values on named axes, (*batch, *axes): a log table, or a divergence that depends on its condition."""

    def __init__(self, axes: Iterable[str], values: Tensor):
        self.axes, self.values = tuple(axes), values

    def _with(self, other: Function | float | Tensor, operation: Any) -> Function:
        if not isinstance(other, Function):  # a number, or one per world (*batch)
            other = Function((), torch.as_tensor(other, dtype=torch.float64))
        axes = tuple(dict.fromkeys(self.axes + other.axes))
        left, right = (arrange(f.values, f.axes, axes) for f in (self, other))
        return Function(axes, operation(left, right))

    def __add__(self, other: Function | float | Tensor) -> Function:
        return self._with(other, torch.add)

    def __sub__(self, other: Function | float | Tensor) -> Function:
        return self._with(other, torch.sub)

    def __mul__(self, other: Function | float | Tensor) -> Function:
        return self._with(other, torch.mul)

    __radd__, __rmul__ = __add__, __mul__

    def __neg__(self) -> Function:
        return Function(self.axes, -self.values)


class Table(Distribution):
    """p(left | given) as a table: ``Table("x | z", probs)`` with ``probs`` (*batch, |x|, |z|), float64.

    The dimensions follow the order in which the factor names its axes; each column (fixed ``given``) sums to
    one. Differentiable with respect to ``probs``; 0 log 0 = 0, also in the gradient. Raises ValueError for a
    tensor with too few dimensions, negative entries or columns that do not sum to one to rounding.
    """

    def __init__(self, factor: str | Factor, probs: Any, check: bool = True):
        self.factor = Factor.parse(factor)
        self.probs = as_float64(probs)
        rounding = 1e-5 if str(getattr(probs, "dtype", "")).endswith("float32") else 1e-8  # torch's or numpy's
        if self.probs.ndim < len(self.factor.axes):
            raise ValueError(
                f"p({self.factor}) needs one dimension per axis {self.factor.axes} (batch dimensions first), "
                f"got a tensor of shape {tuple(self.probs.shape)}"
            )
        if check:
            total = self.probs.sum(self._dims(self.left), keepdim=True)
            if not bool((self.probs >= 0).all()) or not bool(((total - 1).abs() < rounding).all()):
                raise ValueError(
                    f"p({self.factor}) must be non-negative and sum to one over {self.left}: "
                    f"smallest entry {self.probs.min():.3g}, sums from {total.min():.6g} to {total.max():.6g}"
                )
            self.probs = self.probs / total  # what a float32 table rounds off

    @classmethod
    def random(
        cls,
        factor: str | Factor,
        sizes: dict[str, int],
        batch: tuple[int, ...] = (),
        generator: torch.Generator | None = None,
        spread: float = 1.5,
    ) -> Table:
        """A positive random table: softmax of Gaussian logits with deviation ``spread`` (0 = uniform)."""
        factor = Factor.parse(factor)
        shape = [sizes[a] for a in factor.axes]
        logits = spread * torch.randn(*batch, *shape, generator=generator, dtype=torch.float64)
        flat = logits.flatten(len(batch), len(batch) + len(factor.left) - 1)  # softmax over all left axes jointly
        return cls(factor, flat.softmax(len(batch)).reshape(*batch, *shape))

    @property
    def batch_shape(self) -> tuple[int, ...]:
        return tuple(self.probs.shape[: self.probs.ndim - len(self.factor.axes)])

    @property
    def sizes(self) -> dict[str, int]:
        """How many values each variable takes."""
        return dict(zip(self.factor.axes, self.probs.shape[len(self.batch_shape) :], strict=True))

    def _dims(self, axes: Iterable[str]) -> tuple[int, ...]:
        return tuple(self.factor.axes.index(a) - len(self.factor.axes) for a in axes)

    def expand(self, batch: tuple[int, ...]) -> Table:
        return Table(self.factor, self.probs.expand(*batch, *self.sizes.values()), check=False)

    def __getitem__(self, index: Any) -> Table:
        return Table(self.factor, self.probs[index], check=False)

    def __mul__(self, other: Table) -> Table:
        first, second, factor = self._chain(other)
        parts = [arrange(t.probs, t.factor.axes, factor.axes) for t in (first, second)]
        return Table(factor, parts[0] * parts[1], check=False)

    def marginal(self, axes: str | Iterable[str]) -> Table:
        factor = self._split(axes)
        gone = self._dims(a for a in self.left if a not in factor.left)
        kept = tuple(a for a in self.factor.axes if a in factor.axes)
        probs = self.probs.sum(gone) if gone else self.probs
        return Table(factor, arrange(probs, kept, factor.axes), check=False)

    def conditional(self, axes: str | Iterable[str], given: str | Iterable[str]) -> Table:
        """Bayes' rule. Where the condition has probability zero the column is uniform: nothing weighs it."""
        factor = self._split(axes, given)
        joint = self.marginal(names(axes) + names(given))
        known = joint.marginal(given)
        numerator = arrange(joint.probs, joint.factor.axes, factor.axes)
        denominator = arrange(known.probs, known.factor.axes, factor.axes)
        size = 1
        for a in factor.left:
            size *= self.sizes[a]
        possible = denominator > 0
        probs = torch.where(possible, numerator / torch.where(possible, denominator, 1.0), 1.0 / size)
        return Table(factor, probs, check=False)

    def log(self) -> Function:
        positive = self.probs > 0
        safe = torch.where(positive, self.probs, 1.0)  # keeps NaN out of the gradient of log 0
        return Function(self.factor.axes, torch.where(positive, safe.log(), -torch.inf))

    def expect(self, function: Function) -> Tensor | Function:
        rest = tuple(a for a in dict.fromkeys(self.given + function.axes) if a not in self.left)
        axes = rest + self.left
        probs = arrange(self.probs, self.factor.axes, axes)
        values = torch.where(probs > 0, arrange(function.values, function.axes, axes), 0.0)  # 0 log 0 = 0
        mean = (probs * values).sum(tuple(range(-len(self.left), 0)))
        return Function(rest, mean) if rest else mean

    def mix(self, other: Table, weight: float | Tensor) -> Table:
        given = tuple(dict.fromkeys(self.given + other.given))
        factor = Factor(self.left, given)
        a, b = (Function(t.factor.axes, t.probs) for t in (self, other))
        mixed = a + (b + -a) * weight
        return Table(factor, arrange(mixed.values, mixed.axes, factor.axes), check=False)

    def __str__(self) -> str:
        """One line a condition, for tables small enough to read; a batch shows its shape only."""
        if self.batch_shape:
            return f"p({self.factor}): a batch of shape {self.batch_shape}, sizes {self.sizes}"
        columns = combinations(*(range(self.sizes[a]) for a in self.given))
        lines = []
        for column in columns:
            index = (slice(None),) * len(self.left) + column
            where = ", ".join(f"{a}={v}" for a, v in zip(self.given, column, strict=True))
            head = ", ".join(self.left) + (f" | {where}" if where else "")
            lines.append(f"p({head}) = {self._numbers(self.probs[index].tolist())}")
        return "\n".join(lines)

    @classmethod
    def _numbers(cls, values: Any) -> str:
        if isinstance(values, list):
            return "[" + ", ".join(cls._numbers(v) for v in values) + "]"
        return f"{values:.4g}"

    __repr__ = __str__
