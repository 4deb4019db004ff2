"""Who waits for a human, and why."""

from dataclasses import dataclass

from nbgrader.api import Grade

from dgm_autograder.summary import FLAGGED
from dgm_autograder.teaching.course import Course, questions

BY_HAND = "a question marked by hand"
TYPED = "graded again after a mark was typed: is it still right?"
UNKNOWN = "needs a mark"


@dataclass(frozen=True)
class Waiting:
    """Marks of a notebook that Formgrader would ask for, all for one reason; `checks` says how many a machine gives."""

    student: str
    questions: list[str]  # in the sheet's order
    reason: str
    open: str  # where to look
    checks: int

    def row(self) -> dict:
        """What a terminal shows of it."""
        every = len(self.questions) == self.checks > 1
        shown = f"all {self.checks}" if every else ", ".join(self.questions)
        return {"student": self.student, "questions": shown, "reason": self.reason, "open": self.open}


def waiting(course: Course, assignment: str) -> list[Waiting]:
    """Everyone's, by student."""
    found = []
    with course.gradebook() as gradebook:
        submissions = course.submissions(gradebook, assignment)
        order = {name: index for index, name in enumerate(questions(gradebook, assignment))}
        for submission in submissions:
            for notebook in submission.notebooks:
                said = {comment.name: comment.auto_comment or "" for comment in notebook.comments}
                reasons: dict[str, list[str]] = {}
                for grade in sorted(notebook.grades, key=lambda grade: order.get(grade.name, len(order))):
                    if grade.needs_manual_grade:
                        reasons.setdefault(_reason(grade, said.get(f"{grade.name}-answer", "")), []).append(grade.name)
                where = f"formgrader/submissions/{notebook.id}"
                by_hand = {cell.name for cell in notebook.notebook.solution_cells}
                checks = sum(grade.name not in by_hand for grade in notebook.grades)
                found += [Waiting(submission.student.id, names, why, where, checks) for why, names in reasons.items()]
    return found


def flagged(found: list[Waiting]) -> list[Waiting]:
    """Those that are not simply questions marked by hand."""
    return [one for one in found if one.reason != BY_HAND]


def _reason(grade: Grade, comment: str) -> str:
    lines = [line.removeprefix(FLAGGED).rstrip(".") for line in comment.split("\n") if line.startswith(FLAGGED)]
    if lines:
        return "; ".join(lines)
    if grade.auto_score is None:
        return BY_HAND
    return TYPED if grade.manual_score is not None else UNKNOWN
