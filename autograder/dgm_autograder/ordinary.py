"""nbgrader's ordinary assignments: test cells that run in the student's own kernel, and what they are worth.

Such a mark is made beside the student's code, which can lie about it; the kernel's room keeps it from everything else.
Marks that need proof need exercises (`sealed`).
"""

import math
import re
from dataclasses import dataclass, field
from pathlib import Path

from dgm_tutor.checks.judge import Verdict
from nbformat import NotebookNode

from dgm_autograder.confine import LIBRARY
from dgm_autograder.mark import Found, Mark, zero

SEALED = re.compile(r'^check\("[\w.-]+/[\w.-]+",', re.MULTILINE)  # how a check begins that needs an exercise


@dataclass(frozen=True)
class Ordinary:
    """An assignment without a folder of exercises, in the place of an `Assignment`."""

    folder: Path
    exercises: tuple = ()
    seed: None = None
    provides: list[str] = field(default_factory=lambda: [f"dgm_tutor.{path.stem}" for path in sorted(_rooms())])


def _rooms() -> list[Path]:
    """What an instructor's own notebook may import of dgm_tutor: everything."""
    found = [path for path in LIBRARY.iterdir() if path.suffix == ".py" or (path / "__init__.py").exists()]
    return [path for path in found if path.stem != "__init__"]


def is_test(cell: NotebookNode) -> bool:
    """Whether it is a cell of automatic tests, as nbgrader has them."""
    data = cell.metadata.get("nbgrader", {})
    return cell.cell_type == "code" and bool(data.get("grade")) and not data.get("solution")


def worth(cell: NotebookNode, dead: str, cut: bool) -> Mark:
    """The mark of a test cell that has run: all, nothing after an error, or the number that its last line gave.

    `dead` says why it did not run, `cut` whether outputs were left out. What is no number from 0 to the points is 0
    and flagged. Warnings and progress bars cost nothing.
    """
    points = float(cell.metadata["nbgrader"]["points"])
    if dead:
        return zero(points, f"Not tested: {dead}.", flag=dead)
    errors = [output for output in cell.outputs if output.output_type == "error"]
    if errors:
        why = f"{errors[0].ename}: {errors[0].evalue}"[:300]
        return Mark(Verdict("wrong", 0.0, why), 0.0, points, None, "", Found("wrong"))
    if cut:
        return zero(points, "The tests said too much to tell what they gave.", flag="the tests' output was cut")
    given = next((output.data.get("text/plain", "") for output in cell.outputs if "execution_count" in output), None)
    if given is None:
        return _earned(points, points)
    score = _number(given)
    if not 0 <= score <= points:
        return zero(points, "Partial credit has to be a number.", flag=f"partial credit of {str(given)[:60]!r}")
    return _earned(score, points)


def _earned(score: float, points: float) -> Mark:
    outcome = "right" if score == points else "wrong"
    return Mark(Verdict(outcome, score / points if points else 1.0, "Tested."), score, points, None, "", Found(outcome))


def _number(text: object) -> float:
    """NaN where it is none."""
    try:
        return float(text)
    except (TypeError, ValueError):
        return math.nan
