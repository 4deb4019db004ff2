"""A shell in a room: started anew, or forked from a warm process; by whoever runs the tests, or by another user."""

import json
import os
import shutil
import subprocess
import sys
import tempfile
from dataclasses import asdict
from pathlib import Path

import dgm_autograder
import pytest
from dgm_autograder import confine, seccomp
from dgm_autograder.limits import Limits

import dgm_tutor

USERS = [None, *([12345] if os.geteuid() == 0 else [])]
WAYS = [(way, user) for way in ("cold", "warm") for user in USERS]
FORK = """
import json, os, sys
from dgm_autograder import confine, forkserver
from dgm_autograder.limits import Limits
server = forkserver.Server(preload=())
room, uid = server.door.room(), confine.stranger()
if uid is not None:
    os.chown(room, uid, uid)
script = f"exec > {room}/said 2>&1; " + sys.argv[2]
forked = server.door.fork(room, limits=Limits(**json.loads(sys.argv[1])), uid=uid, inner=["/bin/sh", "-c", script])
forked.wait(60)
sys.stdout.write((room / "said").read_text(errors="replace"))
"""


def cold(script: str, limits: Limits, user: int | None) -> str:
    """What a shell prints in a room; by a grader who is root, or by one who is `user`."""
    with tempfile.TemporaryDirectory() as room, tempfile.TemporaryFile() as program:
        program.write(seccomp.program())
        program.seek(0)
        uid = confine.stranger() if user is None else None
        owner = uid or user
        if owner:
            os.chown(room, owner, owner)
        line = confine.command(Path(room), ["/bin/sh", "-c", script], limits=limits, seccomp=program.fileno(), uid=uid)
        if user is not None:  # this machine's Python may lie where only root can look
            line = _without(line, "--ro-bind", sys.prefix, sys.base_prefix)
        about = {"user": user, "group": user, "extra_groups": []} if user is not None else {}
        done = subprocess.run(
            line, pass_fds=[program.fileno()], capture_output=True, text=True, timeout=60, cwd="/", env={}, **about
        )
    return done.stdout + done.stderr


def _without(line: list[str], option: str, *paths: str) -> list[str]:
    kept, index = [], 0
    real = {os.path.realpath(path) for path in paths}
    while index < len(line):
        if line[index] == option and line[index + 1] in real:
            index += 3
        else:
            kept.append(line[index])
            index += 1
    return kept


def warm(script: str, limits: Limits, user: int | None) -> str:
    """The same in a room forked from a warm process."""
    python, about = sys.executable, {}
    if user is not None:
        about = {"user": user, "group": user, "extra_groups": []}
        python = shutil.which("python3", path="/usr/bin:/usr/local/bin")
        if python is None:
            pytest.fail("no Python that every user may run: install the system's python3")
    with tempfile.TemporaryDirectory() as folder:
        os.chmod(folder, 0o755)
        for package in (dgm_autograder, dgm_tutor):
            copy = Path(folder, package.__name__)
            copy.mkdir()
            for path in Path(package.__file__).parent.glob("*.py"):
                shutil.copy(path, copy)
        line = [python, "-c", FORK, json.dumps(asdict(limits)), script]
        environment = {"PATH": os.environ["PATH"], "PYTHONPATH": folder, "LMS_TOKEN": os.environ.get("LMS_TOKEN", "")}
        done = subprocess.run(line, capture_output=True, text=True, timeout=90, cwd="/", env=environment, **about)
    return done.stdout + done.stderr


def inside(script: str, limits: Limits, way: str = "cold", user: int | None = None) -> str:
    """What a shell prints in a room."""
    return (cold if way == "cold" else warm)(script, limits, user)
