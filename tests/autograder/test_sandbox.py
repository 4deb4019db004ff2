"""What holds a kernel: walls, limits, and a single kill that leaves nothing behind."""

import ctypes
import ctypes.util
import os
import platform
import time
from importlib.metadata import EntryPoint
from pathlib import Path

import psutil
import pytest
from dgm_autograder import confine, seccomp
from dgm_autograder.forkserver import clear
from dgm_autograder.kernel import RoomKernelManager
from dgm_autograder.limits import MIB, Limits
from dgm_autograder.watch import MAX_ROOM, MAX_UNREAD, Watch, size
from jupyter_client.manager import AsyncKernelManager
from jupyter_client.provisioning import KernelProvisionerFactory
from jupyter_core.utils import run_sync

from .rooms import WAYS, inside

ROOT = Path(__file__).resolve().parents[2]
SMALL = Limits(memory=300 * MIB, disk=2 * MIB, file=MIB, processes=12, cpu=20)


@pytest.fixture(params=WAYS, ids=lambda param: f"{param[0]}, {'as a user' if param[1] else 'as whoever runs this'}")
def shell(request):
    """A shell in a room. Run by root these tests hold for root's way and for a user's."""
    return lambda script, limits=SMALL: inside(script, limits, *request.param)


def test_nothing_can_be_written_but_three_small_places(shell):
    said = shell("for d in / /dev /etc /usr /proc/sys/kernel; do touch $d/x && echo wrote $d; done; echo over")
    assert "wrote" not in said and "over" in said
    for place in ("/tmp", "/dev/shm", confine.HOME):
        fill = f"for i in 1 2 3 4; do head -c 900000 /dev/zero > {place}/b$i; done"
        said = shell(f"exec 2>&1; head -c 900000 /dev/zero > {place}/a && echo fits; {fill}; du -skx {place} | cut -f1")
        assert "fits" in said and "No space" in said and int(said.split()[-1]) <= 2100


def test_one_file_is_as_large_as_allowed(shell):
    said = shell("head -c 1100000 /dev/zero > a; ls -l a | cut -d' ' -f5", Limits(disk=8 * MIB, file=MIB))
    assert str(MIB) in said


def test_processes_are_counted(shell):
    """In one room apart from another, and whoever grades."""
    assert "fork" in shell("for i in $(seq 30); do sleep 5 & done; echo all")


def test_memory_of_a_process_is_bounded(shell):
    assert "emory" in shell(
        "head -c 100 /dev/zero | tail -c 1 > /dev/null; perl -e '$x = \"a\" x 400_000_000; print 1'"
    )


@pytest.mark.parametrize(
    "call", ["unshare -U true", "unshare -n true", "mount -t tmpfs none /tmp", "/sbin/chroot / true"]
)
def test_no_new_rooms_within_a_room(shell, call):
    said = shell(call)
    assert "not permitted" in said or "must be superuser" in said


def test_no_privilege_is_left(shell):
    said = shell("grep -E 'CapPrm|CapEff|CapBnd|NoNewPrivs|Seccomp:' /proc/self/status; id -u")
    for name in ("CapPrm", "CapEff"):
        assert f"{name}:\t0000000000000000" in said
    assert "NoNewPrivs:\t1" in said and "Seccomp:\t2" in said and said.split()[-1] != "0"


def test_there_is_no_network_no_process_and_no_secret(shell, monkeypatch):
    monkeypatch.setenv("LMS_TOKEN", "secret-of-the-instructor")
    said = shell("cat /proc/net/dev | wc -l; ls -d /proc/[0-9]* | wc -l; cat /proc/*/environ; env; ls -A $HOME /root")
    lines = said.split("\n")
    assert int(lines[0]) == 3  # two lines of heading, and lo
    assert int(lines[1]) < 8
    assert "secret-of-the-instructor" not in said and "PYTEST" not in said


