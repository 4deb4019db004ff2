"""What `checks.py` of an assignment is written in: exercises and their probes."""

import inspect
import textwrap
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cache

import torch
from dgm_tutor.checks.judge import Probe


@dataclass(frozen=True)
class Test:
    """A probe and its inputs: `probe(answer, inputs)` runs beside the student's code, `draw(generator)` never does.

    The probe must be self-contained (it is sent as source). Inputs and outputs are plain data. When `draws` is set
    the outputs are that many independent repetitions along the first axis, and `inputs["draws"]` says how many.
    `measure(data, inputs)`, also self-contained, turns what the probe returned into the outputs to compare, in the
    judging process. `slack` says how far an output of trained quantities may be off.
    """

    __test__ = False  # not a class of tests for pytest

    probe: Callable[[object, dict], dict]
    draw: Callable[[torch.Generator], dict]
    says: str
    share: float = 1.0
    draws: int = 0
    measure: Callable[[dict, dict], dict] | None = None
    slack: Mapping[str, float] = field(default_factory=dict)

    def shipped(self) -> Probe:
        """The probe as it is sent to a kernel or shipped in a bank."""
        measure = (_source(self.measure), self.measure.__name__) if self.measure else None
        return Probe(self.probe.__name__, _source(self.probe), self.says, self.share, bool(self.draws), measure)


@cache
def _source(function: Callable) -> str:
    return textwrap.dedent(inspect.getsource(function))


@dataclass(frozen=True)
class Exercise:
    """One autograded exercise: `answer` is the name that the student's cell must define."""

    name: str
    title: str
    answer: str
    points: float
    difficulty: int  # 1 to 5
    minutes: int
    hints: tuple[str, str, str]
    tests: tuple[Test, ...]


@dataclass(frozen=True)
class Question:
    """A question answered in words and marked by hand; its model answer and rubric are the solution region."""

    name: str
    title: str
    points: float
    minutes: int
