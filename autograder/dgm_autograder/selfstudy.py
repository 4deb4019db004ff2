"""Grade one notebook with no instructor: a course of one, in a folder of its own, by nbgrader's own steps."""

import logging
import os
import shutil
import sys
import tempfile
import warnings
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


def grade(notebook: Path, assignment: Assignment) -> tuple[list[Score], str]:
    """The scores and the feedback page. Files beside the notebook are handed in with it."""
    with tempfile.TemporaryDirectory(prefix="dgm-grade-") as folder:
        course = Path(folder).resolve()
        name = assignment.name
        write_bytes(course / "source" / name / f"{name}.ipynb", source_notebook(assignment).encode())
        handed_in = course / "submitted" / READER / name
        handed_in.mkdir(parents=True)
        shutil.copyfile(notebook, handed_in / f"{name}.ipynb")
        for extra in notebook.resolve().parent.glob("*.safetensors"):
            shutil.copyfile(extra, handed_in / extra.name)
        (course / "exercises").symlink_to(assignment.folder.parent.resolve())
        forkserver.warm(tuple(assignment.provides))  # it imports while the sheet is made
        scores, page = _cycle(course, name)
    order = [item.name for item in (*assignment.exercises, *assignment.questions)]
    return sorted(scores, key=lambda score: order.index(score.question)), page


def _cycle(course: Path, name: str) -> tuple[list[Score], str]:
    os.environ["PATH"] = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")])  # for alembic
    config = Config()
    configure(config, course)
    logging.getLogger("traitlets").setLevel(logging.ERROR)
    warnings.filterwarnings("ignore", category=SAWarning)  # nbgrader's own ways with its database, no reader's concern
    api = NbGraderAPI(config=config)
    for step in (
        api.generate_assignment,
        lambda a: api.autograde(a, READER),
        lambda a: api.generate_feedback(a, READER),
    ):
        result = step(name)
        if not result["success"]:
            raise RuntimeError(f"grading broke off: {result.get('log') or result.get('error')}")
    with Gradebook(f"sqlite:///{course / 'gradebook.db'}") as gradebook:
        record = gradebook.find_submission_notebook(name, name, READER)
        scores = [
            Score(grade.name, None if grade.auto_score is None else float(grade.auto_score), float(grade.max_score))
            for grade in record.grades
        ]
    return scores, (course / "feedback" / READER / name / f"{name}.html").read_text()
