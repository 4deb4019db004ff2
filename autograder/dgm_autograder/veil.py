"""What a student is told of a verdict: nothing that only an instructor's overlay says."""

from dataclasses import replace

from dgm_tutor.checks.bank import Entry
from dgm_tutor.checks.judge import Reply, Verdict, judge

from dgm_autograder.assignment import Assignment
from dgm_autograder.exercise import Exercise

FAILED = "The published checks pass. A private one does not: try your answer on inputs of your own, edge cases too."
UNFIT = "a private check got no data"


def veiled(
    verdict: Verdict, assignment: Assignment, exercise: Exercise, asked: Entry, published: list[Reply]
) -> Verdict:
    """The verdict on the `published` replies alone, with the share that the whole of them earned."""
    hidden = assignment.private(exercise)
    secret = {answer.header["slip"] for answer in assignment.bank(exercise.name, "wrong") if answer.private}
    if not any(hidden) and not secret:
        return verdict
    cases = [case for case, is_private in zip(asked.cases, hidden, strict=True) if not is_private]
    slips = {name: slip for name, slip in asked.slips.items() if name not in secret}
    shown = judge(cases, published, slips)
    if shown.outcome == "right" != verdict.outcome:
        shown = Verdict("wrong", 0.0, FAILED)
    return replace(shown, share=verdict.share)
