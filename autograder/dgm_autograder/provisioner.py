"""Jupyter kernels in a room of their own: a kernel provisioner, for this autograder and for any kernel.

Elsewhere: `JUPYTER_DEFAULT_PROVISIONER_NAME=dgm-bubblewrap`, or in a kernel.json
`"metadata": {"kernel_provisioner": {"provisioner_name": "dgm-bubblewrap", "config": {"memory": 2000000000}}}`.
"""

import asyncio
import contextlib
import os
import shutil
import stat
import subprocess
import tempfile
from collections.abc import Mapping
from dataclasses import fields
from functools import cached_property
from pathlib import Path

import psutil
from jupyter_client.provisioning import LocalProvisioner
from traitlets import Bool, Float, Integer
from traitlets import List as ListOf

from dgm_autograder import confine, seccomp
from dgm_autograder.forkserver import ENVIRONMENT, PREFIX, QUIET, Door, Forked, NoFork, clear
from dgm_autograder.limits import Limits
from dgm_autograder.watch import Watch

GRACE = 5.0  # seconds that a killed kernel has to be gone


class Bubblewrap(LocalProvisioner):
    """Launches the kernel inside `confine.command`, spoken to over unix sockets in a private folder."""

    memory = Integer(Limits.memory, help="Bytes of memory of a kernel.").tag(config=True)
    disk = Integer(Limits.disk, help="Bytes of each of home, /tmp and /dev/shm.").tag(config=True)
    file = Integer(Limits.file, help="Bytes of one file.").tag(config=True)
    processes = Integer(Limits.processes, help="Processes and threads.").tag(config=True)
    files = Integer(Limits.files, help="Files a process has open at a time.").tag(config=True)
    cpu = Integer(Limits.cpu, help="Seconds of processor time of one process.").tag(config=True)
    wall = Float(Limits.wall, help="Seconds from a kernel's start to its end.").tag(config=True)
    shown = ListOf(help="More paths that the kernel may read.").tag(config=True)
    trusted = Bool(False, help="Run kernels unconfined: their authors are trusted.")

    provides: tuple[str, ...] | None = None  # modules of dgm_tutor to leave there; None: all
    bring: Mapping[str, int] = {}  # files for the home: name to descriptor, closed at launch
    door: Door | None = None  # to fork IPython kernels from; None: start them
    room: Path | None = None
    watch: Watch | None = None

    @property
    def limits(self) -> Limits:
        """The configured limits."""
        return Limits(**{limit.name: getattr(self, limit.name) for limit in fields(Limits)})

    @property
    def reason(self) -> str:
        """Why the kernel was ended, where it was."""
        return self.watch.reason if self.watch else ""

    async def pre_launch(self, **kwargs):
        """Point the manager at sockets in a fresh room before it writes the connection file."""
        await self.cleanup()
        self.room = self.door.room() if self.door else Path(tempfile.mkdtemp(prefix=f"{PREFIX}{os.getpid()}-"))
        manager = self.parent
        manager.transport, manager.ip = "ipc", str(self.room / "kernel")
        manager.cache_ports = False
        manager.connection_file = str(self.room / "kernel.json")
        return await super().pre_launch(**kwargs)

    async def launch_kernel(self, cmd, **kwargs):
        """Start the kernel; nothing of the caller's environment or folder goes with it."""
        with contextlib.ExitStack() as stack:
            for descriptor in self.bring.values():
                stack.callback(os.close, descriptor)
            started = subprocess.Popen(cmd, **self._unconfined(), **QUIET) if self.trusted else self._confined(cmd)
        self.process, self.pid, self.pgid = started, started.pid, None
        self.__dict__.pop("kernel", None)
        self.watch = Watch(started.pid, None if self.trusted else self.room, self.limits, started.kill)
        self.watch.start()
        return self.connection_info

    def settle(self) -> None:
        """Call when the kernel answers: it has its sockets, and needs to make nothing more on our disk.

        Its folder then belongs to a root grader again. A user's kernel has the user's own rights, and keeps them.
        """
        if os.geteuid() == 0 and not self.trusted:
            self.room.chmod(0o755)
            os.chown(self.room, 0, 0)

    @cached_property
    def kernel(self) -> int:
        """The kernel's own process, below those that hold its room. Ask once it has answered."""
        depth = 0 if self.trusted else 1 if isinstance(self.process, Forked) else 2
        pid = self.pid
        for _ in range(depth):
            try:
                pid = min(psutil.Process(pid).children(), key=psutil.Process.create_time).pid
            except (psutil.Error, ValueError):
                return self.pid  # it is gone
        return pid

    def _confined(self, cmd: list[str]) -> subprocess.Popen | Forked:
        uid = confine.stranger()
        if uid is not None:
            for path in (self.room, *self.room.iterdir()):
                os.chown(path, uid, uid)
        if self.door is not None:
            try:
                return self.door.fork(self.room, limits=self.limits, files=self.bring, uid=uid)
            except NoFork as error:
                self.log.warning("A kernel is started anew, as none could be forked: %s", error)
        with tempfile.TemporaryFile() as program:
            program.write(seccomp.program())
            program.seek(0)
            about = {"limits": self.limits, "provides": self.provides, "files": self.bring, "shown": self.shown}
            line = confine.command(self.room, cmd, seccomp=program.fileno(), uid=uid, **about)
            descriptors = (program.fileno(), *self.bring.values())
            return subprocess.Popen(line, env=ENVIRONMENT, pass_fds=descriptors, cwd="/", **QUIET)

    def _unconfined(self) -> dict:
        """A trusted kernel gets the same home and the same environment, and no walls."""
        home = self.room / "home"
        home.mkdir()
        for name, descriptor in self.bring.items():
            with open(descriptor, "rb", closefd=False) as source, open(home / name, "wb") as target:
                shutil.copyfileobj(source, target)
        return {"cwd": home, "env": confine.environment(str(home))}

    async def kill(self, restart=False):
        """End the kernel; it is gone then, so that nobody needs to look whether it is, ten times a second."""
        await super().kill(restart)
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self.wait(), GRACE)

    async def wait(self):
        """Until the kernel is gone: looked at often, as it is the end of every submission."""
        while self.process is not None and self.process.poll() is None:
            await asyncio.sleep(0.005)
        return await super().wait()

    async def cleanup(self, restart=False):
        """Nothing of the kernel stays."""
        if self.watch is not None:
            self.watch.over.set()
        if self.room is not None and not restart:
            clear(self.room)
            self.room = None
        await super().cleanup(restart)


def sweep() -> None:
    """Throw away rooms whose grader was killed. Their kernels died with it."""
    for path in Path(tempfile.gettempdir()).glob(f"{PREFIX}*"):
        owner = path.name.removeprefix(PREFIX).split("-")[0]
        with contextlib.suppress(OSError):
            mine = stat.S_ISDIR(path.lstat().st_mode) and (os.geteuid() == 0 or path.lstat().st_uid == os.geteuid())
            if owner.isdigit() and mine and not Path("/proc", owner).exists():
                clear(path)
