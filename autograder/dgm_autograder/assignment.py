"""An assignment's folder: its exercises, the model solution, and the bank of right and wrong answers."""

import re
import runpy
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from dgm_autograder.exercise import Exercise, Question

FIELDS = {"right": {"exercise", "how"}, "wrong": {"exercise", "slip", "says", "source"}}


@dataclass(frozen=True)
class Answer:
    """A banked answer: a self-contained file whose header comment says what it is."""

    path: Path
    kind: str  # right or wrong
    header: dict[str, str]

    @property
    def exercise(self) -> str:
        return self.header["exercise"]

    @property
    def text(self) -> str:
        return self.path.read_text()

    @cached_property
    def namespace(self) -> dict[str, object]:
        """The names the file defines. Trusted code: it runs in this process."""
        return runpy.run_path(str(self.path))


@dataclass(frozen=True)
class Assignment:
    """`course/exercises/NN-name`. Raises `ValueError` saying what is wrong with the folder."""

    folder: Path
    exercises: list[Exercise] = field(init=False)
    questions: list[Question] = field(init=False)
    provides: list[str] = field(init=False)  # the modules of dgm_tutor there are while a student is graded
    answers: list[Answer] = field(init=False)

    def __post_init__(self) -> None:
        for name in ("exercise.py", "checks.py"):
            if not (self.folder / name).is_file():
                raise ValueError(f"{self.folder} is not an exercise folder: it has no {name}")
        checks = runpy.run_path(str(self.folder / "checks.py"))
        for name in ("EXERCISES", "QUESTIONS", "PROVIDES"):
            object.__setattr__(self, name.lower(), list(checks[name]))
        object.__setattr__(self, "answers", [_answer(path) for path in sorted(self.folder.glob("*/*.py"))])
        known = {exercise.name for exercise in self.exercises}
        for answer in self.answers:
            if answer.exercise not in known:
                raise ValueError(f"{answer.path}: no exercise {answer.exercise!r}; there are {sorted(known)}")

    @property
    def name(self) -> str:
        return self.folder.name

    @cached_property
    def source(self) -> str:
        """exercise.py, stub and solution in one."""
        return (self.folder / "exercise.py").read_text()

    @cached_property
    def solution(self) -> dict[str, object]:
        """The names the model solution defines."""
        return runpy.run_path(str(self.folder / "exercise.py"))

    def exercise(self, name: str) -> Exercise:
        return next(exercise for exercise in self.exercises if exercise.name == name)

    def bank(self, exercise: str, kind: str) -> list[Answer]:
        """The right or the wrong answers to an exercise."""
        return [answer for answer in self.answers if (answer.exercise, answer.kind) == (exercise, kind)]


def _answer(path: Path) -> Answer:
    """Read the header: comment lines `# field: text`, continued by lines of `#     text`."""
    header: dict[str, str] = {}
    last = ""
    for line in path.read_text().splitlines():
        if not line.startswith("#"):
            break
        match = re.match(r"# (\w+): (.*)", line)
        if match:
            last = match[1]
            header[last] = match[2].strip()
        elif last:
            header[last] += " " + line.lstrip("# ").strip()
    kind = path.parent.name
    if kind not in FIELDS or set(header) != FIELDS[kind]:
        expected = FIELDS.get(kind, "a folder called right or wrong")
        raise ValueError(f"{path}: header fields {sorted(header)}; expected {expected}")
    return Answer(path, kind, header)
