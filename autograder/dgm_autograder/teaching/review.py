"""Who waits for a human, and why."""

from nbgrader.api import Grade

from dgm_autograder.summary import FLAGGED
from dgm_autograder.teaching.course import Course

BY_HAND = "a question marked by hand"
TYPED = "graded again after a mark was typed: is it still right?"
UNKNOWN = "needs a mark"


def waiting(course: Course, assignment: str) -> list[dict]:
    """A row for every mark that Formgrader would ask for: student, question, reason, where to look."""
    rows = []
    with course.gradebook() as gradebook:
        for submission in course.submissions(gradebook, assignment):
            for notebook in submission.notebooks:
                said = {comment.name: comment.auto_comment or "" for comment in notebook.comments}
                for grade in sorted(notebook.grades, key=lambda grade: grade.name):
                    if grade.needs_manual_grade:
                        why = _reason(grade, said.get(f"{grade.name}-answer", ""))
                        where = f"formgrader/submissions/{notebook.id}"
                        row = {"student": submission.student.id, "question": grade.name, "reason": why, "open": where}
                        rows.append(row)
    return rows


def flagged(rows: list[dict]) -> list[dict]:
    """Those of the rows that are not simply questions marked by hand."""
    return [row for row in rows if row["reason"] != BY_HAND]


def _reason(grade: Grade, comment: str) -> str:
    lines = [line.removeprefix(FLAGGED).rstrip(".") for line in comment.split("\n") if line.startswith(FLAGGED)]
    if lines:
        return "; ".join(lines)
    if grade.auto_score is None:
        return BY_HAND
    return TYPED if grade.manual_score is not None else UNKNOWN
