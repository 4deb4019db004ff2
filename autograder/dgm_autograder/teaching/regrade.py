"""Grade a class again after a check was fixed: first who changes by how much and why, then, asked for, the change.

Everything is graded once more beside the course, against a copy of the gradebook, on the inputs of the first time: what
differs, differs because of the checks. `apply` takes over the very marks that were shown; it grades nothing.
"""

import hashlib
import json
import os
import shutil
from dataclasses import asdict, dataclass
from pathlib import Path

from dgm_tutor.files import write_bytes
from nbgrader.api import Gradebook
from sqlalchemy import delete, insert

from dgm_autograder.intake import DONE
from dgm_autograder.teaching import postgres
from dgm_autograder.teaching.backup import backup, sqlite
from dgm_autograder.teaching.course import SETTINGS, Course, nbgrader
from dgm_autograder.teaching.late import POLICY
from dgm_autograder.verdicts import VERDICTS, found

FOLDER = ".regrade"
PREVIEW = "preview.json"
"""Written last: a shadow without it was broken off."""


SHADOWED = """# The course's settings, elsewhere.
exec(compile(open({settings!r}).read(), {settings!r}, "exec"), {{**globals(), "__file__": {settings!r}}})
c = get_config()
c.CourseDirectory.root = {root!r}
c.CourseDirectory.db_url = {url!r}
c.SealedExecute.again = True
"""


@dataclass(frozen=True)
class Change:
    """A mark that changes; `score` counts a mark typed by hand before the grader's, so it may stay the same."""

    student: str
    question: str
    auto_before: float | None
    auto_after: float | None
    score_before: float
    score_after: float
    why: str


def preview(course: Course, assignment: str) -> list[Change]:
    """Grade the class again in the shadow; who changes. Nothing of the course is touched."""
    shadow = _shadow(course, assignment)
    nbgrader(shadow, "autograde", assignment)
    left = sorted(
        {student for student, _ in _marks(course.db_url, assignment)} - set(_regraded(course, shadow, assignment))
    )
    if left:
        raise RuntimeError(f"not graded again, is it still in submitted/?: {', '.join(left)}. Nothing was changed")
    before, after = _marks(course.db_url, assignment), _marks(_url(shadow), assignment)
    changes = [
        Change(
            *key,
            before[key]["auto"],
            after[key]["auto"],
            before[key]["score"],
            after[key]["score"],
            _why(before[key], after[key]),
        )
        for key in sorted(before)
        if before[key]["auto"] != after[key]["auto"]
    ]
    stands = {"changes": [asdict(change) for change in changes], "gradebook": _state(before)}
    write_bytes(shadow / PREVIEW, json.dumps(stands, indent=1).encode())
    return changes


def apply(course: Course, assignment: str) -> tuple[list[Change], Path]:
    """Take over what the last preview showed; the changes, and the gradebook's copy from before.

    Raises `ValueError` where there is no preview, or where marks changed since it was made.
    """
    shadow = course.folder / FOLDER / assignment
    if not (shadow / PREVIEW).is_file():
        raise ValueError(f"nothing was previewed: run `dgm-tutor class regrade {assignment}` first, and look at it")
    stands = json.loads((shadow / PREVIEW).read_text())
    if stands["gradebook"] != _state(_marks(course.db_url, assignment)):
        raise ValueError(f"marks changed since the preview: run `dgm-tutor class regrade {assignment}` again")
    kept = backup(course, label=f"-before-regrade-{assignment}")
    _take_marks(course, shadow, assignment)
    _take_results(course, shadow, assignment)
    shutil.rmtree(shadow)
    return [Change(**change) for change in stands["changes"]], kept


def _shadow(course: Course, assignment: str) -> Path:
    """A course of its own: a copy of the gradebook, and the same submissions, source and settings."""
    shadow = course.folder / FOLDER / assignment
    shutil.rmtree(shadow, ignore_errors=True)
    shadow.mkdir(parents=True, mode=0o700)
    with course.gradebook() as gradebook:
        if not course.submissions(gradebook, assignment):
            raise ValueError(f"nobody's {assignment} is graded yet: run `nbgrader autograde {assignment}`")
    copy = shadow / "gradebook.db"
    if course.database is None:
        postgres.rows(course.db_url, copy)
    else:
        sqlite(course.database, copy)
    for step in ("source", "submitted"):
        name = getattr(course.app.coursedir, f"{step}_directory")
        (shadow / name).symlink_to(course.folder / name)
    if (course.folder / POLICY).is_file():
        (shadow / POLICY).symlink_to(course.folder / POLICY)
    settings = SHADOWED.format(settings=str(course.folder / SETTINGS), root=str(shadow), url=_url(shadow))
    write_bytes(shadow / SETTINGS, settings.encode())
    return shadow


