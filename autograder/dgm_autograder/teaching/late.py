"""Late days: a budget for each student over the term, a penalty beyond it, due dates and extensions in two files.

`late.toml` in the course's folder is the policy; `extensions.csv` (student, assignment, until) the exceptions. Times
are in the policy's time zone; the gradebook keeps UTC.
"""

import csv
import math
import tomllib
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from nbgrader.api import Gradebook, SubmittedAssignment
from nbgrader.plugins import LateSubmissionPlugin

POLICY, EXTENSIONS = "late.toml", "extensions.csv"
DAY = 86_400
KEYS = {"timezone", "budget", "penalty", "last", "grace", "due"}


@dataclass(frozen=True)
class Policy:
    """`budget` free late days a student and term; beyond them a day costs `penalty` of the score; after `last` days 0.

    A day is begun `grace` minutes after the due time, or after 24 hours more.
    """

    timezone: ZoneInfo
    budget: int = 0
    penalty: float = 0.0
    last: int | None = None
    grace: float = 0.0
    due: dict[str, datetime] = field(default_factory=dict)  # UTC, without a zone, as the gradebook keeps times

    def days(self, seconds: float) -> int:
        """Late days begun."""
        return 0 if seconds <= 60 * self.grace else math.ceil(seconds / DAY)

    def loss(self, score: float, days: int, left: int) -> float:
        """What `days` cost of a score when `left` of the budget are left."""
        if self.last is not None and days > self.last:
            return score
        return score * min(1.0, self.penalty * max(0, days - left))


def policy(folder: Path) -> Policy | None:
    """The course's policy, or None where it has none. Raises `ValueError` saying what is wrong with the file."""
    path = folder / POLICY
    if not path.is_file():
        return None
    try:
        given = tomllib.loads(path.read_text())
    except tomllib.TOMLDecodeError as error:
        raise ValueError(f"{path}: {error}") from error
    if unknown := set(given) - KEYS:
        raise ValueError(f"{path}: unknown {', '.join(sorted(unknown))}; expected some of {', '.join(sorted(KEYS))}")
    try:
        zone = ZoneInfo(given.pop("timezone"))
    except (KeyError, ZoneInfoNotFoundError, ValueError) as error:
        raise ValueError(
            f'{path}: give the time zone of its times, such as timezone = "America/Los_Angeles"'
        ) from error
    due = {name: _utc(when, zone, path) for name, when in given.pop("due", {}).items()}
    made = Policy(zone, due=due, **given)
    for name, least, most in (("budget", 0, 1000), ("penalty", 0, 1), ("grace", 0, 1440), ("last", 0, 1000)):
        value = getattr(made, name)
        if value is not None and not (isinstance(value, (int, float)) and least <= value <= most):
            raise ValueError(f"{path}: {name} = {value!r}; expected a number from {least} to {most}")
    return made


def extensions(folder: Path, zone: ZoneInfo) -> dict[tuple[str, str], datetime]:
    """By student and assignment, until when (UTC); the same line twice is the later one's."""
    path = folder / EXTENSIONS
    if not path.is_file():
        return {}
    with open(path, newline="", encoding="utf-8-sig") as file:
        rows = list(csv.DictReader(file))
    if rows and not {"student", "assignment", "until"} <= set(rows[0]):
        raise ValueError(f"{path}: expected the columns student, assignment, until; it has {', '.join(rows[0])}")
    return {(row["student"].strip(), row["assignment"].strip()): _utc(row["until"].strip(), zone, path) for row in rows}


def _utc(when: object, zone: ZoneInfo, path: Path) -> datetime:
    """A time, in the policy's zone unless it names its own, as UTC without a zone."""
    try:
        time = when if isinstance(when, datetime) else datetime.fromisoformat(str(when))
    except ValueError as error:
        raise ValueError(f"{path}: {when!r} is no time; expected 2026-03-06T23:59:00") from error
    return (time if time.tzinfo else time.replace(tzinfo=zone)).astimezone(UTC).replace(tzinfo=None)


@dataclass(frozen=True)
class Late:
    """One submission: days late, days of the budget used by it, and left before it."""

    assignment: str
    days: int
    used: int
    left: int


def term(policy: Policy, submissions: list[SubmittedAssignment]) -> dict[str, Late]:
    """A student's submissions in the order of their due dates: the budget is spent on the first late ones."""
    left, found = policy.budget, {}
    dated = [submission for submission in submissions if submission.assignment.duedate is not None]
    for submission in sorted(dated, key=lambda s: (s.assignment.duedate, s.name)):
        days = policy.days(submission.total_seconds_late)
        counts = policy.last is None or days <= policy.last  # what is worth nothing costs no days
        used = min(days, left) if counts else 0
        found[submission.name] = Late(submission.name, days, used, left)
        left -= used
    return found


class LateDays(LateSubmissionPlugin):
    """nbgrader's hook, by the course's policy."""

    def late_submission_penalty(self, student_id: str, score: float, total_seconds_late: float) -> float | None:
        """What a notebook loses; called by `AssignLatePenalties`, which knows gradebook and assignment."""
        step = self.parent
        rules = policy(Path(step.config.CourseDirectory.root))
        if rules is None:
            return None
        late = term(rules, _submissions(step.gradebook, student_id)).get(step.assignment_id)
        return (rules.loss(score, late.days, late.left) or None) if late else None


def _submissions(gradebook: Gradebook, student: str) -> list[SubmittedAssignment]:
    return list(gradebook.student_submissions(student))


def apply(gradebook: Gradebook, folder: Path, names: dict[str, str], write: bool = True) -> list[dict]:
    """Bring due dates, extensions and penalties of the gradebook in line with the files; a row for whoever was late.

    `names` has the student behind each pseudonym. Without `write` the rows say what would be.
    """
    rules = policy(folder)
    if rules is None:
        raise ValueError(f"{folder} has no {POLICY}: write one (docs/teaching.md has an example)")
    later, rows = extensions(folder, rules.timezone), []
    for assignment in gradebook.assignments:
        assignment.duedate = rules.due.get(assignment.name, assignment.duedate)
    for student in gradebook.students:
        submissions = _submissions(gradebook, student.id)
        for submission in submissions:
            until = later.get((names.get(student.id, student.id), submission.name))
            due = submission.assignment.duedate
            submission.extension = until - due if until is not None and due is not None else None
        for name, late in term(rules, submissions).items():
            submission = next(s for s in submissions if s.name == name)
            was = float(submission.late_submission_penalty or 0.0)
            for notebook in submission.notebooks:
                loss = rules.loss(float(notebook.score), late.days, late.left)
                if (notebook.late_submission_penalty or 0.0) != loss:
                    notebook.late_submission_penalty = loss or None
            penalty = sum(float(notebook.late_submission_penalty or 0.0) for notebook in submission.notebooks)
            if late.days or was or submission.extension is not None:
                rows.append(
                    {
                        "student": student.id,
                        "assignment": name,
                        "due": _shown(submission.duedate, rules.timezone),
                        "submitted": _shown(submission.timestamp, rules.timezone),
                        "days late": late.days,
                        "from budget": late.used,
                        "left": late.left - late.used,
                        "penalty before": was,
                        "penalty": penalty,
                    }
                )
    if write:
        gradebook.db.commit()
    else:
        gradebook.db.rollback()
    return rows


def _shown(when: datetime | None, zone: ZoneInfo) -> str:
    return "" if when is None else f"{when.replace(tzinfo=UTC).astimezone(zone):%Y-%m-%d %H:%M %Z}"
