"""A course of two small checks and a question, so that a hundred submissions are graded in a minute or two."""

import json
import os
import subprocess
import sys
from pathlib import Path

from nbgrader.api import Gradebook

ROOT = Path(__file__).resolve().parents[2]
NAME = "01-small"
POINTS = {"total": 2.0, "scale": 3.0}
SECRET = "the-secret-of-the-instructor"
EXERCISE = """# %% [markdown] title
# # Small

# %% setup
import math

# %% total
def total(x, y):
    ### BEGIN SOLUTION
    return x.sum() + y.sum()
    ### END SOLUTION

# %% scale
def scale(x):
    ### BEGIN SOLUTION
    return 2 * x
    ### END SOLUTION

# %% [markdown] words
# ### BEGIN SOLUTION
# Because.
# ### END SOLUTION
"""
CHECKS = """
import torch
from dgm_autograder.exercise import Exercise, Question, Test

PROVIDES = ["dgm_tutor.checks"]
QUESTIONS = [Question("words", "Why", points=1, minutes=1)]


def ask_total(answer, inputs):
    return {"value": answer(inputs["x"], inputs["y"])}


def ask_scale(answer, inputs):
    return {"value": answer(inputs["x"])}


def draw(generator):
    return {name: torch.rand(5, generator=generator, dtype=torch.float64) + 1 for name in ("x", "y")}


HINTS = ("one", "two", "three")
EXERCISES = [
    Exercise("total", "Add", "total", 2, 1, 1, HINTS, (Test(ask_total, draw, "Add."),)),
    Exercise("scale", "Double", "scale", 3, 1, 1, HINTS, (Test(ask_scale, draw, "Double."),)),
]
"""
SETTINGS = """
from pathlib import Path
from dgm_autograder.config import configure
c = get_config()
configure(c, Path(__file__).resolve().parent)
c.SealedExecute.timeout = 10
c.SealedExecute.budget = 20.0
c.SealedExecute.probe_timeout = 4.0
c.Bubblewrap.memory = 700_000_000
c.Bubblewrap.disk = 20_000_000
c.Bubblewrap.processes = 64
"""
RIGHT = {"total": "def total(x, y):\n    return x.sum() + y.sum()", "scale": "def scale(x):\n    return 2 * x"}


class SmallCourse:
    """nbgrader's folders below `top/course`; `top` is the instructor's home, with secrets in it.

    `db_url` is the gradebook's address; by default a file in the course's folder.
    """

    def __init__(self, top: Path, db_url: str = ""):
        self.home, self.folder = top, top / "course"
        self.db_url = db_url or f"sqlite:///{self.folder / 'gradebook.db'}"
        exercises = self.folder / "exercises" / NAME
        for kind in ("right", "wrong"):
            (exercises / kind).mkdir(parents=True)
        (exercises / "exercise.py").write_text(EXERCISE)
        (exercises / "checks.py").write_text(CHECKS)
        setting = f"c.CourseDirectory.db_url = {db_url!r}\n" if db_url else ""
        (self.folder / "nbgrader_config.py").write_text(SETTINGS + setting)
        (top / ".ssh").mkdir()
        (top / ".ssh" / "id_rsa").write_text(SECRET)
        make = "from pathlib import Path; from dgm_autograder.assignment import load; import sys;"
        make += "from dgm_autograder.notebook import source_notebook; print(source_notebook(load(Path(sys.argv[1]))))"
        done = self.run(["-c", make, str(exercises)])
        source = self.folder / "source" / NAME
        source.mkdir(parents=True)
        (source / f"{NAME}.ipynb").write_text(done.stdout)
        self.nbgrader("generate_assignment", NAME)
        self.release = json.loads((self.folder / "release" / NAME / f"{NAME}.ipynb").read_text())

    def environment(self) -> dict[str, str]:
        """An instructor's: with a token in it."""
        paths = os.pathsep.join([str(ROOT / "autograder"), str(ROOT)])
        path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
        more = {"PATH": path, "PYTHONPATH": paths, "OMP_NUM_THREADS": "1", "HOME": str(self.home), "LMS_TOKEN": SECRET}
        return os.environ | more

    def run(self, arguments: list[str], check: bool = True) -> subprocess.CompletedProcess:
        """Python with these arguments in the course's folder."""
        done = subprocess.run(
            [sys.executable, *arguments], cwd=self.folder, env=self.environment(), capture_output=True, text=True
        )
        if check and done.returncode:
            raise AssertionError(f"{arguments[:4]} failed:\n{(done.stdout + done.stderr)[-6000:]}")
        return done

    def nbgrader(self, *arguments: str) -> str:
        """Run a command; what it says."""
        done = self.run(["-W", "ignore", "-m", "nbgrader", *arguments])
        return done.stdout + done.stderr

    def place(self, student: str) -> Path:
        """The folder of a student's submission."""
        folder = self.folder / "submitted" / student / NAME
        folder.mkdir(parents=True, exist_ok=True)
        return folder

    def submit(self, student: str, notebook: dict | str | bytes | None, files: dict | None = None) -> None:
        """Hand in a notebook, and files beside it."""
        folder = self.place(student)
        if notebook is not None:
            content = notebook if isinstance(notebook, (str, bytes)) else json.dumps(notebook)
            content = content if isinstance(content, bytes) else content.encode(errors="surrogatepass")
            (folder / f"{NAME}.ipynb").write_bytes(content)
        for name, content in (files or {}).items():
            (folder / name).parent.mkdir(exist_ok=True)
            (folder / name).write_bytes(content if isinstance(content, bytes) else content.encode())

    def solved(self, cells: list[str] = (), answers: dict[str, str] | None = None) -> dict:
        """The release with answers (right ones by default) and with cells put first."""
        notebook = json.loads(json.dumps(self.release))
        for cell in notebook["cells"]:
            name = cell["id"].removesuffix("-answer")
            if cell["id"].endswith("-answer") and name in (RIGHT if answers is None else answers):
                cell["source"] = (RIGHT if answers is None else answers)[name]
        return put_first(notebook, cells)

    def grades(self) -> dict[str, dict[str, tuple]]:
        """By student and check: automatic mark, manual mark, whether it is flagged, the comment at its answer."""
        found: dict[str, dict[str, tuple]] = {}
        with Gradebook(self.db_url) as gradebook:
            for submission in gradebook.assignment_submissions(NAME):
                notebook = submission.notebooks[0]
                comments = {comment.name: comment.auto_comment or "" for comment in notebook.comments}
                found[submission.student.id] = {
                    g.name: (g.auto_score, g.manual_score, g.needs_manual_grade, comments.get(f"{g.name}-answer", ""))
                    for g in notebook.grades
                    if g.name in POINTS
                }
        return found


def put_first(notebook: dict, cells: list[str], kind: str = "code") -> dict:
    """The notebook with cells put before all others."""
    more = {"outputs": [], "execution_count": None} if kind == "code" else {}
    new = [
        {"cell_type": kind, "id": f"extra-{index}", "metadata": {}, "source": source, **more}
        for index, source in enumerate(cells)
    ]
    return notebook | {"cells": new + notebook["cells"]}
