"""Is an assignment fit to be released: every solution passes, every stub fails, every wrong answer fails."""

import copy
import json
import tempfile
from dataclasses import dataclass
from pathlib import Path

from dgm_tutor.files import write_bytes
from nbgrader.api import Gradebook
from nbgrader.apps import NbGraderAPI

from dgm_autograder.assignment import Assignment
from dgm_autograder.generate import source_path
from dgm_autograder.matrix import matrix
from dgm_autograder.notebook import source_notebook
from dgm_autograder.teaching.course import Course

SOLUTION, STUB = "solution", "stub"


@dataclass(frozen=True)
class Finding:
    """What was tried, whether it holds, and what is wrong."""

    claim: str
    holds: bool
    note: str = ""


def check(course: Course, name: str, seeds: int, jobs: int) -> list[Finding]:
    """Everything that must hold before students get `name`; banked answers are asked on `seeds` draws of the inputs."""
    public = course.assignment(name, private=False)
    findings = [_current(public)]
    rows = matrix(public.folder, seeds, jobs, overlay=course.overlay)
    for kind, verdict in (("right", "accepted"), ("wrong", "refused")):
        count = sum(getattr(row, kind) for row in rows)
        flips = [f"{row.exercise}: {flip}" for row in rows for flip in row.flipped if flip.startswith(f"{kind}/")]
        claim = f"{count} {kind} answers are {verdict}, on {seeds} {'draw' if seeds == 1 else 'draws'} each"
        findings.append(Finding(claim, not flips, "; ".join(flips)))
    points = {exercise.name: float(exercise.points) for exercise in public.exercises}
    marks = _graded(course, public)
    for student, claim in ((SOLUTION, "the solution earns every point"), (STUB, "the stubs earn nothing")):
        earned = points if student == SOLUTION else dict.fromkeys(points, 0.0)
        off = [f"{n}: {marks[student][n]:g} of {points[n]:g}" for n in points if marks[student][n] != earned[n]]
        findings.append(Finding(f"{claim}, graded like a student's", not off, "; ".join(off)))
    return findings


def _current(public: Assignment) -> Finding:
    """Whether the source notebook is what the exercises make."""
    path = source_path(public)
    same = path.is_file() and json.loads(path.read_text()) == json.loads(source_notebook(public))
    note = "" if same else f"run `dgm-tutor exercises {public.name}`: {path} is not what exercise.py says"
    return Finding("the source notebook is made from these exercises", same, note)


def _graded(course: Course, public: Assignment) -> dict[str, dict[str, float]]:
    """The marks of the solution and of the release as it is, in a course of their own with this course's settings."""
    name = public.name
    with tempfile.TemporaryDirectory(prefix="dgm-check-") as top:
        folder = Path(top).resolve()
        settings = copy.deepcopy(course.config)
        settings.CourseDirectory.root = str(folder)
        settings.CourseDirectory.db_url = url = f"sqlite:///{folder / 'gradebook.db'}"
        api = NbGraderAPI(config=settings)
        solved = source_notebook(public).encode()
        write_bytes(folder / "source" / name / f"{name}.ipynb", solved)
        _done(api.generate_assignment(name))
        released = (folder / "release" / name / f"{name}.ipynb").read_bytes()
        for student, notebook in ((SOLUTION, solved), (STUB, released)):
            write_bytes(folder / "submitted" / student / name / f"{name}.ipynb", notebook)
            _done(api.autograde(name, student))
        with Gradebook(url) as gradebook:
            grades = {s: gradebook.find_submission_notebook(name, name, s).grades for s in (SOLUTION, STUB)}
            return {s: {g.name: g.auto_score for g in of} for s, of in grades.items()}


def _done(result: dict) -> None:
    if not result["success"]:
        raise RuntimeError(f"the check broke off: {result.get('log') or result.get('error')}")
