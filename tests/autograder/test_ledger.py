"""One gradebook for a run: steps share it, a submission's changes are committed together, nothing is held between."""

import sqlite3
from types import SimpleNamespace

import pytest
from dgm_autograder import ledger
from dgm_autograder.batch import Batch
from dgm_autograder.logs import LOG
from nbgrader.api import Gradebook, MissingEntry


@pytest.fixture
def url(tmp_path):
    """A gradebook with one assignment."""
    url = f"sqlite:///{tmp_path / 'gradebook.db'}"
    with Gradebook(url, "c") as book:
        book.add_assignment("a")
    return url


def students(url: str) -> list[str]:
    """Who a stranger to the run sees."""
    with sqlite3.connect(url.removeprefix("sqlite:///")) as other:
        return [name for (name,) in other.execute("SELECT id FROM student ORDER BY id")]


def test_steps_of_a_run_share_one_gradebook_and_nobody_else_does(url, tmp_path):
    with ledger.hold(url, "c") as held:
        assert ledger.gradebook(url) is ledger.gradebook(url, "c") is held
        with ledger.gradebook(f"sqlite:///{tmp_path / 'other.db'}") as other:
            assert other is not held
    with ledger.gradebook(url) as after:
        assert after is not held and type(after) is Gradebook


def test_what_steps_commit_waits_for_the_end_of_the_submission(url):
    with ledger.hold(url, "c") as held:
        for step in ("ann", "bob"):
            with ledger.gradebook(url) as book:
                book.add_student(step)  # which commits
        assert held.find_student("ann") and students(url) == []
        held.keep()
        assert students(url) == ["ann", "bob"]


def test_what_was_not_kept_is_undone(url):
    with ledger.hold(url, "c") as held:
        held.add_student("ann")
        held.undo()
        with pytest.raises(MissingEntry):
            held.find_student("ann")
        held.add_student("bob")
        held.keep()
        held.add_student("cid")  # as where the grader is stopped
    assert students(url) == ["bob"]


def test_a_step_sees_sums_as_they_are_after_the_step_before(url):
    with Gradebook(url) as book:
        book.add_notebook("n", "a")
        book.add_grade_cell("q", "n", "a", max_score=5, cell_type="code")
        book.add_student("ann")
        book.add_submission("a", "ann")
    with ledger.hold(url, "c") as held:
        notebook = held.find_submission_notebook("n", "a", "ann")
        assert notebook.score == 0
        held.find_grade("q", "n", "a", "ann").auto_score = 3
        held.db.commit()
        assert notebook.score == 3


def test_between_submissions_no_connection_is_open(url, tmp_path):
    """Others may write, and a process that is forked inherits none."""
    with ledger.hold(url, "c") as held:
        held.add_student("ann")
        assert held.engine.pool.checkedout() == 1
        held.keep()
        assert held.engine.pool.checkedout() == held.engine.pool.checkedin() == 0
        with sqlite3.connect(tmp_path / "gradebook.db", timeout=0) as other:
            other.execute("INSERT INTO student (id) VALUES ('bob')")  # an error where the file is locked
        assert held.find_student("bob").id == "bob"


def test_a_step_that_breaks_leaves_nothing_of_it(url):
    """And takes nothing from those before and after it."""
    with ledger.hold(url, "c") as held:
        batch = SimpleNamespace(gradebook=held, log=LOG, failed=[], _drop=lambda student: None)

        def breaks() -> None:
            held.add_student("ann")
            raise ValueError

        assert Batch._guarded(batch, "ann", breaks) is None
        assert Batch._guarded(batch, "bob", held.add_student, "bob")
        assert batch.failed == ["ann"]
        assert students(url) == ["bob"]
