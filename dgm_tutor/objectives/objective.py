"""The algebra of objectives: terms, weighted sums of terms, the loss a batch gives, and who minimises it."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from numbers import Real

from torch import Tensor, nn

from dgm_tutor.objectives.draw import Draw

Weight = float | Tensor


@dataclass(frozen=True)
class Term:
    """A named summand of an objective.

    ``value(draw)`` gives it per example, (n,) nats, or where it is of the whole batch, as an MMD is, as a scalar;
    ``latex`` is its expectation as the lecture writes it.
    """

    name: str
    latex: str
    value: Callable[[Draw], Tensor]

    def __rmul__(self, weight: Weight) -> "Objective":
        return Objective({self: weight}) if isinstance(weight, (Real, Tensor)) else NotImplemented

    def __add__(self, other: "Term | Objective") -> "Objective":
        return 1.0 * self + other

    def __sub__(self, other: "Term | Objective") -> "Objective":
        return 1.0 * self - other


@dataclass(frozen=True)
class Loss:
    """What an objective is on one batch, in nats per example.

    ``terms`` maps a term's name to (weight, value); ``total`` is the sum of weight * value. Totals are scalars, or
    one number per model for an ensemble.
    """

    total: Tensor
    terms: dict[str, tuple[Weight, Tensor]]

    def __str__(self) -> str:
        summands = [f"{_number(weight)} x {name} {_number(value)}" for name, (weight, value) in self.terms.items()]
        return f"{_number(self.total)} nats = " + _signed(summands)


class Objective:
    """A weighted sum of terms, to be minimised; adding objectives adds them, numbers scale them."""

    def __init__(self, weights: dict[Term, Weight]):
        self.weights = weights

    def __call__(self, draw: Draw) -> Loss:
        values = {term: term.value(draw) for term in self.weights}
        total = sum(draw.mean(_on(values[term], weight) * values[term]) for term, weight in self.weights.items())
        summands = zip(_distinct([term.name for term in self.weights]), self.weights.items(), strict=True)
        return Loss(total, {name: (weight, draw.mean(values[term])) for name, (term, weight) in summands})

    def __add__(self, other: "Term | Objective") -> "Objective":
        if not isinstance(other, (Term, Objective)):
            return NotImplemented
        summed = dict(self.weights)
        for term, weight in (other.weights if isinstance(other, Objective) else {other: 1.0}).items():
            summed[term] = summed.get(term, 0.0) + weight
        return Objective(summed)

    def __sub__(self, other: "Term | Objective") -> "Objective":
        return self + -1.0 * other if isinstance(other, (Term, Objective)) else NotImplemented

    def __rmul__(self, scale: Weight) -> "Objective":
        if not isinstance(scale, (Real, Tensor)):
            return NotImplemented
        return Objective({term: scale * weight for term, weight in self.weights.items()})

    @property
    def latex(self) -> str:
        """The formula, one summand per term, a weight of one left out."""
        return _signed(_coefficient(weight) + term.latex for term, weight in self.weights.items())

    def __str__(self) -> str:
        return _signed(f"{_number(weight)} {term.name}" for term, weight in self.weights.items())

    __repr__ = __str__

    def _repr_latex_(self) -> str:
        return f"$\\displaystyle {self.latex}$"


@dataclass(frozen=True)
class Player:
    """One side of the game: its parameters, and the loss that it, and only it, minimises over them.

    ``rate``: its learning rate as a multiple of the training's. ``first``: in every step it moves before those that are
    not; a critic does, so that the others are judged by what it has just learnt.
    """

    name: str
    parameters: list[nn.Parameter]
    loss: Callable[[Tensor], Loss]
    rate: float = 1.0
    first: bool = False


def _on(value: Tensor, weight: Weight) -> Weight:
    return weight.to(value.device) if isinstance(weight, Tensor) else weight


def _distinct(names: list[str]) -> list[str]:
    """The names, those that stood there before with a number: two MMDs are mmd(z) and mmd(z) 2."""
    before = [names[:i].count(name) for i, name in enumerate(names)]
    return [f"{name} {count + 1}" if count else name for name, count in zip(names, before, strict=True)]


def _signed(summands: Iterable[str]) -> str:
    """The summands added up; one with a negative weight is subtracted."""
    return " + ".join(summands).replace(" + -", " - ")


def _number(value: Weight) -> str:
    if isinstance(value, Tensor) and value.numel() > 1:
        return f"[{value.min().item():.4g} .. {value.max().item():.4g}]"
    return f"{value.item() if isinstance(value, Tensor) else value:.4g}"


def _coefficient(weight: Weight) -> str:
    return "" if isinstance(weight, (int, float)) and weight == 1 else _number(weight) + r"\,"
