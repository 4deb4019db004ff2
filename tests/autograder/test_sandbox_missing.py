"""A machine without bubblewrap: nothing is graded, or the gradebook says that it was without walls."""

import sys
from pathlib import Path

import pytest
from nbgrader.api import Gradebook

from ..attacks.course import NAME, POINTS, SmallCourse


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
