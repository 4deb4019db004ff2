"""An instructor's whole way on a small class: marks exact, nothing lost, every change on record."""

import contextlib
import csv
import io
import json
import re
import sqlite3
from pathlib import Path
from types import SimpleNamespace

import pytest
from dgm_autograder.cases import SEEDS
from dgm_autograder.teaching.course import Course
from dgm_autograder.verdicts import found
from nbgrader.api import Gradebook

from dgm_tutor.cli import main

from ..attacks.course import NAME, RIGHT, SmallCourse

pytestmark = pytest.mark.slow

TRIPLED = "def scale(x):\n    return 3 * x"
SLIP = f"# exercise: scale\n# slip: tripled\n# says: Twice, not three times.\n# source: none\n{TRIPLED}\n"
LATE = f"""timezone = "America/Los_Angeles"
budget = 1
penalty = 0.25
grace = 10

[due]
{NAME} = 2026-03-06T23:59:00
"""
ROSTER = """id,first_name,last_name,email,lms_user_id
ann,Ann,Arbor,ann@x.edu,101
bob,Bob,"=cmd|'/C calc'!A0",bob@x.edu,102
cat,Cat,Stevens,cat@x.edu,103
dan,Dan,Dare,dan@x.edu,104
eva,Eva,Lu,eva@x.edu,105
fay,Fay,Wray,fay@x.edu,106
"""
BY_PLAN = {"ann": 0.0, "bob": 3.0, "cat": 0.0, "dan": 0.0, "eva": 0.0}  # the solution says 3 x, by mistake
FIXED = {"ann": 3.0, "bob": 0.0, "cat": 3.0, "dan": 0.0, "eva": 0.0}


def desk(course: SmallCourse, *words: str, code: int = 0):
    """A command of `dgm-tutor class` in the course's folder; its JSON or text."""
    said, told = io.StringIO(), io.StringIO()
    with contextlib.chdir(course.folder), contextlib.redirect_stdout(said), contextlib.redirect_stderr(told):
        left = main(["class", *words])
    assert left == code, f"{words}: exit code {left}\n{said.getvalue()}\n{told.getvalue()[-3000:]}"
    return json.loads(said.getvalue()) if "--json" in words else said.getvalue().strip() + told.getvalue()


def written(said: str) -> Path:
    """The file that a command says it wrote."""
    return Path(re.search(r"Wrote ([^:\n]+)", said)[1])


def marks(course: SmallCourse, question: str) -> dict[str, float]:
    return {student: grades[question][0] for student, grades in course.grades().items()}


def seeds(course: SmallCourse) -> dict[str, int]:
    """Of the inputs of every mark."""
    with Gradebook(course.db_url) as gradebook:
        return {grade: verdict["seed"] for grade, verdict in found(gradebook.db).items()}


def hand_in(course: SmallCourse) -> None:
    """Times are UTC: the sheet is due at 07:59 of March 7."""
    on_time, next_day, third_day = "2026-03-07 07:50:00 UTC", "2026-03-08 07:00:00 UTC", "2026-03-09 09:00:00 UTC"
    worded = course.solved()
    next(cell for cell in worded["cells"] if cell["id"] == "words")["source"] = "Because it adds."
    tripled = course.solved(answers={**RIGHT, "scale": TRIPLED})
    for student, notebook, when in (
        ("ann", worded, on_time),
        ("bob", tripled, third_day),  # three days begun: one from the budget, two for 25 % each
        ("cat", course.solved(), third_day),  # has an extension
        (
            "dan",
            course.solved(answers={**RIGHT, "total": "def total(x, y):\n    import os\n    os._exit(1)"}),
            next_day,
        ),
        ("eva", course.release, on_time),
    ):
        course.submit(student, notebook, {"timestamp.txt": when})


