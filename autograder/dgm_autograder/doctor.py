"""What this machine can enforce on a student's kernel: each promise of the sandbox, tried."""

import os
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path

from dgm_autograder import confine, seccomp
from dgm_autograder.forkserver import Door, NoFork, Server
from dgm_autograder.limits import MIB, Limits


@dataclass(frozen=True)
class Finding:
    """A promise, whether it holds here, and how, or what to do."""

    promise: str
    holds: bool
    note: str = ""


# Promise, what a shell in the room tries, and what it must not be able to say.
TRIALS = (
    ("no network", 'test "$(grep -c : /proc/net/dev)" = 1 || echo broken'),
    ("no other process in sight", 'test "$(ls -d /proc/[0-9]* | wc -l)" -lt 8 || echo broken'),
    ("the environment cannot be written", "touch /usr/x / /dev/x 2> /dev/null; test -e /dev/x && echo broken"),
    ("the disk is small", "head -c 4000000 /dev/zero 2> /dev/null > /tmp/a && echo broken"),
    ("processes are counted", "(for i in $(seq 40); do sleep 1 & done; echo broken) 2> /dev/null"),
    ("system calls are filtered", "unshare -U echo broken 2> /dev/null"),
    ("no privilege is left", "grep -q 'CapEff:.*[1-9a-f]$' /proc/self/status && echo broken"),
)
USERNS = (
    "user namespaces seem to be forbidden: allow them (sysctl kernel.unprivileged_userns_clone=1; on Ubuntu an "
    "AppArmor profile for bwrap), or grade as root"
)


LIMITS = Limits(memory=200 * MIB, disk=MIB, file=MIB, processes=16, cpu=10)


def doctor() -> list[Finding]:
    """Every promise, tried on this machine as the user who asks, in rooms of both kinds: started and forked."""
    try:
        tools = ["bwrap", "prlimit", *(["setpriv"] if os.geteuid() == 0 else [])]
        for name in tools:
            confine.tool(name)
        seccomp.program()
    except RuntimeError as error:
        return [Finding("students' code can be confined", False, str(error))]
    said, complaint = _started("echo ready")
    if said.strip() != "ready":
        return [Finding("students' code can be confined", False, f"{complaint.strip()[:300]}; {USERNS}")]
    ways, note = [lambda script: _started(script)[0]], "as root" if os.geteuid() == 0 else "as a user"
    server = Server(preload=())
    try:
        _forked(server.door, "echo ready")
        ways.append(lambda script: _forked(server.door, script))
        note += "; kernels are forked from a warm process"
    except NoFork as error:
        note += f"; every kernel starts anew, which is slower: {error}"
    found = [Finding("students' code can be confined", True, note)]
    for promise, trial in TRIALS:
        holds = not any("broken" in way(trial) for way in ways)
        found.append(Finding(promise, holds, "" if holds else "this kernel does not enforce it: use a newer one"))
    server.stop()
    return found


def _started(script: str) -> tuple[str, str]:
    """What a shell in a small room says, and what it complains of."""
    with tempfile.TemporaryDirectory() as folder, tempfile.TemporaryFile() as program:
        program.write(seccomp.program())
        program.seek(0)
        uid = confine.stranger()
        line = confine.command(
            Path(folder), ["/bin/sh", "-c", script], limits=LIMITS, seccomp=program.fileno(), uid=uid
        )
        done = subprocess.run(
            line, pass_fds=[program.fileno()], env={}, cwd="/", capture_output=True, text=True, timeout=60
        )
    return done.stdout, done.stderr


def _forked(door: Door, script: str) -> str:
    """What a shell says in a small room that is forked. Raises `NoFork`."""
    room, uid = door.room(), confine.stranger()
    if uid is not None:
        os.chown(room, uid, uid)
    line = ["/bin/sh", "-c", f"exec > {room}/said 2> /dev/null; {script}"]
    door.fork(room, limits=LIMITS, uid=uid, inner=line).wait(60)
    return (room / "said").read_text(errors="replace")
