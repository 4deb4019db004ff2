"""Worlds with parameter values and the terms' values on them: what lines are tried on, and what refutes them."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import torch
from torch import Tensor

from .coefficients import Parameter, evaluate
from .derivation import Sum
from .terms import Term
from .worlds import Worlds


class Trial:
    """Many worlds side by side, parameter values for each, every term's value computed once."""

    def __init__(self, world: Any, parameters: dict[str, Tensor]):
        self.world, self.parameters, self._values = world, parameters, {}

    def term(self, term: Term) -> Tensor:
        if term not in self._values:
            self._values[term] = term.value(self.world).expand(self.world.batch_shape)
        return self._values[term]

    def sum(self, terms: Sum) -> Tensor:
        """The value of a line in every world, (count,). Raises NoClosedForm where a term has none here."""
        return sum((evaluate(c, self.parameters) * self.term(t) for t, c in terms.items()), torch.zeros(()).double())

    def counterexample(self, expected: Tensor, given: Tensor, wrong: Tensor) -> Counterexample:
        """The wrong world with the largest difference."""
        i = int(torch.where(wrong, torch.nan_to_num((given - expected).abs(), nan=torch.inf), -1.0).argmax())
        values = {name: v[i].item() for name, v in self.parameters.items()}
        return Counterexample(self.world[i], values, expected[i].item(), given[i].item())


@dataclass(frozen=True)
class Counterexample:
    """One world, its parameters, and the two numbers (nats) that should have agreed there."""

    world: Any
    parameters: dict[str, float]
    expected: float
    given: float

    @property
    def off_by(self) -> float:
        return self.given - self.expected

    def __str__(self) -> str:
        lines = [str(self.world), *(f"{name} = {value:.4g}" for name, value in self.parameters.items())]
        return "On this world:\n" + "\n".join("    " + row for line in lines for row in line.splitlines())


@lru_cache(maxsize=64)
def trials(worlds: Worlds, parameters: tuple[Parameter, ...], seed: int) -> tuple[Trial, ...]:
    """The worlds with a random value of every parameter for each; kept, since many lines are tried on the same ones."""
    generator = torch.Generator().manual_seed(seed)
    return tuple(
        Trial(world, {p.name: p.draw(world.batch_shape[0], generator) for p in parameters})
        for world in worlds(generator)
    )
