"""From release to feedback through nbgrader's exchange, with a student's own nbgrader at the other end."""

import json
import os
import subprocess
import sys

import pytest
from nbgrader.utils import get_username

from ..attacks import course as small
from ..attacks.course import NAME, RIGHT, SmallCourse
from .test_teaching import desk

pytestmark = pytest.mark.slow


class Student:
    """Somebody with a home and plain nbgrader: no autograder, no course."""

    def __init__(self, home, exchange):
        self.home, self.name = home, get_username()
        (home / ".jupyter").mkdir(parents=True)
        settings = f"c = get_config()\nc.Exchange.root = {str(exchange)!r}\nc.CourseDirectory.course_id = 'dgm-tutor'\n"
        (home / ".jupyter" / "nbgrader_config.py").write_text(settings)

    def nbgrader(self, *arguments: str) -> str:
        environment = {"HOME": str(self.home), "PATH": os.environ["PATH"]}
        command = [sys.executable, "-W", "ignore", "-m", "nbgrader", *arguments]
        done = subprocess.run(command, cwd=self.home, env=environment, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        return done.stderr


def test_a_class_through_the_exchange(tmp_path, monkeypatch):
    exchange = tmp_path / "exchange"
    exchange.mkdir()
    exchange.chmod(0o777)
    monkeypatch.setattr(small, "SETTINGS", f"{small.SETTINGS}c.Exchange.root = {str(exchange)!r}\n")
    (tmp_path / "prof").mkdir()
    course, student = SmallCourse(tmp_path / "prof"), Student(tmp_path / "home", exchange)
    assert "in nbgrader's exchange, too" in desk(course, "release", NAME, "--publish", "--seeds", "1", "--jobs", "1")
    student.nbgrader("fetch_assignment", NAME)
    work = student.home / NAME / f"{NAME}.ipynb"
    assert json.loads(work.read_text())["cells"] == course.release["cells"]
    work.write_text(json.dumps(course.solved(answers={"scale": RIGHT["scale"]})))
    student.nbgrader("submit", NAME)

    for name, secret in (("[b]", None), ("nul", b"\xff\x00"), ("void", b"")):
        inbound = exchange / "dgm-tutor" / "inbound" / f"{name}+{NAME}+2026-03-01 12:00:00.000000 UTC+x"
        inbound.mkdir()
        (inbound / f"{NAME}.ipynb").write_text(json.dumps(course.solved()))
        if secret is not None:
            (inbound / "submission_secret.txt").write_bytes(secret)
    with open(course.folder / "nbgrader_config.py", "a") as settings:
        settings.write("c.ExchangeCollect.check_owner = False\n")  # one account here hands in for all
    assert desk(course, "collect", NAME, "--json")[0]["count"] == 4
    desk(course, "grade", NAME)
    assert course.grades()[student.name]["scale"][0] == 3.0
    said = desk(course, "feedback", NAME, "--publish", code=1)
    assert said.endswith("give these pages back the way the work came.\n") and "App |" not in said
    assert "for [b], nul, void:" in said and student.name not in said.split("No feedback in the exchange")[1]

    student.nbgrader("fetch_feedback", NAME)
    (page,) = student.home.rglob("*.html")
    assert ": 3 of 6 points" in page.read_text()
