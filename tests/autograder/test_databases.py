"""One setting names the gradebook's database, and everything goes on as before: SQLite and PostgreSQL."""

import csv
import json
from pathlib import Path

import pytest
from nbgrader.api import Gradebook

from ..attacks.course import NAME, POINTS, RIGHT, SmallCourse
from . import postgres as server
from .test_teaching import desk, marks, written

pytestmark = pytest.mark.slow

# What a database may refuse to store: too long a name, characters that are none.
LONG = "x" * 200
BAD_TEXT = {
    "total": "def total(*a):\n    raise ValueError('\\ud800')",
    "scale": "def scale(*a):\n    raise type('E\\x00', (Exception,), {})('a\\x00b')",
}
SPOILED = "import os\nopen('/proc/self/comm', 'w').write('a')\nos._exit(1)  # \\x00 \\ud800"


def test_the_whole_cycle(tmp_path, db_url):
    course = SmallCourse(tmp_path, db_url)
    assert (course.folder / "gradebook.db").exists() == (not db_url)
    course.submit("ann", course.solved(), {"timestamp.txt": "2026-03-02 12:00:00.000000 UTC"})
    course.submit("bob", course.solved(answers={"scale": RIGHT["scale"]}))
    course.submit("bad", course.solved(answers=BAD_TEXT))
    course.submit("nul", course.solved([SPOILED]) | {"metadata": {"dgm_unreadable": "a\x00b\x1b"}})
    course.submit(LONG, course.solved())
    course.nbgrader("autograde", NAME)
    grades = course.grades()
    long = next(name for name in grades if name.startswith("xxx"))
    marks = {student: {name: grade[0] for name, grade in found.items()} for student, found in grades.items()}
    nothing = dict.fromkeys(POINTS, 0.0)
    assert marks == {"ann": POINTS, "bob": nothing | {"scale": 3.0}, "bad": nothing, "nul": nothing, long: POINTS}
    assert len(long) <= 128 and not any(grade[2] for grade in grades["bad"].values())
    assert all(grade[2] and "a\\x00b\\x1b" in grade[3] for grade in grades["nul"].values())

    with Gradebook(course.db_url) as gradebook:  # as Formgrader does
        gradebook.find_grade("words", NAME, NAME, "ann").manual_score = 1
        gradebook.find_grade("scale", NAME, NAME, "bob").manual_score = 0.5
        gradebook.db.commit()
    course.submit("bob", course.solved())
    course.nbgrader("autograde", NAME)
    assert course.grades()["bob"] == {"total": (2.0, None, False, ""), "scale": (3.0, 0.5, True, "")}

    course.nbgrader("generate_feedback", NAME)
    assert {path.name for path in (course.folder / "feedback").iterdir()} == set(marks)
    course.nbgrader("export")
    with open(course.folder / "grades.csv") as file:
        scores = {row["student_id"]: float(row["score"]) for row in csv.DictReader(file)}
    assert scores == {"ann": 6.0, "bob": 2.5, "bad": 0.0, "nul": 0.0, long: 5.0}


def test_a_gradebook_in_postgresql_is_copied_graded_again_and_put_back(tmp_path, postgres, monkeypatch):
    course = SmallCourse(tmp_path, postgres.create())
    exercise = course.folder / "exercises" / NAME / "exercise.py"
    exercise.write_text(exercise.read_text().replace("2 * x", "3 * x"))  # by mistake
    course.submit("ann", course.solved())
    course.submit("bob", course.solved(answers={**RIGHT, "scale": "def scale(x):\n    return 3 * x"}))
    desk(course, "grade", NAME)
    first, copy = course.grades(), str(written(desk(course, "backup")))
    assert {who: grades["scale"][0] for who, grades in first.items()} == {"ann": 0.0, "bob": 3.0}
    exercise.write_text(exercise.read_text().replace("3 * x", "2 * x"))
    changes = desk(course, "regrade", NAME, "--json")
    assert {(c["student"], c["auto_before"], c["auto_after"]) for c in changes} == {("ann", 0, 3), ("bob", 3, 0)}
    assert course.grades() == first
    assert desk(course, "regrade", NAME, "--apply", "--json") == changes
    assert marks(course, "scale") == {"ann": 3.0, "bob": 0.0}
    with Gradebook(course.db_url) as others:  # somebody has it open
        others.find_submission(NAME, "ann")
        others.db.commit()
        kept = str(written(desk(course, "restore", copy)))
    assert course.grades() == first and len(desk(course, "audit", NAME, "--json")) == 6
    broken = tmp_path / "broken.dump"
    broken.write_bytes(Path(kept).read_bytes()[:-2000])
    assert "pg_restore failed" in desk(course, "restore", str(broken), code=1)
    desk(course, "restore", kept)
    assert marks(course, "scale") == {"ann": 3.0, "bob": 0.0} and len(desk(course, "audit", NAME, "--json")) == 8
    monkeypatch.setattr("shutil.which", lambda name: None)
    assert "apt-get install postgresql-client" in desk(course, "backup", code=1)


def test_an_assignment_is_changed_and_a_student_removed(tmp_path, postgres):
    """PostgreSQL watches over references between tables, as SQLite does not."""
    course = SmallCourse(tmp_path, postgres.create())
    source = course.folder / "source" / NAME / f"{NAME}.ipynb"
    whole = source.read_text()
    less = json.loads(whole)
    less["cells"] = [cell for cell in less["cells"] if not cell["id"].startswith("scale")]
    for text in (json.dumps(less), whole):
        source.write_text(text)
        course.nbgrader("generate_assignment", NAME, "--force")
    course.submit("ann", course.solved())
    course.nbgrader("autograde", NAME)
    course.nbgrader("db", "upgrade")
    course.nbgrader("db", "student", "remove", "ann", "--force")
    assert course.grades() == {}


def test_a_machine_without_postgresql_says_what_to_install(monkeypatch):
    monkeypatch.setenv("PATH", "")
    monkeypatch.setattr(server, "DEBIAN", "nowhere")
    with pytest.raises(FileNotFoundError, match="apt-get install postgresql"):
        server.tool("initdb")