@pytest.fixture(scope="module")
def term(tmp_path_factory) -> SimpleNamespace:
    """A class from grading to a regrade, with what every command said on the way."""
    course, said = SmallCourse(tmp_path_factory.mktemp("term")), {}
    exercise = course.folder / "exercises" / NAME / "exercise.py"
    (exercise.parent / "wrong" / "scale_tripled.py").write_text(SLIP)
    exercise.write_text(exercise.read_text().replace("2 * x", "3 * x"))
    for name, text in (("late.toml", LATE), ("roster.csv", ROSTER)):
        (course.folder / name).write_text(text)
    (course.folder / "extensions.csv").write_text(f"student,assignment,until\ncat,{NAME},2026-03-09T23:59\n")
    hand_in(course)
    assert "--jobs 0" in desk(course, "grade", NAME, "--jobs", "0", code=1)
    said["grade"] = desk(course, "grade", NAME, "--jobs", "2", "--json")
    said["first"], said["inputs"] = marks(course, "scale"), seeds(course)
    with Gradebook(f"sqlite:///{course.folder / 'gradebook.db'}") as gradebook:  # as Formgrader does
        for student, question, mark in (("dan", "total", 1.0), ("cat", "scale", 2.0)):
            grade = gradebook.find_grade(question, NAME, NAME, student)
            grade.manual_score, grade.needs_manual_grade = mark, False
        gradebook.db.commit()
    said["backup"] = written(desk(course, "backup"))
    exercise.write_text(exercise.read_text().replace("3 * x", "2 * x"))
    said["preview"] = desk(course, "regrade", NAME, "--json")
    said["untouched"] = marks(course, "scale")
    said["apply"] = desk(course, "regrade", NAME, "--apply", "--json")
    said["late"] = desk(course, "late", "--apply", "--json")
    return SimpleNamespace(course=course, **said)


def test_marks_are_exact_before_and_after(term):
    assert term.first == term.untouched == BY_PLAN
    assert marks(term.course, "scale") == FIXED


def test_who_is_flagged_comes_with_a_reason(term):
    assert [(row["student"], row["questions"]) for row in term.grade] == [("dan", ["total"]), ("dan", ["scale"])]
    assert all("the kernel died" in row["reason"] for row in term.grade)
    assert term.grade[0]["open"].startswith("formgrader/submissions/")


def test_a_regrade_does_what_its_preview_said(term):
    assert term.preview == term.apply
    told = {row["student"]: row["auto_after"] for row in term.preview if row["question"] == "scale"}
    assert told == {student: mark for student, mark in FIXED.items() if mark != BY_PLAN[student]}
    assert {row["why"] for row in term.preview if row["student"] == "bob"} == {"right → wrong (tripled)"}
    assert {row["question"] for row in term.preview} == {"scale"}


def test_a_regrade_asks_with_the_inputs_of_the_first_time(term):
    drawn = set(term.inputs.values()) - {None}  # None: the kernel had died before it was asked
    assert len(drawn) == SEEDS and seeds(term.course) == term.inputs


def test_a_typed_mark_outlives_a_regrade_and_is_shown_again_where_the_mark_below_changed(term):
    assert term.course.grades()["dan"]["total"][:3] == (0.0, 1.0, False)
    assert term.course.grades()["cat"]["scale"][:3] == (3.0, 2.0, True)
    rows = {(row["student"], *row["questions"]): row["reason"] for row in desk(term.course, "flagged", NAME, "--json")}
    assert set(rows) == {("cat", "scale"), ("dan", "scale")} and "after a mark was typed" in rows["cat", "scale"]
    assert desk(term.course, "flagged", NAME).endswith("Of 5 submissions 2 flagged; 1 with a question marked by hand\n")
    change = next(row for row in term.preview if row["student"] == "cat")
    assert (change["auto_after"], change["score_before"], change["score_after"]) == (3.0, 2.0, 2.0)


def test_a_regrade_wants_a_preview_of_these_very_marks(term):
    assert "nothing was previewed" in desk(term.course, "regrade", NAME, "--apply", code=1)


def test_late_days_are_spent_and_extensions_count(term):
    rows = {row["student"]: row for row in term.late}
    assert rows["bob"]["days late"] == 3 and rows["bob"]["penalty"] == pytest.approx(2.0 * 0.5)
    assert rows["cat"]["days late"] == 0 and rows["cat"]["due"].endswith("PDT")
    assert rows["dan"]["days late"] == 1 and rows["dan"]["penalty"] == 0 and rows["dan"]["left"] == 0
    assert "ann" not in rows


