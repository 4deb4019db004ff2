"""A claim of the lecture: what is said, how it is measured, when it counts as seen."""

import statistics
from collections.abc import Callable, Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Figure:
    """One measured quantity: its value for every seed."""

    values: tuple[float, ...]

    @property
    def mean(self) -> float:
        return statistics.fmean(self.values)

    @property
    def standard_error(self) -> float:
        """Of the mean over seeds; infinite for a single seed, which says nothing of the spread."""
        n = len(self.values)
        return statistics.stdev(self.values) / n**0.5 if n > 1 else float("inf")

    @property
    def clearly_positive(self) -> bool:
        """Positive for every seed, and more than two standard errors above zero in the mean."""
        return min(self.values) > 0 and self.mean > 2 * self.standard_error

    def __str__(self) -> str:
        return f"{self.mean:.3g} ± {self.standard_error:.2g}"


Figures = Mapping[str, Figure]


@dataclass(frozen=True)
class Verdict:
    """``kind`` is "confirmed", "qualified" or "not seen at this scale"; ``why`` says it with the numbers."""

    kind: str
    why: str


def confirmed(why: str) -> Verdict:
    """It shows, beyond the spread over seeds."""
    return Verdict("confirmed", why)


def qualified(why: str) -> Verdict:
    """It shows in part, or only under a condition that ``why`` names."""
    return Verdict("qualified", why)


def not_seen(why: str) -> Verdict:
    """It does not show here; ``why`` says what stands in the way as far as it is known."""
    return Verdict("not seen at this scale", why)


@dataclass(frozen=True)
class Claim:
    """One claim.

    Args:
        number: "C1" to "C21".
        section: the lecture's section, number and title.
        statement: what is claimed, in a sentence.
        paper: the paper's figure for it, with its source; or that there is none.
        measure: ``measure(seed, full)`` gives named numbers, units in the name.
        judge: the verdict from those numbers over seeds.
    """

    number: str
    section: str
    statement: str
    paper: str
    measure: Callable[[int, bool], dict[str, float]]
    judge: Callable[[Figures], Verdict]
