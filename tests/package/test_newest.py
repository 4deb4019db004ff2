"""The course with the newest versions of everything but torch, instead of the pins."""

import os
import re

import pytest
import setup

pytestmark = pytest.mark.package

QUICK_BUT_PINS = "not slow and not browser and not package and not pinned"


def test_the_quick_tests_pass_with_the_newest_versions(root, wheel, fresh, tmp_path, execute):
    torch = re.search(r"^torch==.+$", (root / "constraints.txt").read_text(), re.MULTILINE)[0]
    pins = tmp_path / "only-torch.txt"
    pins.write_text(torch + "\n")
    companions = [f"{folder}{extras}" for folder, extras in setup.projects(root).items() if folder != root]
    venv = fresh(f"{wheel}[course,cluster,test]", *companions, pins=pins)
    command = [venv / "bin" / "pytest", "-q", "-m", QUICK_BUT_PINS, "-n", "2", "--dist", "loadfile"]
    env = {**os.environ, "PATH": f"{venv / 'bin'}{os.pathsep}{os.environ['PATH']}", "OMP_NUM_THREADS": "1"}
    said = execute(*command, "-p", "no:cacheprovider", cwd=root, env=env)
    assert re.search(r"\d+ passed", said)