def test_the_filter_names_the_calls_it_means():
    """Against the numbers of libseccomp, for both machines."""
    found = ctypes.util.find_library("seccomp") or "libseccomp.so.2"
    try:
        resolve = ctypes.CDLL(found).seccomp_syscall_resolve_name_arch
    except OSError:
        pytest.skip("no libseccomp to compare with")
    resolve.argtypes = [ctypes.c_uint32, ctypes.c_char_p]
    calls = seccomp.REFUSED | {"clone": seccomp.CLONE, "socket": seccomp.SOCKET, "clone3": (seccomp.CLONE3,) * 2}
    for name, numbers in calls.items():
        for column, architecture in seccomp.MACHINES.values():
            number = resolve(architecture, name.encode())
            assert numbers[column] == (number if number >= 0 else None), name


def test_the_filter_is_one_the_kernel_takes_and_other_machines_are_refused():
    assert all(len(seccomp.program(machine)) % 8 == 0 for machine in seccomp.MACHINES)
    with pytest.raises(RuntimeError, match="no system call filter for 'sparc64'; there are x86_64, aarch64"):
        seccomp.program("sparc64")


CALLS = {
    "memfd_create": "os.memfd_create('x')",
    "vsock": "__import__('socket').socket(40, 1)",
    "alg": "__import__('socket').socket(38, 5)",
    "ptrace": "check(libc.ptrace(0, 0, 0, 0))",
    "keyctl": "check(libc.syscall(250 if x86 else 219, 0, -3, 0))",
    "io_uring": "check(libc.syscall(425, 4, 0))",
    "clone newuser": "check(libc.syscall(56 if x86 else 220, 0x10000000 | 17, 0, 0, 0, 0))",
}


@pytest.fixture(scope="module", params=["cold", "warm"])
def refused(request) -> str:
    """The errors of forbidden calls, one a line, made by Python in a room."""
    tries = "\n".join(
        f"try:\n    {call}\n    print({name!r}, 'done')\nexcept OSError as error:\n    print({name!r}, error.errno)"
        for name, call in CALLS.items()
    )
    python = f"""
import ctypes, os
libc, x86 = ctypes.CDLL(None, use_errno=True), {platform.machine() == "x86_64"}
def check(result):
    if result == -1:
        raise OSError(ctypes.get_errno(), 'refused')
{tries}
"""
    return inside(f"{confine.sys.executable} -c \"$(cat <<'END'\n{python}\nEND\n)\"", SMALL, request.param)


@pytest.mark.parametrize("name", CALLS)
def test_calls_that_no_notebook_needs_are_refused(refused, name):
    assert f"{name} {97 if name in ('vsock', 'alg') else 1}" in refused


