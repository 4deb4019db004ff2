"""nbgrader's settings for a course whose marks are sealed."""

from pathlib import Path

from traitlets.config import Config

from dgm_autograder import early


def configure(c: Config, course: Path) -> None:
    """Call from `nbgrader_config.py`, with the folder it lies in. Raises `SystemExit` where anything fails."""
    try:
        early.warm(course / "exercises")
        from dgm_autograder import settings  # only now: it imports torch

        settings.apply(c, course)
    except Exception as error:  # nbgrader would log it and go on with steps of its own, without sandbox or sealed marks
        raise SystemExit(f"Nothing was done: the autograder is broken ({error!r}). Install the course again") from error
