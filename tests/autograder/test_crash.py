"""A grader killed anywhere: a plain second run grades everyone, keeps manual marks, and leaves no stale one."""

import contextlib
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import psutil
import pytest
from dgm_autograder.provisioner import PREFIX, sweep
from nbgrader.api import Gradebook

from ..attacks.course import NAME, RIGHT, SmallCourse
from .test_sandbox import wait

SEED = 20261122
KILLS = 4


def autograde_until(course: SmallCourse, lines: int) -> int:
    """Start the command and SIGKILL it soon after it has logged that many lines; what its process was."""
    command = [sys.executable, "-W", "ignore", "-m", "nbgrader", "autograde", NAME]
    about = {"cwd": course.folder, "env": course.environment(), "text": True, "start_new_session": True}
    with subprocess.Popen(command, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, **about) as grader:
        for _, _ in zip(range(lines), grader.stderr, strict=False):
            pass
        time.sleep(random.Random(lines).random() * 2)
        os.kill(grader.pid, signal.SIGKILL)  # only the grader: workers and kernels must go by themselves
    return grader.pid


def left(course: SmallCourse, grader: int) -> list[str]:
    """The command lines of processes in a grader's rooms, of its warm process, and of its workers."""
    found = []
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error):
            line = " ".join(process.cmdline())
            if f"{PREFIX}{grader}-" in line or process.cwd() == str(course.folder):
                found.append(line)
    return found


@pytest.mark.slow
def test_a_killed_grader_leaves_nothing_wrong(tmp_path, db_url):
    course = SmallCourse(tmp_path, db_url)
    course.submit("ann", course.solved())
    course.nbgrader("autograde", NAME)
    with Gradebook(course.db_url) as gradebook:
        gradebook.find_grade("scale", NAME, NAME, "ann").manual_score = 1.5
        gradebook.db.commit()
    course.submit("ann", course.solved(answers={"scale": RIGHT["scale"]}))  # worse, with no time that says so
    course.submit("bob", course.solved())
    course.submit("eve", course.solved(["import time\ntime.sleep(2)"], answers={"total": RIGHT["total"]}))
    draw = random.Random(SEED)
    killed = []
    for _ in range(KILLS // 2 if db_url else KILLS):
        killed.append(autograde_until(course, draw.randrange(1, 40)))
        assert wait(lambda: not left(course, killed[-1])), left(course, killed[-1])
    (course.folder / "autograded" / "bob" / NAME).mkdir(parents=True, exist_ok=True)  # as a kill may leave it
    course.nbgrader("autograde", NAME)
    marks = {student: {name: g[0] for name, g in grades.items()} for student, grades in course.grades().items()}
    assert marks == {
        "ann": {"total": 0.0, "scale": 3.0},
        "bob": {"total": 2.0, "scale": 3.0},
        "eve": {"total": 2.0, "scale": 0.0},
    }
    assert course.grades()["ann"]["scale"][1] == 1.5, "the manual mark is gone"
    assert not (course.folder / ".intake").exists()
    assert not [room for grader in killed for room in Path(tempfile.gettempdir()).glob(f"{PREFIX}{grader}-*")]
    said = course.nbgrader("autograde", NAME)  # and now there is nothing to do
    assert said.count("Skipping existing") == 3 and "Grading again" not in said


def test_rooms_of_dead_graders_are_swept_and_others_stay(monkeypatch, tmp_path):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    gone = subprocess.Popen(["true"])
    gone.wait()
    for owner in (gone.pid, os.getpid()):
        (tmp_path / f"{PREFIX}{owner}-x").mkdir()
    (tmp_path / f"{PREFIX}{gone.pid}-link").symlink_to(tmp_path / "elsewhere")
    (tmp_path / "elsewhere").mkdir()
    sweep()
    assert {path.name for path in Path(tmp_path).iterdir()} == {
        f"{PREFIX}{os.getpid()}-x",
        f"{PREFIX}{gone.pid}-link",
        "elsewhere",
    }
