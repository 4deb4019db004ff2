"""The proof of an assignment's checks: every banked answer against every check, on many seeds.

A *flip* is a wrong answer taken for right or a right one taken for wrong. A check is designed so that a right answer
flips once in 10,000 (`dgm_tutor.checks.compare`); what the table says is counted. A long run that was broken off
goes on where it was: every finished piece is a line in a file named after all that the verdicts hang on.
"""

import hashlib
import json
import time
from collections.abc import Iterable
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import asdict, dataclass
from functools import reduce
from multiprocessing import get_context
from pathlib import Path

import dgm_tutor
import torch
from dgm_tutor.checks.bank import Entry
from dgm_tutor.checks.judge import Verdict, judge
from tqdm import tqdm

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


def matrix(folder: Path, seeds: int, jobs: int = 1, kept: Path | None = None, overlay: Path | None = None) -> list[Row]:
    """A row per exercise of the assignment in `folder`, under the `overlay` if there is one.

    What is done is kept in the folder `kept`, if there is one; use it without an overlay.
    """
    exercises = [exercise.name for exercise in load(folder).exercises]
    work = [
        (name, FIRST_SEED + start, FIRST_SEED + min(start + CHUNK, seeds))
        for start in range(0, seeds, CHUNK)
        for name in exercises
    ]
    file = kept / f"{folder.name}-{_digest(folder)}.jsonl" if kept else None
    rows = _read(file)
    left = [piece for piece in work if piece not in rows]
    spawn = get_context("spawn")  # a fork after torch has run threads may hang
    with ProcessPoolExecutor(jobs, spawn, torch.set_num_threads, (1,)) as pool:
        running = {pool.submit(_rows, folder, name, range(*ends), overlay): (name, *ends) for name, *ends in left}
        bar = tqdm(as_completed(running), "pieces", len(work), initial=len(work) - len(left), disable=None)
        for done in bar:
            rows[running[done]] = done.result()
            _append(file, running[done], done.result())
    return [reduce(Row.__add__, (rows[piece] for piece in work if piece[0] == name)) for name in exercises]


def _digest(folder: Path) -> str:
    """Of everything that a verdict hangs on: the exercises, the checks, this package, torch."""
    sources = [
        *folder.rglob("*.py"),
        *Path(__file__).parent.glob("*.py"),
        *Path(dgm_tutor.__file__).parent.rglob("*.py"),
    ]
    texts = (path.read_bytes() for path in sorted(sources))
    return hashlib.sha256(b"\0".join([torch.__version__.encode(), *texts])).hexdigest()[:12]


def _read(file: Path | None) -> dict[tuple[str, int, int], Row]:
    """The finished pieces. A line that was cut short when the run was killed is not one."""
    rows = {}
    for line in file.read_text().splitlines() if file and file.is_file() else []:
        try:
            piece, row = json.loads(line)
        except ValueError:
            continue
        rows[tuple(piece)] = Row(**row | {"flipped": tuple(row["flipped"])})
    return rows


def _append(file: Path | None, piece: tuple[str, int, int], row: Row) -> None:
    if file:
        file.parent.mkdir(parents=True, exist_ok=True)
        with file.open("a") as lines:
            lines.write("\n" + json.dumps([piece, asdict(row)]))


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


def _rows(folder: Path, name: str, seeds: range, overlay: Path | None) -> Row:
    """Every answer to one exercise, on some seeds."""
    assignment = load(folder, overlay)
    exercise = assignment.exercise(name)
    wrong, right = (assignment.bank(name, kind) for kind in ("wrong", "right"))
    right.append(Answer(assignment.folder / "exercise.py", "right", {}))
    given = [answer.namespace for answer in (*wrong, *right[:-1])] + [assignment.solve(name)]
    accepted, refused, named, seconds, flipped = 0, 0, 0, 0.0, set()
    for seed in seeds:
        first = seed == FIRST_SEED
        fresh = entry(assignment, exercise, seed, with_slips=first)
        for answer, namespace in zip((*wrong, *right), given, strict=True):
            start = time.perf_counter()
            verdict = _verdict(exercise, fresh, namespace.get(exercise.answer), seed)
            seconds = max(seconds, time.perf_counter() - start)
            if (verdict.outcome == "right") != (answer.kind == "right"):
                accepted += answer.kind == "wrong"
                refused += answer.kind == "right"
                flipped.add(f"{answer.kind}/{answer.path.name}")
            named += first and answer.kind == "wrong" and verdict.slip == answer.header["slip"]
    return Row(name, len(wrong), len(right), len(seeds), accepted, refused, named, seconds, tuple(flipped))


def _verdict(exercise: Exercise, fresh: Entry, given: object, seed: int) -> Verdict:
    """The verdict on a banked answer, drawing other noise than the right answers did."""
    replies = [reply(case.probe, given, case.inputs, seed + 500_000) for case in fresh.cases]
    return judge(fresh.cases, replies, fresh.slips)
