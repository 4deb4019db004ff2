"""Instant checks of a student's answers.

    from dgm_tutor.checks import check, hint
    check("10-beta-vae/loss", beta_vae_loss)   # not attempted, raised, wrong (with the likely slip) or right
    hint("10-beta-vae/loss", 1)                # a nudge; 2 is a stronger hint, 3 nearly the answer

A check runs in under a second and needs no nbgrader. It compares numbers with numbers: no right answer is inside.
"""

import os

from dgm_tutor.checks import bank, wire
from dgm_tutor.checks.bank import names
from dgm_tutor.checks.judge import judge, read
from dgm_tutor.checks.report import Report

__all__ = ["Report", "check", "hint", "names"]


def check(name: str, answer: object = None) -> Report:
    """Run the instant check `NN-assignment/exercise` on an answer.

    Never raises for a bad answer: the report says what happened. Under nbgrader's Validate button anything but
    `right` raises `AssertionError` with the same message, which is how that button learns of it. Raises `KeyError`
    for an unknown exercise.
    """
    entry = bank.load(name)
    replies = [
        read(wire.run(case.probe.source, case.probe.name, answer, case.inputs, case.seed)) for case in entry.cases
    ]
    verdict = judge(entry.cases, replies, entry.slips)
    report = Report(verdict.outcome, entry.title, verdict.message, verdict.slip)
    if verdict.outcome != "right" and os.environ.get("NBGRADER_EXECUTION") == "validate":
        raise AssertionError(str(report))
    return report


def hint(name: str, strength: int = 0) -> Report:
    """The hint of a strength from 1 (a nudge) to 3 (nearly the answer); with 0, how to ask for one.

    Asked for by number, so that running a whole notebook, once or often, tells nothing that nobody wanted to know.
    """
    entry = bank.load(name)
    if not 0 <= strength <= len(entry.hints):
        raise ValueError(f"hint strength {strength} given; expected 0 to {len(entry.hints)}")
    if strength == 0:
        return Report("hint", entry.title, "Stuck? Put 1 for 0 and run this cell: a nudge. 2 helps, 3 nearly tells.")
    return Report("hint", entry.title, f"{strength} of {len(entry.hints)}. {entry.hints[strength - 1]}")
