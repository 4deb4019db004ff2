"""The closing lines of a run: how many were graded, who is flagged, and why."""

import pytest

from ..attacks.course import NAME, SmallCourse

BREAKS = """
from nbgrader.preprocessors import NbGraderPreprocessor
class Breaks(NbGraderPreprocessor):
    def preprocess(self, nb, resources):
        if any("breaks the grader" in cell.source for cell in nb.cells):
            raise UnicodeError
        return nb, resources
c.Autograde.autograde_preprocessors.append(Breaks)
"""


@pytest.mark.slow
def test_a_run_ends_with_counts_and_reasons(tmp_path):
    course = SmallCourse(tmp_path)
    settings = course.folder / "nbgrader_config.py"
    settings.write_text(settings.read_text() + BREAKS)
    course.submit("dan", course.solved(["# breaks the grader"]))
    course.submit("ann", course.solved())
    course.submit("bob", course.solved(["import os\nos._exit(1)"]))
    course.submit("eve", "not a notebook")
    said = course.nbgrader("autograde", NAME)
    assert "Graded 4 submissions, of them 3 flagged; 0 were finished; 0 left out." in said
    reasons = {line.split(": flagged: ")[0].split()[-1]: line for line in said.split("\n") if ": flagged: " in line}
    assert set(reasons) == {"bob", "dan", "eve"} and "the kernel died" in reasons["bob"]
    assert "grading it broke off: UnicodeError" in reasons["dan"]
    assert {grade[0] for grade in course.grades()["dan"].values()} == {0.0}
    course.submit("eve", course.solved())
    said = course.nbgrader("autograde", NAME)
    assert "Graded 1 submission, of them 0 flagged; 3 were finished; 0 left out." in said
