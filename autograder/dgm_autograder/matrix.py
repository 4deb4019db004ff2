"""The proof of an assignment's checks: every banked answer against every check, on many seeds.

A *flip* is a wrong answer taken for right or a right one taken for wrong. A check is designed so that a right answer
flips once in 10,000 (`dgm_tutor.checks.compare`); what the table says is counted.
"""

import time
from collections.abc import Iterable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import reduce
from pathlib import Path

import torch
from dgm_tutor.checks.bank import Entry
from dgm_tutor.checks.judge import Verdict, judge

from dgm_autograder.assignment import Answer, load
from dgm_autograder.cases import entry, reply
from dgm_autograder.exercise import Exercise

FIRST_SEED = 10_000
CHUNK = 20


@dataclass(frozen=True)
class Row:
    """An exercise's counts: answers in the bank, verdicts given, flips of each kind, slips named, seconds a check."""

    exercise: str
    wrong: int
    right: int
    seeds: int
    accepted_wrong: int
    refused_right: int
    named: int
    seconds: float
    flipped: tuple[str, ...] = ()

    def __add__(self, other: "Row") -> "Row":
        """The same exercise over more seeds; slips are counted on the first chunk only."""
        return Row(
            self.exercise,
            self.wrong,
            self.right,
            self.seeds + other.seeds,
            self.accepted_wrong + other.accepted_wrong,
            self.refused_right + other.refused_right,
            self.named + other.named,
            max(self.seconds, other.seconds),
            tuple(sorted({*self.flipped, *other.flipped})),
        )


def matrix(folder: Path, seeds: int, jobs: int = 1) -> list[Row]:
    """A row per exercise of the assignment in `folder`."""
    exercises = [exercise.name for exercise in load(folder).exercises]
    work = [
        (folder, name, range(FIRST_SEED + start, FIRST_SEED + min(start + CHUNK, seeds)))
        for name in exercises
        for start in range(0, seeds, CHUNK)
    ]
    if jobs == 1:
        rows = [_rows(*item) for item in work]
    else:
        with ProcessPoolExecutor(jobs, initializer=torch.set_num_threads, initargs=(1,)) as pool:
            rows = list(pool.map(_rows, *zip(*work, strict=True)))
    return [reduce(Row.__add__, (row for row in rows if row.exercise == name)) for name in exercises]


def table(rows: Iterable[Row]) -> str:
    """The rows in Markdown."""
    lines = [
        "| exercise | wrong answers caught | slips named | right answers accepted | verdict flips | seconds a check |",
        "|---|---|---|---|---|---|",
    ]
    for row in rows:
        flips, verdicts = row.accepted_wrong + row.refused_right, row.seeds * (row.wrong + row.right)
        caught = row.wrong - len([name for name in row.flipped if name.startswith("wrong/")])
        accepted = row.right - len([name for name in row.flipped if name.startswith("right/")])
        lines.append(
            f"| {row.exercise} | {caught} of {row.wrong} | {row.named} of {row.wrong} | {accepted} of {row.right} "
            f"| {flips} of {verdicts:,} ({row.seeds:,} seeds) | {row.seconds:.2f} |"
        )
    return "\n".join(lines)


def _rows(folder: Path, name: str, seeds: range) -> Row:
    """Every answer to one exercise, on some seeds."""
    assignment = load(folder)
    exercise = assignment.exercise(name)
    wrong, right = (assignment.bank(name, kind) for kind in ("wrong", "right"))
    accepted, refused, named, seconds, flipped = 0, 0, 0, 0.0, set()
    for seed in seeds:
        first = seed == FIRST_SEED
        fresh = entry(assignment, exercise, seed, with_slips=first)
        for answer in (*wrong, *right):
            start = time.perf_counter()
            verdict = _verdict(exercise, fresh, answer, seed)
            seconds = max(seconds, time.perf_counter() - start)
            if (verdict.outcome == "right") != (answer.kind == "right"):
                accepted += answer.kind == "wrong"
                refused += answer.kind == "right"
                flipped.add(f"{answer.kind}/{answer.path.name}")
            named += first and answer.kind == "wrong" and verdict.slip == answer.header["slip"]
    return Row(name, len(wrong), len(right), len(seeds), accepted, refused, named, seconds, tuple(flipped))


def _verdict(exercise: Exercise, fresh: Entry, answer: Answer, seed: int) -> Verdict:
    """The verdict on a banked answer, drawing other noise than the right answers did."""
    given = answer.namespace.get(exercise.answer)
    replies = [reply(case.probe, given, case.inputs, seed + 500_000) for case in fresh.cases]
    return judge(fresh.cases, replies, fresh.slips)
