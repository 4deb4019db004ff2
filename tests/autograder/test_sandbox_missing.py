"""Without bubblewrap or this course's steps nothing is graded, or the gradebook says that students were trusted."""

import sys
from pathlib import Path

import pytest
from nbgrader.api import Gradebook

from ..attacks.course import NAME, POINTS, SmallCourse
from .course import ROOT


@pytest.mark.slow
def test_without_bubblewrap_grading_is_refused_unless_students_are_trusted(tmp_path, monkeypatch):
    course = SmallCourse(tmp_path)
    course.submit("ann", course.solved())
    monkeypatch.setenv("PATH", str(Path(sys.executable).parent))
    with pytest.raises(AssertionError, match="install the package `bubblewrap`, or, if you trust every student"):
        course.nbgrader("autograde", NAME)
    assert not (course.folder / "autograded").exists() and course.grades() == {}
    settings = course.folder / "nbgrader_config.py"
    settings.write_text(settings.read_text() + "c.SealedExecute.trust_students = True\n")
    course.nbgrader("autograde", NAME)
    assert {name: grade[0] for name, grade in course.grades()["ann"].items()} == POINTS
    with Gradebook(f"sqlite:///{course.folder / 'gradebook.db'}") as gradebook:
        comments = gradebook.find_submission_notebook(NAME, NAME, "ann").comments
        assert "without a sandbox: the instructor trusts the students" in "".join(
            c.auto_comment or "" for c in comments
        )


@pytest.mark.slow
def test_an_error_in_the_settings_does_not_leave_grading_and_feedback_to_nbgrader_s_own_steps(tmp_path):
    """nbgrader logs the error, forgets all of the file's settings, and would run what was handed in unsealed."""
    course = SmallCourse(tmp_path)
    course.submit("ann", course.solved())
    settings = course.folder / "nbgrader_config.py"
    whole = settings.read_text()
    settings.write_text(whole + "c.SealedExecute.budget = budget\n")
    with pytest.raises(AssertionError, match="SealedExecute is not among the steps"):
        course.nbgrader("autograde", NAME)
    assert not (course.folder / "autograded").exists()
    settings.write_text(whole)
    course.nbgrader("autograde", NAME)
    settings.write_text(whole + "c.SealedExecute.budget = budget\n")
    with pytest.raises(AssertionError, match="HideTests is not among the steps"):
        course.nbgrader("generate_feedback", NAME)
    assert not (course.folder / "feedback").exists()


@pytest.mark.slow
@pytest.mark.parametrize(
    ("module", "why"), [("config", "cannot be imported"), ("settings", "the autograder is broken")]
)
def test_where_the_course_s_own_settings_cannot_be_imported_nothing_is_graded(tmp_path, module, why):
    course = SmallCourse(tmp_path)
    course.submit("ann", course.solved())
    blocked = f"import sys\nsys.modules['dgm_autograder.{module}'] = None\n"
    (course.folder / "nbgrader_config.py").write_text(blocked + (ROOT / "course" / "nbgrader_config.py").read_text())
    with pytest.raises(AssertionError, match=f"Nothing was done: .*{why}"):
        course.nbgrader("autograde", NAME)
    assert not (course.folder / "autograded").exists() and course.grades() == {}
