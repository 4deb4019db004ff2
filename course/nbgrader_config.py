"""nbgrader's configuration of this course: marks by sealed grading."""

from pathlib import Path

try:
    from dgm_autograder.config import configure
except Exception as error:  # nbgrader would log it and go on with steps of its own, without sandbox or sealed marks
    raise SystemExit(
        f"Nothing was done: dgm_autograder cannot be imported ({error!r}). Install the course again"
    ) from error

configure(get_config(), Path(__file__).resolve().parent)  # noqa: F821 (nbgrader provides it)
