"""What a run of `nbgrader autograde` came to, in a few lines at its end."""

from collections.abc import Iterable

from nbgrader.api import Gradebook

FLAGGED = "Flagged: "  # begins the lines of a comment that say why a check needs a human


def summary(
    gradebook: Gradebook, assignment: str, graded: Iterable[str], kept: list[str], left: list[str]
) -> list[str]:
    """A line of counts, and a line with the reasons for everyone who is flagged or left out.

    `graded` are the students graded by this run, `kept` those whose finished result stayed, `left` those without one.
    """
    reasons = {student: _reasons(gradebook, assignment, student) for student in graded}
    flagged = {student: why for student, why in reasons.items() if why}
    counts = f"Graded {len(reasons)} submission{'' if len(reasons) == 1 else 's'}, of them {len(flagged)} flagged; "
    counts += f"{len(kept)} were finished; {len(left)} left out."
    lines = [f"  {student}: flagged: {'; '.join(why)}" for student, why in flagged.items()]
    return [counts, *lines, *(f"  {student}: left out: the log above says why" for student in left)]


def _reasons(gradebook: Gradebook, assignment: str, student: str) -> list[str]:
    """Each reason once, in the order of the cells."""
    notebooks = gradebook.find_submission(assignment, student).notebooks
    said = [
        line for book in notebooks for comment in book.comments for line in (comment.auto_comment or "").split("\n")
    ]
    return list(dict.fromkeys(line.removeprefix(FLAGGED).rstrip(".") for line in said if line.startswith(FLAGGED)))
