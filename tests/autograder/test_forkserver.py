"""Kernels forked from a warm process: like those started anew, strangers to one another, and it outlives them."""

import json
import os
import time

import psutil
import pytest
from dgm_autograder import confine, forkserver
from dgm_autograder.forkserver import NoFork, Server
from dgm_autograder.limits import Limits
from jupyter_core.utils import run_sync

from .test_room import PROVIDES, room, run
from .test_sandbox import wait

pytestmark = pytest.mark.slow
SAID = """
import builtins, json, os, random, resource, signal, sys
import numpy, torch
limits = {name: resource.getrlimit(getattr(resource, name)) for name in dir(resource) if name.startswith("RLIMIT_")}
drawn = [random.random(), float(numpy.random.rand()), float(torch.rand(()))]
kept = ("CapEff", "CapBnd", "NoNewPrivs", "Seccomp")
undebugged = {name: value for name, value in os.environ.items() if "PYDEV" not in name}
print(json.dumps({
    "argv": sys.argv[:2], "path": sys.path, "environment": undebugged, "limits": limits, "cwd": os.getcwd(),
    "main": sorted(vars(sys.modules["__main__"])), "threads": torch.get_num_threads(), "drawn": drawn,
    "input": os.readlink("/proc/self/fd/0"), "interrupt": str(signal.getsignal(2)),
    "status": [line for line in open("/proc/self/status") if line.split(":")[0] in kept],
}))
"""


@pytest.fixture(scope="module")
def pair(tmp_path_factory):
    """Two kernels forked from one process, at the same time."""
    with room(tmp_path_factory.mktemp("a")) as first, room(tmp_path_factory.mktemp("b")) as second:
        yield first, second


def test_a_forked_kernel_is_like_one_started_anew(pair, tmp_path):
    forked = json.loads(run(pair[0][1], SAID))
    with room(tmp_path, warm=False) as (_, client):
        started = json.loads(run(client, SAID))
    for said in (forked, started):
        said.pop("drawn")
        said["argv"] = said["argv"][1:]
    assert forked == started


def test_two_forks_draw_other_numbers(pair):
    drawn = [json.loads(run(client, SAID))["drawn"] for _, client in pair]
    for first, second in zip(*drawn, strict=True):
        assert first != second


def test_a_fork_finds_everything_imported_and_no_debugger(pair):
    look = f"import sys; print([name for name in {forkserver.PRELOADED} if name not in sys.modules])"
    assert run(pair[0][1], look).strip() == "[]"
    assert run(pair[0][1], "print([name for name in sys.modules if 'pydev' in name])").strip() == "[]"
    assert run(pair[0][1], "import debugpy; print(debugpy.__name__)").strip() == "debugpy"


def test_neighbours_do_not_meet(pair):
    """No process, no socket with a name or without, no file, no terminal, no shared memory."""
    (first, client), (second, other) = pair
    look = "import os; print(os.listdir('/tmp'), os.listdir('/dev/shm'), os.listdir('/dev/pts'))"
    before = run(other, look)  # in /tmp, the sockets' folder, and the environment's own where it lies there
    assert first.provisioner.door.base.name in before and before.strip().endswith("[] ['ptmx']")
    run(client, "import socket; s = socket.socket(socket.AF_UNIX); s.bind('\\0neighbour'); s.listen()")
    run(client, "import os; print(os.openpty()); open('/tmp/x', 'w').write('x'); open('/dev/shm/x', 'w').write('x')")
    said = run(
        other,
        "import socket\ntry: socket.socket(socket.AF_UNIX).connect('\\0neighbour')\nexcept OSError as e: print(e)",
    )
    assert "refused" in said
    assert run(other, look) == before
    base = first.provisioner.door.base
    assert run(other, f"print(os.listdir({str(base)!r}))").strip() == f"[{second.provisioner.room.name!r}]"
    assert run(other, "print(sorted(int(p) for p in os.listdir('/proc') if p.isdigit())[:2])").strip() == "[1, 2]"
    assert run(other, "print(len([p for p in os.listdir('/proc') if p.isdigit()]))").strip() == "2"