def _url(shadow: Path) -> str:
    return f"sqlite:///{shadow / 'gradebook.db'}"


def _marks(url: str, assignment: str) -> dict[tuple[str, str], dict]:
    """Every mark by student and question, with what was found."""
    with Gradebook(url) as gradebook:
        known = found(gradebook.db)
        return {
            (submission.student.id, grade.name): {
                "auto": grade.auto_score,
                "manual": grade.manual_score,
                "score": float(grade.score),
                **known.get(grade.id, {"outcome": "", "slip": None}),
            }
            for submission in gradebook.assignment_submissions(assignment)
            for notebook in submission.notebooks
            for grade in notebook.grades
        }


def _state(marks: dict[tuple[str, str], dict]) -> str:
    """A fingerprint of the marks."""
    rows = [[*key, mark["auto"], mark["manual"], mark["score"]] for key, mark in sorted(marks.items())]
    return hashlib.sha256(json.dumps(rows).encode()).hexdigest()


def _why(before: dict, after: dict) -> str:
    """The two verdicts."""
    told = [
        " ".join([mark["outcome"] or "unknown", *([f"({mark['slip']})"] if mark["slip"] else [])])
        for mark in (before, after)
    ]
    return " → ".join(told) if told[0] != told[1] else f"{told[0]}, for another share of the points"


def _take_marks(course: Course, shadow: Path, assignment: str) -> None:
    """The grader's marks, verdicts and comments; what people typed stays."""
    with Gradebook(_url(shadow)) as graded, course.gradebook() as gradebook:
        known = found(graded.db)
        for submission in gradebook.assignment_submissions(assignment):
            for notebook in submission.notebooks:
                new = graded.find_submission_notebook(notebook.name, assignment, submission.student.id)
                marks = {grade.id: grade for grade in new.grades}
                for grade in notebook.grades:
                    if grade.manual_score is None or grade.auto_score != marks[grade.id].auto_score:
                        grade.needs_manual_grade = marks[
                            grade.id
                        ].needs_manual_grade  # a typed mark is to be seen again
                    grade.auto_score = marks[grade.id].auto_score
                said = {comment.id: comment.auto_comment for comment in new.comments}
                for comment in notebook.comments:
                    comment.auto_comment = said.get(comment.id)
                notebook.late_submission_penalty = new.late_submission_penalty
                gradebook.db.execute(delete(VERDICTS).where(VERDICTS.c.grade_id.in_(marks)))
                for identity in marks:
                    if identity in known:
                        gradebook.db.execute(insert(VERDICTS).values(grade_id=identity, **known[identity]))
        gradebook.db.commit()  # all of it or nothing


def _take_results(course: Course, shadow: Path, assignment: str) -> None:
    """The autograded notebooks. Cut off here, marks are right already and `nbgrader autograde` makes the rest again."""
    for student in _regraded(course, shadow, assignment):
        new, old = _result(course, shadow, student, assignment), course.place("autograded", student, assignment)
        aside = old.with_name(f".{old.name}.old")
        shutil.rmtree(aside, ignore_errors=True)
        old.parent.mkdir(parents=True, exist_ok=True)
        if old.exists():
            old.rename(aside)
        shutil.move(new, old)
        shutil.rmtree(aside, ignore_errors=True)


def _result(course: Course, shadow: Path, student: str, assignment: str) -> Path:
    return shadow / course.place("autograded", student, assignment).relative_to(course.folder)


def _regraded(course: Course, shadow: Path, assignment: str) -> list[str]:
    """The students with a finished result in the shadow."""
    students = sorted(os.listdir(shadow / course.app.coursedir.autograded_directory))
    return [student for student in students if (_result(course, shadow, student, assignment) / DONE).is_file()]
