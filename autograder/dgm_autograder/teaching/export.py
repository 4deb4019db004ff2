"""Marks for a learning platform's gradebook, as CSV that no spreadsheet runs."""

import csv
import io
from pathlib import Path

from dgm_tutor.files import write_bytes

from dgm_autograder.teaching.course import Course, known
from dgm_autograder.teaching.roster import Person, real, roster

PLATFORMS = ("plain", "canvas", "moodle", "blackboard")


def export(
    course: Course, assignments: list[str], platform: str, output: Path, people: Path | None, titles: dict[str, str]
) -> dict[str, list[str]]:
    """Write the file. Returns what an instructor should know: who waits for a mark, is on no roster, has no mark.

    Scores are after penalties for being late, and never below 0. A platform's file has no row that the platform could
    match with the wrong person, or not at all (Moodle refuses the whole file then): who is not on the roster is in
    `aside(output)` instead. Nor has it a row without a mark, as an empty cell takes a grade away in Canvas and Moodle.
    """
    everyone, names = roster(course, people), real(course)
    marks: dict[tuple[str, str], dict] = {}
    points: dict[str, float] = {}
    with course.gradebook() as gradebook:
        for name in assignments or [assignment.name for assignment in gradebook.assignments]:
            known(gradebook, name)
            points[name] = float(gradebook.find_assignment(name).max_score)
            for submission in course.submissions(gradebook, name):
                student = names.get(submission.student.id, submission.student.id)
                penalty = float(submission.late_submission_penalty or 0.0)
                marks[student, name] = {
                    "submitted": "" if submission.timestamp is None else f"{submission.timestamp:%Y-%m-%d %H:%M:%S}",
                    "raw_score": float(submission.score),
                    "late_penalty": penalty,
                    "score": max(0.0, float(submission.score) - penalty),
                    "waits": bool(submission.needs_manual_grade),
                }
    strangers = sorted({student for student, _ in marks} - set(everyone))
    nameless = {student: Person(student) for student in strangers}
    absent = sorted(set(everyone) - {student for student, _ in marks})
    if platform == "plain":
        _write(output, _plain(everyone | nameless, marks, points))
    else:
        present = {student: person for student, person in everyone.items() if student not in absent}
        _write(output, _wide(present, marks, points, platform, titles))
        if strangers:
            _write(aside(output), _plain(nameless, marks, points))
    waits = sorted(f"{student} ({name})" for (student, name), mark in marks.items() if mark["waits"])
    empty = [f"{s} ({name})" for s in everyone if s not in absent for name in points if (s, name) not in marks]
    return {"waiting": waits, "not on the roster": strangers, "handed nothing in": absent, "without a mark": empty}


def aside(output: Path) -> Path:
    """Where a platform's export puts the marks of those who are not on the roster."""
    return output.with_name(f"{output.stem}-not-on-roster.csv")


def _write(output: Path, table: list[list]) -> None:
    text = io.StringIO()
    csv.writer(text).writerows([[cell(value) for value in row] for row in table])
    write_bytes(output, text.getvalue().encode())


def cell(value: object) -> str:
    """A cell's text. A name that a spreadsheet would take for a formula gets an apostrophe in front."""
    if isinstance(value, float):
        return f"{value:.10g}"
    text = str(value).replace("\x00", "")
    return f"'{text}" if text[:1] in ("=", "+", "-", "@", "\t", "\r", "\n") else text


def _plain(everyone: dict[str, Person], marks: dict, points: dict[str, float]) -> list[list]:
    """A row for each student and assignment."""
    columns = ("submitted", "raw_score", "late_penalty", "score")
    head = ["student_id", "last_name", "first_name", "email", "assignment", *columns, "max_score"]
    rows = [
        [
            p.id,
            p.last_name,
            p.first_name,
            p.email,
            name,
            *(marks.get((p.id, name), {}).get(c, "") for c in columns),
            most,
        ]
        for p in everyone.values()
        for name, most in points.items()
    ]
    return [head, *rows]


def _wide(
    everyone: dict[str, Person], marks: dict, points: dict[str, float], platform: str, titles: dict
) -> list[list]:
    """A row for each student with a column for each assignment, under the platform's own headings."""
    columns = [titles.get(name, _title(platform, name, most)) for name, most in points.items()]
    if platform == "canvas":
        rows = [["Student", "ID", "SIS User ID", "SIS Login ID", "Section", *columns]]
        rows.append(["    Points Possible", "", "", "", "", *points.values()])
        about = [_canvas(person) for person in everyone.values()]
    elif platform == "moodle":
        rows = [["Username", "ID number", "First name", "Last name", "Email address", *columns]]
        about = [[p.id, p.lms_user_id, p.first_name, p.last_name, p.email] for p in everyone.values()]
    else:
        rows = [["Last Name", "First Name", "Username", "Student ID", *columns]]
        about = [[p.last_name, p.first_name, p.lms_user_id or p.id, p.id] for p in everyone.values()]
    for person, words in zip(everyone.values(), about, strict=True):
        rows.append([*words, *(marks.get((person.id, name), {}).get("score", "") for name in points)])
    return rows


def _canvas(p: Person) -> list[str]:
    """Name, Canvas's own number, and the id in both columns where Canvas then looks; but its number is no SIS id."""
    sis = "" if p.id == p.lms_user_id else p.id
    return [f"{p.last_name}, {p.first_name}".strip(", ") or p.id, p.lms_user_id, sis, sis, ""]


def _title(platform: str, name: str, most: float) -> str:
    return f"{name} [Total Pts: {most:g} Score]" if platform == "blackboard" else name