def test_the_warm_process_is_out_of_reach(pair):
    """The first process of a room cannot be looked into or killed, and no descriptor leads out."""
    client = pair[0][1]
    assert "Permission denied" in run(client, "open('/proc/1/mem', 'rb')")
    assert "Permission denied" in run(client, "import os; os.listdir('/proc/1/fd')")
    run(client, "import os, signal\nfor number in (2, 9, 15, 19): os.kill(1, number)")
    assert run(client, "print('alive')").strip() == "alive"
    links = run(client, "print([os.readlink(f'/proc/self/fd/{n}') for n in os.listdir('/proc/self/fd')][:-1])")
    assert "zygote" not in links and "pidfd" not in links
    assert run(client, "print(os.getppid())").strip() == "1"


def test_a_kernel_that_dies_harms_neither_the_warm_process_nor_its_neighbours(pair, tmp_path):
    server = forkserver._servers[PROVIDES]
    with room(tmp_path) as (manager, client):
        run(
            client, "import os, time\nfor _ in range(3):\n if os.fork() == 0:\n  os.setsid(); os.fork(); time.sleep(99)"
        )
        first = psutil.Process(manager.provisioner.pid)
        assert wait(lambda: len(first.children(recursive=True)) >= 7), "the daemons did not start"
        below = first.children(recursive=True)
        manager.provisioner.process.kill()
        assert manager.provisioner.process.wait(10) is not None
        assert wait(lambda: not any(p.is_running() and p.status() != "zombie" for p in below))
    with room(tmp_path) as (manager, client):
        assert manager.provisioner.door is server.door
        client.execute("import os; os._exit(3)")
        assert manager.provisioner.process.wait(10) is not None
    assert run(pair[1][1], "print('alive')").strip() == "alive"
    assert server.process.poll() is None


@pytest.mark.parametrize("warm", [True, False])
def test_a_kernel_that_was_killed_is_gone(tmp_path, warm):
    with room(tmp_path, warm=warm) as (manager, _):
        first = psutil.Process(manager.provisioner.pid)
        run_sync(manager.provisioner.kill)()
        assert not manager.has_kernel
        assert not first.is_running() or first.status() == "zombie"  # the warm process has yet to hear of it


def test_the_warm_process_has_one_thread_and_no_children_of_its_own(pair):
    zygote = psutil.Process(forkserver._servers[PROVIDES].process.pid).children()[0].children()[0]
    assert zygote.num_threads() == 1
    assert zygote.status() == "sleeping" and "zygote.py" in " ".join(zygote.cmdline())


def test_with_the_warm_process_gone_kernels_are_started_anew(tmp_path):
    """And those it had forked went with it."""
    with room(tmp_path) as (manager, _):
        server = forkserver._servers[PROVIDES]
        os.kill(server.process.pid, 9)
        assert manager.provisioner.process.wait(10) is not None
    with pytest.raises(NoFork):
        server.door.fork(server.door.room(), limits=Limits(), uid=confine.stranger())
    assert forkserver.warm(PROVIDES) is not server.door
    forkserver.stop()
    assert not server.door.base.exists()


def test_with_no_fork_to_be_had_a_kernel_is_started(tmp_path, monkeypatch):
    """Here as the warm process ends at once."""
    monkeypatch.setattr(forkserver.zygote, "__file__", os.devnull)
    broken = Server(PROVIDES)
    monkeypatch.setattr(forkserver, "warm", lambda provides: broken.door)
    with room(tmp_path, forked=False) as (_, client):
        assert run(client, "print(2 + 3)").strip() == "5"
    broken.stop()


def test_a_warm_process_that_is_ended_as_it_starts_is_gone():
    """Bubblewrap's child is its own for a moment, and would wait for ever: about one in twelve did."""
    bases = []
    for start in range(40):
        server = Server(PROVIDES)
        bases.append(str(server.door.base))
        time.sleep(start * 0.0002)
        server.stop()

    def left() -> list[psutil.Process]:
        lines = ((process, process.info["cmdline"] or []) for process in psutil.process_iter(["cmdline"]))
        return [process for process, line in lines if any(base in word for base in bases for word in line)]

    try:
        assert wait(lambda: not left())
    finally:
        for process in left():
            process.kill()
