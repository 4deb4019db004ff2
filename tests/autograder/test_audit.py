"""Every change of a mark is on record, in either database, and the record cannot be changed."""

import os
import sys
from pathlib import Path

import pytest
from dgm_autograder import audit
from nbgrader.api import Grade, Gradebook
from sqlalchemy import create_engine, text
from sqlalchemy.exc import DBAPIError


def test_every_change_is_logged_with_who_made_it(tmp_path, db_url, monkeypatch):
    monkeypatch.setenv("PATH", os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]]))  # for alembic
    monkeypatch.setattr(audit, "who", lambda: "instructor")
    monkeypatch.setattr(audit, "source", lambda: "a program")
    audit.install()
    url = db_url or f"sqlite:///{tmp_path / 'gradebook.db'}"
    with Gradebook(url) as gradebook:
        gradebook.add_assignment("ps")
        gradebook.add_notebook("book", "ps")
        gradebook.add_grade_cell("q", "book", "ps", max_score=5, cell_type="code")
        gradebook.add_student("ann")
        gradebook.add_submission("ps", "ann")
        grade = gradebook.find_grade("q", "book", "ps", "ann")
        for field, value in (("auto_score", 3), ("auto_score", 3.0), ("manual_score", 4), ("extra_credit", 0.5)):
            setattr(grade, field, value)
            gradebook.db.commit()
        gradebook.find_submission_notebook("book", "ps", "ann").late_submission_penalty = 1.0
        gradebook.db.commit()
        grade.auto_score = 2.0
        gradebook.db.flush()
        gradebook.db.rollback()  # what was not done is not on record
        identity = grade.id
    engine = create_engine(url)
    with engine.begin() as outside:  # another program
        outside.execute(text("UPDATE grade SET auto_score = 5 WHERE id = :id"), {"id": identity})
    for order in ("UPDATE dgm_audit SET new = 5", "DELETE FROM dgm_audit"):
        with pytest.raises(DBAPIError, match="append-only"), engine.begin() as outside:
            outside.execute(text(order))
    engine.dispose()
    with Gradebook(url) as gradebook:
        gradebook.db.delete(gradebook.db.get(Grade, identity))
        gradebook.db.commit()
        rows = audit.changes(gradebook, "ps", "ann")
        assert audit.changes(gradebook, "ps", "an_") == [], "a name is no pattern"
    told = [(row["who"], row["question"], row["field"], row["old"], row["new"]) for row in rows]
    assert told[:5] == [
        ("instructor", "q", "auto_score", None, 3.0),
        ("instructor", "q", "manual_score", None, 4.0),
        ("instructor", "q", "extra_credit", None, 0.5),
        ("instructor", "book", "late_submission_penalty", None, 1.0),
        (None, "q", "auto_score", 3.0, 5.0),
    ]
    gone = {
        ("instructor", "q", f, v, None) for f, v in (("auto_score", 5.0), ("manual_score", 4.0), ("extra_credit", 0.5))
    }
    assert set(told[5:]) == gone and len(told) == 8
    assert all(row["at"] and row["source"] == ("a program" if row["who"] else None) for row in rows)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["/usr/bin/nbgrader", "autograde", "10-beta-vae"], "nbgrader autograde"),
        (["/lib/nbgrader/__main__.py", "autograde", "10-beta-vae"], "nbgrader autograde"),
        (["/bin/dgm-tutor", "class", "late", "--apply"], "dgm-tutor class late"),
        (["/lib/jupyterlab/__main__.py", "--no-browser", "--port=1"], "jupyterlab"),
        ([""], "python"),
    ],
)
def test_a_program_says_what_it_is(monkeypatch, arguments, said):
    monkeypatch.setattr(sys, "argv", arguments)
    assert audit.source() == said
