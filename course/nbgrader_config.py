"""nbgrader's configuration of this course: marks by sealed grading."""

from pathlib import Path

from dgm_autograder.config import configure

configure(get_config(), Path(__file__).resolve().parent)  # noqa: F821 (nbgrader provides it)
