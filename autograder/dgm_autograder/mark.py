"""A mark with its reason, as it stands in the notebook that goes back."""

from dataclasses import dataclass, replace
from html import escape

from dgm_tutor.checks.judge import Verdict
from dgm_tutor.checks.report import Report


@dataclass(frozen=True)
class Mark:
    """A verdict worth `score` of `points`; `seed` drew the inputs; `flag` asks an instructor to look."""

    verdict: Verdict
    score: float
    points: float
    seed: int | None = None
    flag: str = ""

    def flagged(self, why: str) -> "Mark":
        """The same mark with one more reason to look at it."""
        return replace(self, flag="; ".join(filter(None, (self.flag, why))))

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
    return Mark(Verdict("raised", 0.0, why), 0.0, points, None, flag)
