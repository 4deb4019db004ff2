"""What one kernel may use. A limit of 0 is none."""

from dataclasses import dataclass

MIB = 1 << 20
GIB = 1 << 30


@dataclass(frozen=True)
class Limits:
    """Bytes, seconds and counts for all the processes of one kernel, unless it says otherwise.

    `memory` binds twice: a single process that asks for more gets a MemoryError (RLIMIT_DATA: private memory, which
    unlike RLIMIT_AS does not count what torch only maps), and a kernel whose processes hold more together is killed.
    """

    memory: int = 4 * GIB
    disk: int = 128 * MIB  # of each of the three places that can be written: home, /tmp, /dev/shm
    file: int = 128 * MIB  # one file
    processes: int = 128  # and threads
    files: int = 1024  # open at a time, per process
    cpu: int = 3600  # seconds of one process
    wall: float = 3600.0  # seconds from start to end

    def resources(self) -> dict[str, int]:
        """By the system's names for what a process may use."""
        limits = {
            "RLIMIT_NPROC": self.processes,
            "RLIMIT_DATA": self.memory,
            "RLIMIT_FSIZE": self.file,
            "RLIMIT_NOFILE": self.files,
            "RLIMIT_CPU": self.cpu,
        }
        return {name: value for name, value in limits.items() if value} | {"RLIMIT_CORE": 0}

    def options(self) -> list[str]:
        """Of `prlimit`, which runs inside, where processes are counted apart from the grader's own."""
        found = self.resources().items()
        return [*(f"--{name.removeprefix('RLIMIT_').lower()}={value}" for name, value in found), "--"]