@pytest.mark.parametrize("platform", ["plain", "canvas", "moodle", "blackboard"])
def test_an_export_is_read_back(term, platform):
    said = desk(term.course, "export", NAME, "--for", platform, "--title", f"{NAME}=Sheet 1 (77)")
    assert "3 waiting: ann" in said, "words to be read, a typed mark to be seen again, a flag"
    with open(term.course.folder / f"grades-{platform}.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    assert not any(str(value).startswith(("=", "+", "-", "@")) for row in rows for value in row.values())
    column = "score" if platform == "plain" else "Sheet 1 (77)"
    who = {"plain": "student_id", "canvas": "SIS User ID", "moodle": "Username", "blackboard": "Student ID"}[platform]
    scores = {row[who]: row[column] for row in rows if row[who]}
    absent = {"fay": ""} if platform == "plain" else {}  # an import of an empty cell would take a grade away
    assert scores == {"ann": "5", "bob": "1", "cat": "4", "dan": "1", "eva": "0"} | absent
    assert "1 handed nothing in: fay" in said
    numbers = {"canvas": "ID", "moodle": "ID number", "blackboard": "Username"}
    if platform in numbers:
        assert {row[who]: row[numbers[platform]] for row in rows}["cat"] == "103"


def test_items_name_the_commonest_slip(term):
    items = {item["question"]: item for item in desk(term.course, "items", NAME, "--json")}
    assert written(desk(term.course, "items", NAME, "--output", "items.html")) == Path("items.html")
    assert items["scale"]["difficulty"] == pytest.approx(1 / 3) and items["scale"]["slips"] == {"tripled": 1}
    assert items["scale"]["outcomes"] == {"right": 2, "wrong": 1, "not attempted": 1, "raised": 1}
    assert "tripled" in (term.course.folder / "items.html").read_text()


def test_the_log_has_every_change_and_cannot_be_changed(term):
    rows = desk(term.course, "audit", NAME, "--json")
    typed = [row for row in rows if row["field"] == "manual_score"]
    assert [(row["student"], row["question"], row["old"], row["new"]) for row in typed] == [
        ("dan", "total", None, 1.0),
        ("cat", "scale", None, 2.0),
    ]
    ann = [(row["old"], row["new"]) for row in rows if (row["student"], row["question"]) == ("ann", "scale")]
    assert ann == [(None, 0.0), (0.0, 3.0)]
    assert any(row["field"] == "late_submission_penalty" and row["student"] == "bob" for row in rows)
    assert {"nbgrader autograde"} < {row["source"] for row in rows} and all(row["who"] for row in rows)
    with sqlite3.connect(term.course.folder / "gradebook.db") as outside:
        for order in ("DELETE FROM dgm_audit", "UPDATE dgm_audit SET new = 5"):
            with pytest.raises(sqlite3.IntegrityError, match="append-only"):
                outside.execute(order)
        outside.execute("UPDATE grade SET extra_credit = 9 WHERE auto_score = 3")
        last = outside.execute("SELECT who, source, field, new FROM dgm_audit ORDER BY id DESC LIMIT 1").fetchone()
        assert last == (None, None, "extra_credit", 9.0), "another program's change is on record, by nobody known"
        outside.rollback()


def test_a_copy_is_put_back_and_what_it_replaces_is_kept(term, tmp_path):
    now = term.course.grades()
    kept = desk(term.course, "restore", str(term.backup))
    assert marks(term.course, "scale") == BY_PLAN and term.course.grades()["dan"]["total"][1] == 1.0
    assert kept.endswith(f"The gradebook is that of {term.backup}\n")
    desk(term.course, "restore", str(written(kept)))
    assert term.course.grades() == now
    damaged = tmp_path / "damaged.db"
    damaged.write_bytes(term.backup.read_bytes()[:8192] + b"x" * 4096)
    assert "damaged" in desk(term.course, "restore", str(damaged), code=1)
    assert term.course.grades() == now


def test_feedback_is_there_for_everyone(term):
    assert "5 pages" in desk(term.course, "feedback", NAME)


def test_what_is_asked_wrongly_is_refused_with_what_there_is(term, tmp_path):
    assert f"there are {NAME}" in desk(term.course, "flagged", "99-no", code=1)
    assert "no course in" in desk(term.course, "flagged", NAME, "--course", str(tmp_path), code=1)
    assert Course(term.course.folder).database == term.course.folder / "gradebook.db"
