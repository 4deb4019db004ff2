"""A course in a temporary folder, and nbgrader's own commands run in it."""

import copy
import csv
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

from nbgrader.api import Gradebook

NAME = "10-beta-vae"
ROOT = Path(__file__).resolve().parents[2]
EXERCISES = ROOT / "course" / "exercises" / NAME
SOURCE = ROOT / "course" / "source" / NAME / f"{NAME}.ipynb"


class Course:
    """`folder` is nbgrader's course folder; `submit` hands a notebook in through the exchange."""

    def __init__(self, folder: Path):
        self.folder = folder
        self.exchange = folder.parent / "exchange"
        self.exchange.mkdir(parents=True)
        self.exchange.chmod(0o777)
        shutil.copytree(ROOT / "course" / "exercises", folder / "exercises")
        shutil.copytree(ROOT / "course" / "source", folder / "source")
        settings = (ROOT / "course" / "nbgrader_config.py").read_text()
        settings += f"\nc = get_config()\nc.Exchange.root = {str(self.exchange)!r}\n"
        settings += "c.ExchangeCollect.check_owner = False\nc.SealedExecute.timeout = 10\n"
        (folder / "nbgrader_config.py").write_text(settings)

    def nbgrader(self, *arguments: str) -> str:
        """Run one of nbgrader's commands; what it says."""
        return self.run("-m", "nbgrader", *arguments, log=True)

    def run(self, *arguments: str, log: bool = False) -> str:
        """Run Python with these arguments; its output and, asked for, its log. Raises `AssertionError`."""
        paths = [str(ROOT / "autograder"), str(ROOT)]
        environment = os.environ | {
            "PATH": os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]]),
            "PYTHONPATH": os.pathsep.join(paths),
            "OMP_NUM_THREADS": "1",
            "HOME": str(self.folder.parent),
        }
        command = [sys.executable, *arguments]
        done = subprocess.run(command, cwd=self.folder, env=environment, capture_output=True, text=True)
        if done.returncode:
            raise AssertionError(f"{' '.join(arguments)} failed:\n{done.stderr[-6000:]}")
        return done.stdout + (done.stderr if log else "")

    def release(self) -> dict:
        """The student's notebook."""
        return json.loads((self.folder / "release" / NAME / f"{NAME}.ipynb").read_text())

    def submit(self, student: str, notebook: dict | str, files: dict[str, bytes | str] | None = None) -> None:
        """Put a submission where `nbgrader submit` would."""
        inbound = self.exchange / "dgm-tutor" / "inbound" / f"{student}+{NAME}+2026-03-01 12:00:00.000000 UTC+x"
        inbound.mkdir(parents=True)
        (inbound / f"{NAME}.ipynb").write_text(notebook if isinstance(notebook, str) else json.dumps(notebook))
        always = {"timestamp.txt": "2026-03-01 12:00:00.000000 UTC", "submission_secret.txt": student}
        for name, content in (always | (files or {})).items():
            (inbound / name).write_bytes(content if isinstance(content, bytes) else content.encode())

    def marks(self, student: str) -> dict[str, float | None]:
        """What the gradebook has for each graded cell."""
        return {grade.name: grade.auto_score for grade in self._grades(student)}

    def flagged(self, student: str) -> set[str]:
        """The autograded cells that an instructor is asked to look at."""
        return {g.name for g in self._grades(student) if g.needs_manual_grade and g.name != "interpret"}

    def _grades(self, student: str):
        with Gradebook(f"sqlite:///{self.folder / 'gradebook.db'}") as gradebook:
            grades = gradebook.find_submission_notebook(NAME, NAME, student).grades
            return [Row(g.name, g.auto_score, g.needs_manual_grade) for g in grades]

    def cell(self, student: str, grade_id: str) -> dict:
        """A cell of the autograded notebook."""
        notebook = json.loads((self.folder / "autograded" / student / NAME / f"{NAME}.ipynb").read_text())
        return next(c for c in notebook["cells"] if c["metadata"].get("nbgrader", {}).get("grade_id") == grade_id)

    def feedback(self, student: str) -> str:
        """The feedback page."""
        return (self.folder / "feedback" / student / NAME / f"{NAME}.html").read_text()

    def exported(self) -> dict[str, float]:
        """Scores by student, from the exported table."""
        with open(self.folder / "grades.csv") as file:
            return {row["student_id"]: float(row["score"]) for row in csv.DictReader(file)}


class Row:
    """A grade, read while the database is open."""

    def __init__(self, name: str, auto_score: float | None, needs_manual_grade: bool):
        self.name, self.auto_score, self.needs_manual_grade = name, auto_score, needs_manual_grade


def answered(release: dict, answers: dict[str, str]) -> dict:
    """The release with the given answer cells filled in."""
    notebook = copy.deepcopy(release)
    for cell in notebook["cells"]:
        name = cell["id"].removesuffix("-answer") if cell["id"] != "interpret" else "interpret"
        if name in answers and (cell["id"] == "interpret" or cell["id"].endswith("-answer")):
            cell["source"] = answers[name]
    return notebook


def banked(kind: str, name: str) -> str:
    """The text of a banked answer."""
    return (EXERCISES / kind / f"{name}.py").read_text()


def solutions() -> dict[str, str]:
    """The model answers, by exercise, from the source notebook."""
    cells = json.loads(SOURCE.read_text())["cells"]
    return {c["id"].removesuffix("-answer"): "".join(c["source"]) for c in cells if c["id"].endswith("-answer")}
