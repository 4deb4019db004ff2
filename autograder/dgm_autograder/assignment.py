"""An assignment's folder: its exercises, the model solution, and the bank of right and wrong answers."""

import contextlib
import re
import shutil
import sys
import tempfile
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from importlib.util import module_from_spec, spec_from_file_location
from multiprocessing.util import Finalize
from pathlib import Path
from types import ModuleType

from dgm_autograder.exercise import Exercise, Question
from dgm_autograder.overlay import overlaid, part

FIELDS = {"right": {"exercise", "how"}, "wrong": {"exercise", "slip", "says", "source"}}


@dataclass(frozen=True)
class Answer:
    """A banked answer: a self-contained file whose header comment says what it is."""

    path: Path
    kind: str  # right or wrong
    header: dict[str, str]
    private: bool = False  # of an overlay: what it says is not for students

    @property
    def exercise(self) -> str:
        return self.header["exercise"]

    @property
    def text(self) -> str:
        return self.path.read_text()

    @cached_property
    def namespace(self) -> dict[str, object]:
        """The names the file defines. Trusted code: it runs in this process."""
        return _run(self.path)


@dataclass(frozen=True, eq=False)
class Assignment:
    """`course/exercises/NN-name`. Raises `ValueError` saying what is wrong with the folder.

    Equal to nothing but itself, so that what is known of it may be kept by it; see `load`.

    With an `overlay`, the assignment's folder in an instructor's private one, checks and banked answers are those of
    both: see `overlay.py`. The text of the notebook never is.
    """

    folder: Path
    overlay: Path | None = None
    exercises: list[Exercise] = field(init=False)
    public: dict[str, Exercise] = field(init=False)  # by name, as they are without the overlay
    seed: int | None = field(init=False, default=None)  # of every submission's inputs, where the overlay sets one
    questions: list[Question] = field(init=False)
    provides: list[str] = field(init=False)  # the modules of dgm_tutor there are while a student is graded
    answers: list[Answer] = field(init=False)
    _solved: dict[str, dict[str, object]] = field(init=False, default_factory=dict)

    def __post_init__(self) -> None:
        for name in ("exercise.py", "checks.py"):
            if not (self.folder / name).is_file():
                raise ValueError(f"{self.folder} is not an exercise folder: it has no {name}")
        checks = _checks(self.folder)
        object.__setattr__(self, "public", {exercise.name: exercise for exercise in checks.EXERCISES})
        answers = {path.relative_to(self.folder): _answer(path) for path in self.folder.glob("*/*.py")}
        if self.overlay:
            checks = overlaid(self.folder, self.overlay, checks)
            object.__setattr__(self, "seed", getattr(checks, "SEED", None))
            for path in self.overlay.glob("*/*.py"):
                answers[path.relative_to(self.overlay)] = _answer(path, private=True)
        for name in ("EXERCISES", "QUESTIONS", "PROVIDES"):
            object.__setattr__(self, name.lower(), list(getattr(checks, name)))
        object.__setattr__(self, "answers", [answer for _, answer in sorted(answers.items())])
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

    def solve(self, name: str) -> dict[str, object]:
        """The names defined by exercise.py without the answers to the other exercises: no training but one's own."""
        if name not in self._solved:
            others = {exercise.name for exercise in self.exercises} - {name}
            cells = re.split(r"^# %% ", self.source, flags=re.MULTILINE)
            text = "# %% ".join(cell for cell in cells if cell.split("\n", 1)[0] not in others)
            self._solved[name] = _run(self.folder / "exercise.py", text)
        return self._solved[name]

    def exercise(self, name: str) -> Exercise:
        return next(exercise for exercise in self.exercises if exercise.name == name)

    def private(self, exercise: Exercise) -> list[bool]:
        """For each test of an exercise, whether only the overlay has it."""
        return [test not in self.public[exercise.name].tests for test in exercise.tests]

    def bank(self, exercise: str, kind: str) -> list[Answer]:
        """The right or the wrong answers to an exercise."""
        return [answer for answer in self.answers if (answer.exercise, answer.kind) == (exercise, kind)]


def _checks(folder: Path) -> ModuleType:
    """checks.py as a package of its own, so that it may import its neighbours: `from . import probes`."""
    name = f"dgm_exercises_{re.sub(r'[^a-z0-9]', '_', folder.name)}"
    for old in [module for module in sys.modules if module == name or module.startswith(f"{name}.")]:
        del sys.modules[old]
    found = spec_from_file_location(name, folder / "checks.py", submodule_search_locations=[str(folder)])
    module = module_from_spec(found)
    sys.modules[name] = module
    found.loader.exec_module(module)
    return module


def load(folder: Path, overlay: Path | None = None) -> Assignment:
    """The assignment in `folder`, under its part of a private `overlay`; kept until one of its files changes."""
    folder = folder.resolve()
    private = part(overlay, folder) if overlay else None
    files = [path for place in filter(None, (folder, private)) for path in place.rglob("*.py")]
    return _load(folder, private, max((path.stat().st_mtime_ns for path in files), default=0))


@lru_cache(maxsize=8)
def _load(folder: Path, overlay: Path | None, changed: int) -> Assignment:
    return Assignment(folder, overlay)


def _run(path: Path, text: str | None = None) -> dict[str, object]:
    """Run a file (or its `text`) in a folder of its own, kept until the process ends: an answer may be a file."""
    folder = tempfile.mkdtemp(prefix="dgm-answer-")
    Finalize(None, shutil.rmtree, args=(folder, True), exitpriority=0)  # atexit does not reach a pool's workers
    namespace: dict[str, object] = {"__name__": path.stem, "__file__": str(path.resolve())}
    with contextlib.chdir(folder):
        exec(compile(path.read_text() if text is None else text, path, "exec"), namespace)
    return namespace


def _answer(path: Path, private: bool = False) -> Answer:
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
    return Answer(path, kind, header, private)
