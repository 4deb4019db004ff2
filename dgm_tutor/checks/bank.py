"""The banks of the instant checks: for each exercise its probes, fixed inputs, right values and slips' values.

A bank is written from `course/exercises/NN-name/` and holds numbers only: no right or wrong answer's source.
"""

import json
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

from torch import Tensor

from dgm_tutor.checks import wire
from dgm_tutor.checks.compare import Expected
from dgm_tutor.checks.judge import Case, Probe, Slip


@dataclass(frozen=True)
class Entry:
    """One exercise as students have it: `answer` is the name of what is asked for."""

    title: str
    answer: str
    hints: tuple[str, ...]
    cases: list[Case]
    slips: dict[str, Slip]


def names() -> list[str]:
    """Every exercise that has an instant check, as `NN-assignment/exercise`."""
    return [f"{assignment}/{exercise}" for assignment in _assignments() for exercise in _bank(assignment)]


def load(name: str) -> Entry:
    """The exercise called `NN-assignment/exercise`. Raises `KeyError` naming those that exist."""
    assignment, _, exercise = name.partition("/")
    if assignment not in _assignments() or exercise not in _bank(assignment):
        raise KeyError(f"no exercise {name!r}; there are {', '.join(names())}")
    return _entry(_bank(assignment)[exercise])


def dump(entry: Entry) -> dict[str, object]:
    """The entry as JSON data; `load` reads it back."""
    return {
        "title": entry.title,
        "answer": entry.answer,
        "hints": list(entry.hints),
        "slips": [vars(slip) for slip in entry.slips.values()],
        "cases": [
            {
                "probe": vars(case.probe),
                "inputs": case.inputs,
                "seed": case.seed,
                "expected": _dump(case.expected),
                "slips": {name: s if isinstance(s, str) else _dump(s) for name, s in case.slips.items()},
            }
            for case in entry.cases
        ],
    }


def _entry(data: dict) -> Entry:
    cases = [
        Case(
            Probe(**case["probe"]),
            case["inputs"],
            case["seed"],
            _load(case["expected"]),
            {name: s if isinstance(s, str) else _load(s) for name, s in case["slips"].items()},
        )
        for case in data["cases"]
    ]
    slips = {slip["name"]: Slip(**slip) for slip in data["slips"]}
    return Entry(data["title"], data["answer"], tuple(data["hints"]), cases, slips)


def _dump(outputs: dict[str, Expected]) -> dict[str, object]:
    def short(tensor: Tensor | None) -> object:
        return wire.encode(None if tensor is None else tensor.float())

    return {name: [short(e.mean), short(e.sd), e.draws, e.slack] for name, e in outputs.items()}


def _load(outputs: dict[str, list]) -> dict[str, Expected]:
    return {name: Expected(wire.decode(mean), wire.decode(sd), *rest) for name, (mean, sd, *rest) in outputs.items()}


def _assignments() -> list[str]:
    return sorted(
        f.name.removesuffix(".json") for f in files(__package__).joinpath("banks").iterdir() if f.name.endswith(".json")
    )


@cache
def _bank(assignment: str) -> dict[str, dict]:
    return json.loads(files(__package__).joinpath("banks", f"{assignment}.json").read_text())
