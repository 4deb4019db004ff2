"""Who is in the class: roster.csv, and the pseudonyms that stand for its people while they are graded."""

import csv
from dataclasses import dataclass, fields
from pathlib import Path

from dgm_autograder.pseudonyms import Pseudonyms
from dgm_autograder.teaching.course import Course

FILE = "roster.csv"


@dataclass(frozen=True)
class Person:
    """As in nbgrader's `db student import`; `lms_user_id` is what the learning platform calls them."""

    id: str
    first_name: str = ""
    last_name: str = ""
    email: str = ""
    lms_user_id: str = ""


def roster(course: Course, file: Path | None = None) -> dict[str, Person]:
    """The class by student id: from `file`, by default roster.csv in the course's folder, else from the gradebook."""
    default = course.folder / FILE
    if file is None and not default.is_file():
        if pseudonyms(course):
            return {}
        with course.gradebook() as gradebook:
            names = [field.name for field in fields(Person)]
            people = [Person(*(getattr(student, name) or "" for name in names)) for student in gradebook.students]
    else:
        people = _read(file or default)
    return {person.id: person for person in people}


def keep_numbers(course: Course, numbers: list[str]) -> None:
    """Have the gradebook know that these ids are a learning platform's numbers: `export` must not take them for names.

    Not where grading is anonymous, as the gradebook has pseudonyms, nor before there is a gradebook.
    """
    if numbers and not pseudonyms(course) and (course.database is None or course.database.is_file()):
        with course.gradebook() as gradebook:
            for number in numbers:
                gradebook.update_or_create_student(number, lms_user_id=number)


def _read(path: Path) -> list[Person]:
    with open(path, newline="", encoding="utf-8-sig") as file:
        rows = list(csv.DictReader(file))
    if not rows or "id" not in rows[0]:
        raise ValueError(
            f"{path}: expected a CSV file with a column id; it may have first_name, last_name, email, lms_user_id"
        )
    names = [field.name for field in fields(Person)]
    people = [Person(**{name: (row.get(name) or "").strip() for name in names}) for row in rows]
    seen: set[str] = set()
    for person in people:
        if not person.id or person.id in seen:
            raise ValueError(f"{path}: the id {person.id!r} is empty or there twice")
        seen.add(person.id)
    return people


def pseudonyms(course: Course) -> Pseudonyms | None:
    """The course's table, where grading is anonymous: `c.PlainCollect.pseudonyms` names it."""
    path = course.config.PlainCollect.get("pseudonyms", "")
    return Pseudonyms(Path(path)) if path else None


def real(course: Course) -> dict[str, str]:
    """The student behind each pseudonym; empty where grading is not anonymous."""
    table = pseudonyms(course)
    return table.students() if table else {}
