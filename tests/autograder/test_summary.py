"""The closing lines of a run: how many were graded, who is flagged, and why."""

import pytest

from ..attacks.course import NAME, SmallCourse


@pytest.mark.slow
def test_a_run_ends_with_counts_and_reasons(tmp_path):
    course = SmallCourse(tmp_path)
    course.submit("ann", course.solved())
    course.submit("bob", course.solved(["import os\nos._exit(1)"]))
    course.submit("eve", "not a notebook")
    said = course.nbgrader("autograde", NAME)
    assert "Graded 3, of them 2 flagged; 0 were finished; 0 left out." in said
    reasons = {line.split(": flagged: ")[0].split()[-1]: line for line in said.split("\n") if ": flagged: " in line}
    assert set(reasons) == {"bob", "eve"} and "the kernel died" in reasons["bob"]
    course.submit("eve", course.solved())
    said = course.nbgrader("autograde", NAME)
    assert "Graded 1, of them 0 flagged; 2 were finished; 0 left out." in said
