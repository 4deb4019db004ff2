"""Instant checks of a student's answers.

    from dgm_tutor.checks import check, hint
    check("10-beta-vae/loss", beta_vae_loss)   # not attempted, raised, wrong (with the likely slip) or right
    hint("10-beta-vae/loss")                   # a hint; each further call a stronger one, three in all

A check runs in under a second and needs no nbgrader. It compares numbers with numbers: no right answer is inside.
"""

import os

from dgm_tutor.checks import bank, wire
from dgm_tutor.checks.bank import names
from dgm_tutor.checks.judge import judge, read
from dgm_tutor.checks.report import Report

__all__ = ["Report", "check", "hint", "names"]

_given: dict[str, int] = {}  # how many hints each exercise has given


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


def hint(name: str, strength: int | None = None) -> Report:
    """The hint of a strength from 1 (a nudge) to 3 (nearly the answer); without one, the next."""
    entry = bank.load(name)
    if strength is None:
        strength = min(_given.get(name, 0) + 1, len(entry.hints))
        _given[name] = strength
    if not 1 <= strength <= len(entry.hints):
        raise ValueError(f"hint strength {strength} given; expected 1 to {len(entry.hints)}")
    return Report("hint", entry.title, f"{strength} of {len(entry.hints)}. {entry.hints[strength - 1]}")
