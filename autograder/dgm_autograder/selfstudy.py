"""Grade one notebook with no instructor: a course of one, in a folder of its own, by nbgrader's own steps."""

import logging
import os
import shutil
import sys
import tempfile
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from dgm_tutor.files import write_bytes
from nbgrader.api import Gradebook
from nbgrader.apps import NbGraderAPI
from sqlalchemy.exc import SAWarning
from traitlets.config import Config

from dgm_autograder import forkserver
from dgm_autograder.assignment import Assignment, load
from dgm_autograder.config import configure
from dgm_autograder.notebook import source_notebook

READER = "reader"
PACKAGED = Path(__file__).parent / "exercises"
CHECKOUT = Path(__file__).resolve().parents[2] / "course" / "exercises"  # of an editable installation


@dataclass(frozen=True)
class Score:
    """One question's points; `score` is None where it is marked by hand."""

    question: str
    score: float | None
    points: float


def find(notebook: Path, name: str | None = None, course: Path | None = None) -> Assignment:
    """The assignment that `notebook` answers: by `name`, or the notebook's own. Raises `ValueError` if unknown."""
    near = [folder / "course" for start in (Path.cwd() / "here", notebook.resolve()) for folder in start.parents]
    places = [folder / "exercises" for folder in ([course] if course else near)] + [PACKAGED, CHECKOUT]
    known: dict[str, Path] = {}
    for place in places:
        for checks in place.glob("*/checks.py"):
            known.setdefault(checks.parent.name, checks.parent)
    wanted = name or notebook.stem
    if wanted not in known:
        raise ValueError(
            f"no exercises called {wanted!r}; there are {', '.join(sorted(known)) or 'none here'}. "
            "Name them with --assignment, and the course's folder with --course."
        )
    return load(known[wanted])


def sheet(assignment: Assignment) -> bytes:
    """The notebook to answer: the questions, and nothing of their answers."""
    with _course(assignment) as course:
        _run(_api(course).generate_assignment, assignment.name)
        return (course / "release" / assignment.name / f"{assignment.name}.ipynb").read_bytes()


def grade(notebook: Path, assignment: Assignment) -> tuple[list[Score], str]:
    """The scores and the feedback page. Files beside the notebook are handed in with it."""
    with _course(assignment) as course:
        name = assignment.name
        handed_in = course / "submitted" / READER / name
        handed_in.mkdir(parents=True)
        shutil.copyfile(notebook, handed_in / f"{name}.ipynb")
        for extra in notebook.resolve().parent.glob("*.safetensors"):
            if extra.is_file():
                shutil.copyfile(extra, handed_in / extra.name)
        forkserver.warm(tuple(assignment.provides))  # it imports while the sheet is made
        scores, page = _cycle(course, assignment)
    order = [item.name for item in (*assignment.exercises, *assignment.questions)]
    return sorted(scores, key=lambda score: order.index(score.question)), page


@contextmanager
def _course(assignment: Assignment) -> Iterator[Path]:
    """A course of this one assignment, gone afterwards."""
    with tempfile.TemporaryDirectory(prefix="dgm-grade-") as folder:
        course, name = Path(folder).resolve(), assignment.name
        write_bytes(course / "source" / name / f"{name}.ipynb", source_notebook(assignment).encode())
        (course / "exercises").symlink_to(assignment.folder.parent.resolve())
        yield course


def _api(course: Path) -> NbGraderAPI:
    os.environ["PATH"] = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")])  # for alembic
    config = Config()
    configure(config, course)
    logging.getLogger("traitlets").setLevel(logging.ERROR)
    warnings.filterwarnings("ignore", category=SAWarning)  # nbgrader's own ways with its database, no reader's concern
    return NbGraderAPI(config=config)


def _run(step: Callable, *arguments: str) -> None:
    result = step(*arguments)
    if not result["success"]:
        raise RuntimeError(f"grading broke off: {result.get('log') or result.get('error')}")


def _cycle(course: Path, assignment: Assignment) -> tuple[list[Score], str]:
    api, name = _api(course), assignment.name
    _run(api.generate_assignment, name)
    _run(api.autograde, name, READER)
    _run(api.generate_feedback, name, READER)
    by_hand = {question.name for question in assignment.questions}  # nbgrader gives an untouched one 0
    with Gradebook(f"sqlite:///{course / 'gradebook.db'}") as gradebook:
        record = gradebook.find_submission_notebook(name, name, READER)
        scores = [
            Score(grade.name, None if grade.name in by_hand else float(grade.auto_score), float(grade.max_score))
            for grade in record.grades
        ]
    return scores, (course / "feedback" / READER / name / f"{name}.html").read_text()
