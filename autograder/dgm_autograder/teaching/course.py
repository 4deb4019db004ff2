"""A course's folder as nbgrader sees it: settings, gradebook, and nbgrader's own commands run in it."""

import contextlib
import logging
import os
import re
import subprocess
import sys
import warnings
from collections.abc import Iterator
from functools import cached_property
from pathlib import Path

from nbgrader.api import Gradebook, MissingEntry, SubmittedAssignment
from nbgrader.apps.baseapp import NbGrader
from sqlalchemy.engine import make_url
from sqlalchemy.exc import SAWarning

from dgm_autograder.assignment import Assignment, load

SETTINGS = "nbgrader_config.py"


class Course:
    """The course in `folder`, by default the nearest one. Raises `ValueError` where there is none."""

    def __init__(self, folder: Path | None = None):
        here = Path.cwd()
        near = [folder] if folder else [*(p for start in (here, *here.parents) for p in (start, start / "course"))]
        found = next((place for place in near if (place / SETTINGS).is_file()), None)
        if found is None:
            raise ValueError(f"no course in {folder or here}: expected a folder with {SETTINGS}; name it with --course")
        self.folder = found.resolve()
        bin_ = str(Path(sys.executable).parent)  # nbgrader calls `alembic` by its bare name
        if bin_ not in os.environ.get("PATH", "").split(os.pathsep):
            os.environ["PATH"] = os.pathsep.join([bin_, os.environ.get("PATH", "")])
        warnings.filterwarnings("ignore", category=SAWarning)  # nbgrader's own ways with its database
        with contextlib.chdir(self.folder):
            self.app = NbGrader(log_level=logging.ERROR)
            self.app.initialize([], root=str(self.folder))
        self.config = self.app.config

    @property
    def db_url(self) -> str:
        """The gradebook's address."""
        return self.app.coursedir.db_url

    @property
    def database(self) -> Path | None:
        """The gradebook's file, or None where it is no SQLite one."""
        url = make_url(self.db_url)
        return Path(self.folder, url.database) if url.get_backend_name() == "sqlite" else None

    @contextlib.contextmanager
    def gradebook(self) -> Iterator[Gradebook]:
        """The gradebook, which must be there: asking about marks does not make one."""
        if self.database is not None and not self.database.is_file():
            raise ValueError(f"there is no gradebook at {self.database}: begin with `dgm-tutor class release`")
        with Gradebook(self.db_url, self.app.coursedir.course_id) as gradebook:
            yield gradebook

    def submissions(self, gradebook: Gradebook, assignment: str) -> list[SubmittedAssignment]:
        """Everyone's, by student. Raises `ValueError` for an assignment that the gradebook does not know."""
        known(gradebook, assignment)
        return sorted(gradebook.assignment_submissions(assignment), key=lambda submission: submission.student.id)

    def place(self, step: str, student: str, assignment: str) -> Path:
        """One of nbgrader's folders: `step` is source, release, submitted, autograded or feedback."""
        name = getattr(self.app.coursedir, f"{step}_directory")
        return Path(self.app.coursedir.format_path(name, student, assignment))

    @cached_property
    def overlay(self) -> Path | None:
        """The instructor's private overlay, if there is one."""
        place = self.config.SealedExecute.get("overlay", os.environ.get("DGM_OVERLAY", ""))
        return Path(place) if place else None

    def assignment(self, name: str, private: bool = True) -> Assignment:
        """The exercises, under the overlay unless they are for students."""
        folder = Path(self.config.SealedExecute.exercises, name)
        if not folder.is_dir():
            there = ", ".join(sorted(path.parent.name for path in folder.parent.glob("*/checks.py"))) or "none"
            raise ValueError(f"no exercises called {name!r} in {folder.parent}; there are {there}")
        return load(folder, self.overlay if private else None)

    def nbgrader(self, command: str, *arguments: str, quiet: bool = False) -> list[str]:
        """Run one of nbgrader's commands here: see `nbgrader`."""
        return nbgrader(self.folder, command, *arguments, quiet=quiet)


def nbgrader(folder: Path, command: str, *arguments: str, quiet: bool = False) -> list[str]:
    """Run one of nbgrader's commands; its log goes to stderr, of a quiet one what it warns of before it fails.

    Returns what a quiet one warned of. Raises `RuntimeError` where it fails, with nbgrader's last word on it: that is
    what an instructor reads last.
    """
    line = [sys.executable, "-W", "ignore", "-m", "nbgrader", command, *arguments]
    said = {"stderr": subprocess.PIPE, "text": True} if quiet else {}
    done = subprocess.run(line, cwd=folder, stdout=2, **said)
    log = [entry for entry in (done.stderr or "").splitlines() if not re.match(r"\[\w+ \| (INFO|DEBUG)\]", entry)]
    if not done.returncode:
        return log
    failed = f"`nbgrader {command} {' '.join(arguments)}` failed; its log is above"
    if not quiet:
        raise RuntimeError(failed)
    told = [entry for entry in log if re.match(r"\[\w+ \| (ERROR|CRITICAL)\]", entry)]
    reasons = [entry for entry in told if not re.search(f"nbgrader {command} failed$|[|] ERROR. Please see", entry)]
    for entry in log:
        if entry not in told[-1:] + reasons[-1:]:
            print(entry, file=sys.stderr)
    raise RuntimeError(f"nbgrader {command}: {reasons[-1].split('] ', 1)[1]}" if reasons else failed)


def questions(gradebook: Gradebook, assignment: str) -> list[str]:
    """The names of an assignment's questions, in the sheet's order."""
    return [cell.name for book in gradebook.find_assignment(assignment).notebooks for cell in book.source_cells]


def known(gradebook: Gradebook, assignment: str) -> None:
    """Raise `ValueError` for an assignment that the gradebook does not have."""
    try:
        gradebook.find_assignment(assignment)
    except MissingEntry:
        there = ", ".join(a.name for a in gradebook.assignments) or "none"
        raise ValueError(f"no assignment {assignment!r} in the gradebook; there are {there}") from None
