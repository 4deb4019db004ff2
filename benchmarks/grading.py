"""Submissions graded a minute: nbgrader as it comes, and with this project's steps, in one run on the same notebooks.

    python benchmarks/grading.py --students 30

The notebooks hold right answers to every question, import torch, and come with the trained weights that the sheet asks
for; with `--train` without them, so that each notebook trains its own, which is most of its time. Stock nbgrader runs
the instant checks in the student's kernel, ours asks the hidden checks from outside; before anything is reported the
marks must be equal. Seconds hold the whole command, with its start; `next` are those between one finished submission
and the next. Processor seconds are those of all the command's processes, looked at ten times a second: on a busy
machine they say more. Numbers are ratios, not promises.
"""

import argparse
import contextlib
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import psutil
from nbgrader.api import Gradebook

PERIOD = 0.1  # seconds
ROOT = Path(__file__).resolve().parents[1]
NAME = "10-beta-vae"
STOCK = "c = get_config()\nc.CourseDirectory.course_id = 'x'\n"
OURS = """from pathlib import Path
from dgm_autograder.config import configure
c = get_config()
configure(c, Path(__file__).resolve().parent)
"""


def nbgrader(course: Path, *arguments: str) -> dict[str, float]:
    """Seconds of a command, processor seconds too. Raises `CalledProcessError` where it fails."""
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    more = {"PATH": path, "HOME": str(course.parent), "OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT / "autograder")}
    command = [sys.executable, "-W", "ignore", "-m", "nbgrader", *arguments]
    start, used, finished = time.perf_counter(), {}, []
    with open(course.parent / "log", "w") as log:
        running = psutil.Popen(command, cwd=course, env=os.environ | more, stdout=log, stderr=log)
        while running.poll() is None:
            with contextlib.suppress(psutil.Error):  # one that is gone by now
                for process in [running, *running.children(recursive=True)]:
                    used[process.pid, process.create_time()] = sum(process.cpu_times()[:2])
            said = Path(log.name).read_text()
            count = said.count("Finished ") or said.count("Autograding ")  # ours or stock's
            finished += [time.perf_counter()] * (count - len(finished))
            time.sleep(PERIOD)
    if running.returncode:
        raise subprocess.CalledProcessError(running.returncode, command, Path(log.name).read_text())
    following = (finished[-1] - finished[0]) / (len(finished) - 1) if len(finished) > 1 else 0.0
    return {"seconds": time.perf_counter() - start, "processor": sum(used.values()), "next": following}


def weights() -> bytes:
    """The best ones there are, from the bank of right answers."""
    with tempfile.TemporaryDirectory() as folder:
        right = ROOT / "course" / "exercises" / NAME / "right" / "experiment_closed_form.py"
        subprocess.run([sys.executable, right], cwd=folder, check=True)
        return Path(folder, "experiment.safetensors").read_bytes()


def make(course: Path, settings: str, students: int, solved: bool = True, trained: bool = False) -> None:
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
    handed_in = weights() if trained else b""
    for student in range(students):
        folder = course / "submitted" / f"student{student}" / NAME
        folder.mkdir(parents=True)
        (folder / f"{NAME}.ipynb").write_text(json.dumps(notebook))
        if trained:
            (folder / "experiment.safetensors").write_bytes(handed_in)


def marks(course: Path) -> dict[str, dict[str, float | None]]:
    """The automatic mark of every graded cell of every student."""
    with Gradebook(f"sqlite:///{course / 'gradebook.db'}") as gradebook:
        return {
            submission.student.id: {grade.name: grade.auto_score for grade in submission.notebooks[0].grades}
            for submission in gradebook.assignment_submissions(NAME)
        }


def main() -> None:
    """Print seconds a submission and their ratio; `--json` also writes them, beside those of the other kind."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--students", type=int, default=30)
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--jobs", type=int, default=0, help="as in the setting of that name")
    parser.add_argument("--train", action="store_true", help="no weights are handed in")
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    found: dict[str, list[dict[str, float]]] = {"stock": [], "ours": []}
    with tempfile.TemporaryDirectory() as top:
        courses = {name: Path(top, name, "course") for name in ("stock", "ours")}
        for name, settings in {"stock": STOCK, "ours": OURS + f"c.ClassAutograde.jobs = {arguments.jobs}\n"}.items():
            make(courses[name], settings, arguments.students, trained=not arguments.train)
        for _ in range(arguments.rounds):
            for name, course in courses.items():
                shutil.rmtree(course / "autograded", ignore_errors=True)
                took = nbgrader(course, "autograde", NAME)
                took |= {key: took[key] / arguments.students for key in ("seconds", "processor")}
                found[name].append(took | {"load": os.getloadavg()[0]})
                print(name, *(f"{key} {value:.2f}" for key, value in found[name][-1].items()), flush=True)
        earned = {name: marks(course) for name, course in courses.items()}
    if earned["stock"] != earned["ours"]:
        raise SystemExit(f"the marks are not equal: {earned}")
    result: dict = {
        name: {key: round(statistics.median(row[key] for row in rows), 3) for key in rows[0]}
        for name, rows in found.items()
    }
    for key in ("seconds", "processor"):
        result[f"ratio of {key}"] = round(result["stock"][key] / result["ours"][key], 2)
    result |= {"students": arguments.students, "rounds": arguments.rounds, "jobs": arguments.jobs, "marks": "equal"}
    result["cores"] = os.cpu_count()
    print(json.dumps(result))
    if arguments.json:
        kept = json.loads(arguments.json.read_text()) if arguments.json.exists() else {}
        what = "each trains" if arguments.train else "weights handed in"
        kept[f"{arguments.students} students, {what}"] = result
        arguments.json.write_text(json.dumps(kept, indent=1) + "\n")


if __name__ == "__main__":
    main()
