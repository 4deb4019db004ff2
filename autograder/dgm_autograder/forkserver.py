"""Kernels in a twentieth of the time: forked from a warm process that has imported what notebooks import.

The warm process (`zygote`) sits in a room of its own and makes every kernel a room as strong as `confine.command`
does. Where a fork cannot be had the caller starts a kernel the slow way.
"""

import atexit
import base64
import contextlib
import json
import os
import select
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from dgm_autograder import confine, seccomp, zygote
from dgm_autograder.limits import Limits

PATIENCE = 180.0  # seconds: the first fork waits until everything is imported
PREFIX = "dgm-room-"
ENVIRONMENT = {"PATH": "/usr/bin:/bin"}  # of bubblewrap itself, which can be read inside


PRELOADED = (
    "IPython.core.magics",
    "IPython.extensions.storemagic",
    "dgm_tutor.checks",
    "ipykernel.debugger",
    "ipykernel.kernelapp",
    "matplotlib.pyplot",
    "matplotlib_inline.backend_inline",
    "numpy.random",
    "safetensors.torch",
    "torch._dynamo",  # which the first optimiser imports, for more than a second
    "torch.distributions",
    "torch.nn.functional",
)


class NoFork(RuntimeError):
    """No kernel could be forked; the message says why."""


class Forked:
    """The first process of a room, as `subprocess.Popen` shows a process. One SIGKILL to it ends the whole room."""

    stdin = stdout = stderr = None

    def __init__(self, descriptor: int):
        self.descriptor, self.returncode = descriptor, None
        about = Path(f"/proc/self/fdinfo/{descriptor}").read_text()
        self.pid = int(about.split("Pid:")[1].split()[0])

    def poll(self) -> int | None:
        """0 once it is gone."""
        if self.returncode is None and select.select([self.descriptor], [], [], 0)[0]:
            self.returncode = 0
        return self.returncode

    def wait(self, timeout: float | None = None) -> int:
        """Wait until it is gone. Raises `TimeoutExpired`."""
        if self.returncode is None and not select.select([self.descriptor], [], [], timeout)[0]:
            raise subprocess.TimeoutExpired("a forked kernel", timeout)
        self.returncode = 0
        return 0

    def send_signal(self, number: int) -> None:
        """Signal it, if it is there."""
        with contextlib.suppress(ProcessLookupError):
            signal.pidfd_send_signal(self.descriptor, number)

    def kill(self) -> None:
        """End the room."""
        self.send_signal(signal.SIGKILL)

    terminate = kill

    def __del__(self):
        os.close(self.descriptor)


@dataclass(frozen=True)
class Door:
    """Where forks are asked for. Other processes of the grader may be given it too."""

    control: socket.socket
    base: Path  # the folder of all rooms' sockets
    again: list[str]

    def room(self) -> Path:
        """A folder for the sockets of one kernel."""
        return Path(tempfile.mkdtemp(prefix="room-", dir=self.base))

    def fork(
        self,
        room: Path,
        *,
        limits: Limits,
        files: Mapping[str, int] | None = None,
        uid: int | None = None,
        inner: list[str] | None = None,
    ) -> Forked:
        """An IPython kernel, or the program `inner`, in a room of its own around the folder `room`. Raises `NoFork`.

        `files` and `uid` are those of `confine.command`.
        """
        files = files or {}
        request = {
            "again": self.again,
            "base": str(self.base),
            "connection": str(room / "kernel.json"),
            "disk": limits.disk,
            "files": list(files),
            "filter": base64.b64encode(seccomp.program()).decode(),
            "home": confine.HOME,
            "inner": inner,
            "limits": limits.resources(),
            "places": confine.PLACES,
            "room": str(room),
            "uid": uid,
            "user": confine.USER,
        }
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with ours:
            ours.settimeout(PATIENCE)
            try:
                with theirs:
                    socket.send_fds(self.control, [json.dumps(request).encode()], [theirs.fileno(), *files.values()])
                said, descriptors, _, _ = socket.recv_fds(ours, 1 << 12, 1)
            except OSError as error:
                raise NoFork(f"the warm process does not answer: {error}") from error
        if not descriptors:
            raise NoFork(said.decode() or "the warm process is gone")
        return Forked(descriptors[0])


class Server:
    """The warm process for kernels that see `provides` of dgm_tutor and the paths `shown`; see `confine.command`.

    `preload` are the modules that it imports, at once; a fork waits for that. It ends with the thread that made it,
    or by `stop`. `door` is where to ask.
    """

    def __init__(
        self,
        provides: Iterable[str] | None = None,
        shown: Iterable[str] = (),
        preload: Iterable[str] = PRELOADED,
    ):
        base = Path(tempfile.mkdtemp(prefix=f"{PREFIX}{os.getpid()}-"))
        control, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        inner = [sys.executable, f"{confine.HOME}/zygote.py", str(theirs.fileno()), str(base)]
        inner += preload
        with theirs, open(zygote.__file__, "rb") as source:
            files = {"zygote.py": source.fileno()}
            line = confine.warm(base, inner, provides=provides, files=files, shown=shown)
            descriptors = (theirs.fileno(), source.fileno())
            self.process = subprocess.Popen(line, env=ENVIRONMENT, pass_fds=descriptors, cwd="/", **QUIET)
        self.door = Door(control, base, confine.covered(provides, shown))

    def stop(self) -> None:
        """End the warm process and every kernel forked from it."""
        if self.process.poll() is None:  # its group: bubblewrap's child is tied to bubblewrap only after a moment
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()
        self.door.control.close()
        clear(self.door.base)


def clear(folder: Path) -> None:
    """Throw a folder away, however deep a student's code has made it."""
    try:
        shutil.rmtree(folder, ignore_errors=True)
    except RecursionError:
        subprocess.run(["rm", "-rf", "--", folder], check=False)


def warm(provides: tuple[str, ...]) -> Door:
    """Where to ask for such kernels: as lent to this process, or its own warm process, started where there is none."""
    if provides in _lent:
        return _lent[provides]
    server = _servers.get(provides)
    if server is None or server.process.poll() is not None:
        stop(provides)
        server = _servers[provides] = Server(provides)
    return server.door


def lend(provides: tuple[str, ...], door: Door) -> None:
    """Use another process's server for such kernels."""
    _lent[provides] = door


def stop(*which: tuple[str, ...]) -> None:
    """End these servers, or all there are."""
    for provides in which or list(_servers):
        if provides in _servers:
            _servers.pop(provides).stop()


_servers: dict[tuple[str, ...], Server] = {}
_lent: dict[tuple[str, ...], Door] = {}
atexit.register(stop)

QUIET = {  # what is said inside must not reach a terminal
    "stdin": subprocess.DEVNULL,
    "stdout": subprocess.DEVNULL,
    "stderr": subprocess.DEVNULL,
    "start_new_session": True,
}
