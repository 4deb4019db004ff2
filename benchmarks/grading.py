"""Submissions graded a minute: nbgrader as it comes, and with this project's steps, in one run on the same notebooks.

    python benchmarks/grading.py --students 20 --jobs 2

The notebooks hold right answers to every question and import torch. Stock nbgrader runs the instant checks in the
student's kernel, ours asks the hidden checks from outside; before anything is reported the marks must be equal. Both
numbers hold the whole command, with its start; `warm` is ours without what a run with nothing left to do takes. Rounds
alternate, so that a busy machine is busy for both. Numbers are ratios, not promises.
"""

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from nbgrader.api import Gradebook

ROOT = Path(__file__).resolve().parents[1]
NAME = "10-beta-vae"
STOCK = "c = get_config()\nc.CourseDirectory.course_id = 'x'\n"
OURS = """from pathlib import Path
from dgm_autograder.config import configure
configure(get_config(), Path(__file__).resolve().parent)
"""


def nbgrader(course: Path, *arguments: str) -> float:
    """Seconds of a command. Raises `CalledProcessError` where it fails."""
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    more = {"PATH": path, "HOME": str(course.parent), "OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT / "autograder")}
    command = [sys.executable, "-W", "ignore", "-m", "nbgrader", *arguments]
    start = time.perf_counter()
    subprocess.run(command, cwd=course, env=os.environ | more, check=True, capture_output=True)
    return time.perf_counter() - start


def make(course: Path, settings: str, students: int, solved: bool = True) -> None:
    """A course with that many submissions of the model solution, or of the sheet as it was handed out."""
    for folder in ("exercises", "source"):
        shutil.copytree(ROOT / "course" / folder, course / folder)
    (course / "nbgrader_config.py").write_text(settings)
    nbgrader(course, "generate_assignment", NAME)
    notebook = json.loads((course / "release" / NAME / f"{NAME}.ipynb").read_text())
    source = json.loads((course / "source" / NAME / f"{NAME}.ipynb").read_text())
    answers = {cell["id"]: cell["source"] for cell in source["cells"] if cell["id"].endswith("-answer")}
    for cell in notebook["cells"] if solved else []:
        cell["source"] = answers.get(cell["id"], cell["source"])
    for student in range(students):
        folder = course / "submitted" / f"student{student}" / NAME
        folder.mkdir(parents=True)
        (folder / f"{NAME}.ipynb").write_text(json.dumps(notebook))


def marks(course: Path) -> dict[str, dict[str, float | None]]:
    """The automatic mark of every graded cell of every student."""
    with Gradebook(f"sqlite:///{course / 'gradebook.db'}") as gradebook:
        return {
            submission.student.id: {grade.name: grade.auto_score for grade in submission.notebooks[0].grades}
            for submission in gradebook.assignment_submissions(NAME)
        }


def main() -> None:
    """Print seconds a submission and their ratio; `--json` also writes them."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--students", type=int, default=20)
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    seconds: dict[str, list[float]] = {"stock": [], "ours": [], "warm": []}
    with tempfile.TemporaryDirectory() as top:
        courses = {name: Path(top, name, "course") for name in ("stock", "ours")}
        make(courses["stock"], STOCK, arguments.students)
        make(courses["ours"], OURS + f"get_config().ClassAutograde.jobs = {arguments.jobs}\n", arguments.students)
        for _ in range(arguments.rounds):
            for name, course in courses.items():
                shutil.rmtree(course / "autograded", ignore_errors=True)
                seconds[name].append(nbgrader(course, "autograde", NAME) / arguments.students)
                print(f"{name}: {seconds[name][-1]:.2f} s a submission, load {os.getloadavg()[0]:.1f}", flush=True)
            idle = nbgrader(courses["ours"], "autograde", NAME) / arguments.students
            seconds["warm"].append(seconds["ours"][-1] - idle)
        earned = {name: marks(course) for name, course in courses.items()}
    if earned["stock"] != earned["ours"]:
        raise SystemExit(f"the marks are not equal: {earned}")
    result = {name: statistics.median(found) for name, found in seconds.items()}
    result |= {"ratio": result["stock"] / result["ours"], "students": arguments.students, "jobs": arguments.jobs}
    result |= {"load": os.getloadavg()[0], "cores": os.cpu_count(), "marks": "equal"}
    print(json.dumps(result))
    if arguments.json:
        arguments.json.write_text(json.dumps(result, indent=1) + "\n")


if __name__ == "__main__":
    main()
