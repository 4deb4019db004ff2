"""Draw inputs for an exercise, and run the right and wrong answers on them to know what to expect."""

import contextlib
import secrets
from collections.abc import Iterable
from functools import lru_cache

import torch
from dgm_tutor.checks import wire
from dgm_tutor.checks.bank import Entry
from dgm_tutor.checks.compare import Expected, expect
from dgm_tutor.checks.judge import Case, Probe, Reply, Slip, measured, read

from dgm_autograder.assignment import Assignment
from dgm_autograder.exercise import Exercise, Test

MORE = 2  # right answers are run on this many times the draws of the student's answer, slips on half of that
SEEDS = 4  # of the inputs of one run: few, as it takes time to know what is right


def draws(submissions: int) -> list[int]:
    """Seeds for one run's inputs, drawn now: what was shown of an earlier run says nothing about them."""
    return [secrets.randbits(31) for _ in range(min(SEEDS, submissions))]


def entry(assignment: Assignment, exercise: Exercise, seed: int, with_slips: bool = True, more: int = MORE) -> Entry:
    """The exercise on inputs drawn with `seed`. Slips cost time: ask for them where a verdict must be explained."""
    cases = [
        _case(assignment, exercise, test, case, with_slips, more)
        for test, case in zip(exercise.tests, questions(exercise, seed), strict=True)
    ]
    wrong = assignment.bank(exercise.name, "wrong") if with_slips else []
    slips = {a.header["slip"]: Slip(a.header["slip"], a.header["says"], a.header["source"]) for a in wrong}
    return Entry(exercise.title, exercise.answer, exercise.hints, cases, slips)


@lru_cache(maxsize=256)
def known(assignment: Assignment, name: str, seed: int, with_slips: bool) -> Entry:
    """The `entry` of the exercise called `name`, kept: submissions of one run share a few seeds."""
    return entry(assignment, assignment.exercise(name), seed, with_slips)


def prepare(assignment: Assignment, seeds: Iterable[int]) -> None:
    """Know the right answers for these seeds: processes forked from this one then know them too.

    A broken exercise breaks nothing here; whoever needs its answer meets the error.
    """
    torch.set_num_threads(1)  # threads would be in the way of forks
    for seed in seeds:
        for exercise in assignment.exercises:
            with contextlib.suppress(Exception):
                known(assignment, exercise.name, seed, False)


def questions(exercise: Exercise, seed: int) -> list[Case]:
    """The probes with inputs drawn with `seed`, and nothing yet of what to expect."""
    generator = torch.Generator().manual_seed(seed)
    drawn = [wire.dumps({**test.draw(generator), "draws": test.draws}) for test in exercise.tests]
    return [Case(test.shipped(), inputs, seed, {}, {}) for test, inputs in zip(exercise.tests, drawn, strict=True)]


def reply(probe: Probe, answer: object, inputs: str, seed: int) -> Reply:
    """The reply of a trusted answer, run in this process."""
    return read(wire.run(probe.source, probe.name, answer, inputs, seed))


def _case(assignment: Assignment, exercise: Exercise, test: Test, case: Case, with_slips: bool, more: int) -> Case:
    """The same question, with what right answers and slips give."""
    probe, inputs, seed = case.probe, case.inputs, case.seed
    drawn = wire.loads(inputs)
    many = wire.dumps({**drawn, "draws": test.draws * more})
    some = wire.dumps({**drawn, "draws": test.draws * max(more // MORE, 1)})
    bank = assignment.bank(exercise.name, "right")
    # Of exact outputs one right answer says all; only the spread of draws is worth several.
    right = [answer.namespace for answer in (bank if probe.random else bank[:1])]
    if probe.random or not bank:
        right.insert(0, assignment.solve(exercise.name))
    outputs = []
    for index, namespace in enumerate(right):
        said = measured(probe, reply(probe, namespace[exercise.answer], many, seed + 1 + index), inputs)
        if said.status != "ok":
            raise RuntimeError(f"{exercise.name}: right answer {index} gives no data: {said.status} {said.message}")
        outputs.append(said.data)
    slack = test.slack
    expected = {
        name: expect([data[name] for data in outputs], probe.random, slack.get(name, 0.0)) for name in outputs[0]
    }
    slips: dict[str, dict[str, Expected] | str] = {}
    for answer in assignment.bank(exercise.name, "wrong") if with_slips else []:
        said = measured(probe, reply(probe, answer.namespace.get(exercise.answer), some, seed + 1), inputs)
        slips[answer.header["slip"]] = _slip(said, test)
    return Case(probe, inputs, seed, expected, slips)


def _slip(said: Reply, test: Test) -> dict[str, Expected] | str:
    """What a slip gives: numbers, or an error."""
    try:
        given = {
            name: expect([value], bool(test.draws), test.slack.get(name, 0.0)) for name, value in said.data.items()
        }
    except (TypeError, ValueError, RuntimeError):
        return "raised"
    return given or said.error
