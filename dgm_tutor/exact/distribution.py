"""What finite tables and linear Gaussians share: named axes, the chain rule, divergences as expectations."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable
from typing import Any, NamedTuple, Self

import torch
from torch import Tensor


class NoClosedForm(NotImplementedError):
    """The quantity has no closed form in this world (the JSD of two Gaussians, say)."""


def names(axes: str | Iterable[str]) -> tuple[str, ...]:
    """``"z1, x1"`` (or an iterable of names) as a tuple. Raises ValueError on a bad or repeated name."""
    parts = [a.strip() for a in axes.split(",")] if isinstance(axes, str) else list(axes)
    parts = [a for a in parts if a] if parts == [""] else parts
    if bad := [a for a in parts if not a.isidentifier()]:
        raise ValueError(f"axis names must be like 'x' or 'z1', got {bad} in {axes!r}")
    if len(set(parts)) < len(parts):
        raise ValueError(f"an axis appears twice in {axes!r}")
    return tuple(parts)


class Factor(NamedTuple):
    """Which variables a (conditional) distribution is over: ``Factor.parse("z2 | z1, x1")``."""

    left: tuple[str, ...]
    given: tuple[str, ...]

    @classmethod
    def parse(cls, text: str | Factor) -> Factor:
        if isinstance(text, Factor):
            return text
        left, bar, given = text.partition("|")
        if "|" in given or (bar and not given.strip()) or not left.strip():
            raise ValueError(f"a factor is written 'x', 'x, z' or 'z2 | z1, x1', got {text!r}")
        names(f"{left},{given}" if bar else left)  # no variable on both sides
        return cls(names(left), names(given))

    @property
    def axes(self) -> tuple[str, ...]:
        """Left, then given: the order of a table's dimensions after its batch dimensions."""
        return self.left + self.given

    def __str__(self) -> str:
        return ", ".join(self.left) + (" | " + ", ".join(self.given) if self.given else "")


class Distribution(ABC):
    """p(left | given) in closed form, batched, in float64; everything is in nats.

    ``expect`` averages a function of the named variables (a log density, say). A mean over all variables is a
    tensor of shape (*batch); one that still depends on some is again a function, to be averaged by the next
    distribution: ``p_data.expect(q.kl(prior))`` is E_{p_data}[KL(q(z|x) || p(z))].
    """

    factor: Factor

    @property
    def left(self) -> tuple[str, ...]:
        return self.factor.left

    @property
    def given(self) -> tuple[str, ...]:
        return self.factor.given

    @abstractmethod
    def __mul__(self, other: Self) -> Self:
        """The chain rule: p(z) * p(x | z) is p(x, z), p(a | c) * p(b | a, c) is p(a, b | c)."""

    @abstractmethod
    def marginal(self, axes: str | Iterable[str]) -> Self:
        """p(axes | given), the other variables on the left summed out."""

    @abstractmethod
    def conditional(self, axes: str | Iterable[str], given: str | Iterable[str]) -> Self:
        """Bayes' rule: p(axes | given, and what was given already)."""

    @abstractmethod
    def log(self) -> Any:
        """log p(left | given), a function of the variables in ``factor.axes``."""

    @abstractmethod
    def expect(self, function: Any) -> Any:
        """E_{p(left | given)}[function]: a tensor (*batch), or a function of the variables that are left."""

    @abstractmethod
    def mix(self, other: Self, weight: float | Tensor) -> Self:
        """(1 - weight) p + weight other. Raises NoClosedForm where a mixture leaves the family."""

    @property
    @abstractmethod
    def batch_shape(self) -> tuple[int, ...]:
        """The dimensions in front of the distribution's own."""

    @abstractmethod
    def expand(self, batch: tuple[int, ...]) -> Self:
        """The same distribution in every world of a batch."""

    @abstractmethod
    def __getitem__(self, index: Any) -> Self:
        """The distribution(s) at ``index`` of the batch."""

    def entropy(self) -> Any:
        """H(left | given = .) = -E[log p]: a tensor (*batch), or a function of what is given."""
        return -self.expect(self.log())

    def cross_entropy(self, other: Self) -> Any:
        """-E_self[log other]."""
        return -self.expect(other.log())

    def kl(self, other: Self) -> Any:
        """KL(self || other) over the left variables: a tensor, or a function of what either is given."""
        self._require_same_left(other)
        return self.expect(self.log() - other.log())

    def mutual_information(self, a: str, b: str) -> Tensor:
        """MI(a; b) = KL(p(a, b) || p(a) p(b)): the distance from independence."""
        joint = self.marginal(names(a) + names(b))
        return joint.kl(joint.marginal(a) * joint.marginal(b))

    def jsd(self, other: Self) -> Any:
        """Jensen-Shannon divergence with its halves, in [0, log 2]. Raises NoClosedForm for Gaussians."""
        self._require_same_left(other)
        middle = self.mix(other, 0.5)
        return 0.5 * self.kl(middle) + 0.5 * other.kl(middle)

    def _require_same_left(self, other: Distribution) -> None:
        if set(self.left) != set(other.left):
            raise ValueError(f"a divergence compares the same variables, got p({self.factor}) and p({other.factor})")

    def _chain(self, other: Distribution) -> tuple[Distribution, Distribution, Factor]:
        """(first, second, factor of the product), where ``first`` is not conditioned on ``second``."""
        first, second = (self, other) if not set(self.given) & set(other.left) else (other, self)
        if set(first.given) & set(second.left) or set(first.left) & set(second.left):
            raise ValueError(f"p({self.factor}) and p({other.factor}) are no two steps of a chain rule")
        given = dict.fromkeys(a for a in first.given + second.given if a not in first.left)
        return first, second, Factor(first.left + second.left, tuple(given))

    def _split(self, axes: str | Iterable[str], given: str | Iterable[str] = ()) -> Factor:
        """The factor of p(axes | given, self.given), after checking that the names are on the left."""
        want, known = names(axes), names(given)
        if missing := [a for a in want + known if a not in self.left]:
            raise ValueError(f"p({self.factor}) has no {missing} on the left of its bar")
        return Factor(want, known + self.given)


def product(factors: Iterable[Distribution]) -> Distribution:
    """The chain rule over a sequence of factors, taken in an order in which each one's condition is known."""
    first, *rest = factors
    for factor in rest:
        first = first * factor
    return first


def as_float64(values: Any) -> Tensor:
    """A float64 tensor; gradients keep flowing when ``values`` is a tensor that requires them."""
    return torch.as_tensor(values, dtype=torch.float64)
