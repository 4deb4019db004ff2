"""A thread that looks at a running kernel from outside, and ends it where no limit of the system does."""

import contextlib
import os
import threading
import time
from collections.abc import Callable
from pathlib import Path

import psutil

from dgm_autograder.limits import MIB, Limits

PERIOD = 0.2  # seconds between looks
MAX_ROOM = 4 * MIB  # the room's folder on the disk holds sockets and the connection file
MAX_UNREAD = 768 * MIB  # of this process: a message that never ends arrives in our memory, not in the kernel's


class Watch(threading.Thread):
    """Calls `kill` once with a reason when the process `pid` and those below hold too much memory, or run too long."""

    def __init__(self, pid: int, room: Path | None, limits: Limits, kill: Callable[[], None]):
        super().__init__(daemon=True, name="dgm-watch")
        self.pid, self.room, self.limits, self.kill = pid, room, limits, kill
        self.end = time.monotonic() + limits.wall if limits.wall else float("inf")
        self.mine = psutil.Process()
        self.before = self.mine.memory_info().rss
        self.reason = ""
        self.over = threading.Event()

    def run(self) -> None:
        """Look until told to stop."""
        while not self.over.wait(PERIOD):
            self.reason = self._trouble()
            if self.reason:
                self.kill()
                return

    def _trouble(self) -> str:
        if time.monotonic() > self.end:
            return f"the kernel ran for more than {self.limits.wall:g} seconds"
        if self.room and size(self.room) > MAX_ROOM:
            return "the kernel wrote into the folder of its sockets"
        if self.mine.memory_info().rss - self.before > MAX_UNREAD:
            return "the kernel sent more than can be read"
        if self.limits.memory and held(self.pid, self.limits.memory) > self.limits.memory:
            return f"the kernel used more than {self.limits.memory / MIB:,.0f} MB of memory"
        return ""


def held(pid: int, enough: int) -> int:
    """Bytes of memory of the process `pid` and those below it; shared pages are told apart only where that matters."""
    try:
        processes = [psutil.Process(pid), *psutil.Process(pid).children(recursive=True)]
    except psutil.Error:
        return 0
    total = _sum(processes, lambda process: process.memory_info().rss)
    return total if total <= enough else _sum(processes, lambda process: process.memory_full_info().pss)


def _sum(processes: list[psutil.Process], about: Callable[[psutil.Process], int]) -> int:
    total = 0
    for process in processes:
        try:
            total += about(process)
        except psutil.AccessDenied:
            total += process.memory_info().rss
        except psutil.Error:
            continue  # it is gone
    return total


def size(folder: Path) -> int:
    """Bytes on the disk of the files in a room's folder, each at least 4096.

    There are no folders in it: one counts as too much, for more could be hidden in it, deeper than paths can be long.
    """
    total = 0
    with contextlib.suppress(OSError), os.scandir(folder) as entries:
        for entry in entries:
            if entry.is_dir(follow_symlinks=False):
                return MAX_ROOM + 1
            total += max(entry.stat(follow_symlinks=False).st_blocks * 512, 4096)
    return total
