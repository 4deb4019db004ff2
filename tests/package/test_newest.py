"""The course with the newest versions of everything but torch, instead of the pins."""

import os
import re
import sys

import pytest
import setup

pytestmark = pytest.mark.package

QUICK_BUT_PINS = "not slow and not browser and not package and not pinned"


@pytest.fixture(scope="module")
def newest(root, wheel, fresh, tmp_path_factory, execute):
    """Runs pytest there, and gives what it said."""
    torch = re.search(r"^torch==.+$", (root / "constraints.txt").read_text(), re.MULTILINE)[0]
    pins = tmp_path_factory.mktemp("pins") / "only-torch.txt"
    pins.write_text(torch + "\n")
    companions = [f"{folder}{extras}" for folder, extras in setup.projects(root).items() if folder != root]
    venv = fresh(f"{wheel}[course,cluster,test]", *companions, pins=pins)
    env = {**os.environ, "PATH": f"{venv / 'bin'}{os.pathsep}{os.environ['PATH']}", "OMP_NUM_THREADS": "1"}
    command = [venv / "bin" / "pytest", "-q", "-n", "2", "--dist", "loadfile", "-p", "no:cacheprovider"]
    return lambda *arguments: execute(*command, *arguments, cwd=root, env=env)


def test_the_quick_tests_pass_with_the_newest_versions(newest):
    assert re.search(r"\d+ passed", newest("-m", QUICK_BUT_PINS))


@pytest.mark.skipif(sys.platform != "linux", reason="there is no Triton for this system")
def test_the_kernels_pass_with_the_newest_triton(newest):
    """In the interpreter, and compiled ahead of time: none may spill, whatever the lock says of the pinned one."""
    assert re.search(r"\d+ passed", newest("-m", "slow and not pinned", "tests/kernels"))