def test_a_sandbox_that_cannot_be_built_says_what_to_install(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", "/nonexistent")
    with pytest.raises(confine.Unconfined, match="install the package `bubblewrap`, or, if you trust every student"):
        confine.command(tmp_path, ["true"])


class Started:
    """A kernel by the provisioner's public name, as any application would start one."""

    def __init__(self, monkeypatch, **limits):
        monkeypatch.setenv("JUPYTER_DEFAULT_PROVISIONER_NAME", "dgm-bubblewrap")
        KernelProvisionerFactory.clear_instance()
        target = "dgm_autograder.provisioner:Bubblewrap"
        entry = EntryPoint("dgm-bubblewrap", target, "jupyter_client.kernel_provisioners")
        KernelProvisionerFactory.instance().provisioners["dgm-bubblewrap"] = entry
        self.manager = AsyncKernelManager(kernel_name="python3")
        self.manager.kernel_spec.argv[0] = confine.sys.executable
        self.manager.kernel_spec.metadata["kernel_provisioner"] = {
            "provisioner_name": "dgm-bubblewrap",
            "config": limits,
        }
        run_sync(self.manager.start_kernel)()
        self.client = self.manager.client()
        self.client.start_channels()
        run_sync(self.client.wait_for_ready)(timeout=60)

    def tell(self, code: str) -> None:
        self.client.execute(code)

    def processes(self) -> list[psutil.Process]:
        return psutil.Process(self.manager.provisioner.pid).children(recursive=True)

    def stop(self) -> None:
        self.client.stop_channels()
        run_sync(self.manager.shutdown_kernel)(now=True)
        KernelProvisionerFactory.clear_instance()


def wait(condition, seconds=20.0) -> bool:
    """Whether the condition came true in time."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if condition():
            return True
        time.sleep(0.1)
    return False


@pytest.mark.slow
def test_one_kill_ends_everything(monkeypatch):
    kernel = Started(monkeypatch)
    kernel.tell("import os, time\nfor _ in range(3):\n if os.fork() == 0:\n  os.setsid(); os.fork(); time.sleep(99)")
    assert wait(lambda: len(kernel.processes()) >= 8), "the daemons did not start"
    before, room = kernel.processes(), kernel.manager.provisioner.room
    os.kill(kernel.manager.provisioner.pid, 9)
    assert wait(lambda: not any(p.is_running() and p.status() != "zombie" for p in before))
    kernel.stop()
    assert not room.exists()


@pytest.mark.slow
def test_memory_that_no_limit_of_the_system_counts_ends_the_kernel(monkeypatch):
    """Shared memory, and the sum over processes."""
    kernel = Started(monkeypatch, memory=400 * MIB)
    kernel.tell("import mmap\nm = mmap.mmap(-1, 600 << 20)\nfor i in range(0, 600 << 20, 4096): m[i] = 1")
    assert wait(lambda: kernel.manager.provisioner.reason)
    assert "more than 400 MB of memory" in kernel.manager.provisioner.reason
    assert wait(lambda: not run_sync(kernel.manager.is_alive)())
    kernel.stop()


@pytest.mark.slow
def test_the_sockets_folder_is_no_place_to_write_and_time_is_bounded(monkeypatch):
    kernel = Started(monkeypatch, wall=6.0)
    room = str(kernel.manager.provisioner.room)
    kernel.tell(f"open({room!r} + '/x', 'wb').write(bytes(20 << 20))")
    assert wait(lambda: "sockets" in kernel.manager.provisioner.reason)
    kernel.stop()
    kernel = Started(monkeypatch, wall=4.0)
    assert wait(lambda: "more than 4 seconds" in kernel.manager.provisioner.reason)
    kernel.stop()


@pytest.mark.slow
def test_a_root_graders_kernel_makes_nothing_more_among_its_sockets():
    """A file that is deleted while it is open takes room on our disk, and no list of a folder shows it."""
    manager = RoomKernelManager(())
    run_sync(manager.start_kernel)()
    room, client = manager.provisioner.room, manager.client()
    client.start_channels()
    run_sync(client.wait_for_ready)(timeout=60)
    client.execute(f"open({str(room)!r} + '/x', 'w')\nopen('y', 'w')", store_history=False)
    run_sync(client.get_shell_msg)(timeout=20)
    assert (room / "x").exists() is (os.geteuid() != 0) and (room / "kernel-1").is_socket()
    client.stop_channels()
    run_sync(manager.shutdown_kernel)(now=True)
    assert not room.exists()


def test_a_folder_is_thrown_away_however_deep_it_is(tmp_path):
    top = tmp_path / "top"
    top.mkdir()
    at = os.open(top, os.O_RDONLY)
    for _ in range(3_000):
        os.mkdir("d" * 50, dir_fd=at)
        below = os.open("d" * 50, os.O_RDONLY, dir_fd=at)
        os.close(at)
        at = below
    os.close(at)
    assert size(top) > MAX_ROOM
    clear(top)
    assert not top.exists()


def test_the_watch_counts_what_it_should(tmp_path):
    (tmp_path / "a").write_bytes(bytes(100_000))
    assert 100_000 <= size(tmp_path) < 120_000
    killed = []
    watch = Watch(os.getpid(), tmp_path, Limits(memory=0, wall=0.0), lambda: killed.append(1))
    assert watch._trouble() == ""
    watch.before -= MAX_UNREAD + (100 << 20)  # as if this process had grown: by a message that never ends, for one
    assert "more than can be read" in watch._trouble()


def test_the_entry_point_is_the_provisioner():
    text = (ROOT / "autograder" / "pyproject.toml").read_text()
    assert 'dgm-bubblewrap = "dgm_autograder.provisioner:Bubblewrap"' in text
