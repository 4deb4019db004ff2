"""A mark with its reason, as it stands in the notebook that goes back."""

from dataclasses import dataclass, replace
from html import escape

from dgm_tutor.checks.judge import Verdict
from dgm_tutor.checks.report import Report


@dataclass(frozen=True)
class Found:
    """What the gradebook keeps: the outcome, the slip by name, the inputs' seed."""

    outcome: str
    slip: str | None = None
    seed: int | None = None


@dataclass(frozen=True)
class Mark:
    """A verdict worth `score` of `points`, as it is told to the student; `flag` asks an instructor to look.

    `seed` drew the inputs and may be shown; `found` is the whole truth, for the instructor.
    """

    verdict: Verdict
    score: float
    points: float
    seed: int | None
    flag: str
    found: Found

    def flagged(self, why: str) -> "Mark":
        """The same mark with one more reason to look at it."""
        return replace(self, flag="; ".join(dict.fromkeys(filter(None, (self.flag, why)))))

    def text(self) -> str:
        """One paragraph of plain text."""
        lines = [str(self._report()), f"{self.score:g} of {self.points:g} points."]
        lines += [f"Flagged for the instructor: {self.flag}."] if self.flag else []
        lines += [f"Checked on inputs drawn with seed {self.seed}."] if self.seed is not None else []
        return "\n".join(lines)

    def html(self) -> str:
        """The same as an accessible box."""
        rest = self.text().split("\n")[2:]
        return self._report()._repr_html_() + "".join(f"<p>{escape(line)}</p>" for line in rest)

    def _report(self) -> Report:
        return Report(self.verdict.outcome, "hidden check", self.verdict.message, self.verdict.slip)


def zero(points: float, why: str, flag: str) -> Mark:
    """Nothing earned, and why."""
    return Mark(Verdict("raised", 0.0, why), 0.0, points, None, flag, Found("raised"))
