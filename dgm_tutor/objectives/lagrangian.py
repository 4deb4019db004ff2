"""Constraints with dual ascent (section 11): min_theta max_lambda f + sum_i lambda_i scale_i (g_i - bound_i),
lambda_i >= 0.

The multipliers are a player: they ascend where a constraint is broken and fall to their floor where it is slack.
"""

import math
from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor, nn

from dgm_tutor.objectives.draw import Draw
from dgm_tutor.objectives.objective import Loss, Objective, Term, Weight


@dataclass(frozen=True)
class Constraint:
    """``what`` <= ``bound`` in expectation: for example -ELBO, ``distortion + rate``, at most 86 nats.

    ``scale`` is the price of one unit of excess at a multiplier of 1, in nats: what is measured in small numbers, as an
    MMD is, needs a large one to be heard beside nats.
    """

    name: str
    what: Term | Objective
    bound: float
    scale: float = 1.0

    def __post_init__(self):
        if not (math.isfinite(self.bound) and 0 < self.scale < math.inf):
            raise ValueError(
                f"{self.name}: bound={self.bound!r}, scale={self.scale!r}: expected a finite bound and a scale > 0"
            )

    @cached_property
    def excess(self) -> Term:
        """what - bound: positive where the constraint is broken."""
        objective = 1.0 * self.what
        return Term(self.name, rf"\left({objective.latex} - {self.bound:g}\right)", self._value)

    def _value(self, draw: Draw) -> Tensor:
        return (1.0 * self.what)(draw).total - self.bound


class Lagrangian(nn.Module):
    """An objective under constraints, and their multipliers, e^rho in [floor, ceiling] (LagVAE: 0.001 to 100).

    A ceiling above zero keeps the game bounded where the constraints cannot be met, a floor keeps each in sight.

    Args:
        objective: what is minimised.
        constraints: what must hold.
        initial: every constraint's first price, multiplier times scale, as far as floor and ceiling let it: a large
            scale is for an excess that stays, and at the start would drown the objective.
    """

    def __init__(
        self,
        objective: Term | Objective,
        constraints: list[Constraint],
        floor: float = 1e-3,
        ceiling: float = 100.0,
        initial: float = 1.0,
    ):
        super().__init__()
        if not 0 < floor <= initial <= ceiling < math.inf:
            raise ValueError(f"expected 0 < floor <= initial <= ceiling, got {floor}, {initial}, {ceiling}")
        names = [constraint.name for constraint in constraints]
        if not names or len(set(names)) < len(names):
            raise ValueError(f"expected at least one constraint, each with a name of its own, got {names}")
        self.base, self.constraints = 1.0 * objective, tuple(constraints)
        self.low, self.high = math.log(floor), math.log(ceiling)
        first = torch.tensor([math.log(initial / constraint.scale) for constraint in constraints])
        self.log_multipliers = nn.Parameter(first.clamp(self.low, self.high))

    @property
    def multipliers(self) -> dict[str, float]:
        """Each constraint's multiplier, by name."""
        names = (constraint.name for constraint in self.constraints)
        return dict(zip(names, self._values().tolist(), strict=True))

    @property
    def primal(self) -> Objective:
        """What the model minimises: the multipliers, as they are when it is asked, are weights like any others."""
        return Primal(self)

    def dual(self, draw: Draw) -> Loss:
        """What the multipliers minimise: minus sum_i log lambda_i scale_i (g_i - bound_i); nothing of the model moves.

        Ascent of the Lagrangian by factors: lambda grows by e^(rate times excess). Its own gradient in log lambda has
        one more lambda, and an optimiser that divides by the size of past gradients then never reaches the floor.
        """
        with torch.no_grad():
            self.log_multipliers.clamp_(self.low, self.high)  # projected, so that the way back starts at the bound
            excess = {c.excess: draw.mean(c.excess.value(draw)) for c in self.constraints}
        terms = {
            term.name: (-multiplier, value)
            for (term, value), multiplier in zip(excess.items(), self.log_multipliers * self._scales(), strict=True)
        }
        total = sum(weight * value for weight, value in terms.values())
        return Loss(total, {name: (weight.detach(), value) for name, (weight, value) in terms.items()})

    def _scales(self) -> Tensor:
        return self.log_multipliers.new_tensor([constraint.scale for constraint in self.constraints])

    def _values(self) -> Tensor:
        return self.log_multipliers.clamp(self.low, self.high).exp()


class Primal(Objective):
    """A Lagrangian as an objective of the model, its multipliers held: f + sum_i lambda_i scale_i (g_i - bound_i)."""

    def __init__(self, lagrangian: Lagrangian):
        self.lagrangian = lagrangian

    @property
    def weights(self) -> dict[Term, Weight]:
        """The objective's own, and each constraint's price as it now is."""
        prices = (self.lagrangian._values() * self.lagrangian._scales()).detach()
        terms = [constraint.excess for constraint in self.lagrangian.constraints]
        return self.lagrangian.base.weights | dict(zip(terms, prices, strict=True))
