"""A PostgreSQL server of the tests' own: in a folder of its own, spoken to over a unix socket, gone afterwards."""

import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from pathlib import Path

import psycopg

DEBIAN = "/usr/lib/postgresql"
MISSING = "PostgreSQL's server was not found: install it with `apt-get install postgresql`, or put its bin on PATH"
# Nothing in it has to outlive the tests, and nobody else's server is in its way.
SETTINGS = {"listen_addresses": "", "fsync": "off", "shared_buffers": "16MB", "max_connections": "40"}


def tool(name: str) -> str:
    """The newest of PostgreSQL's own programs: Debian keeps them off PATH. Raises `FileNotFoundError`."""
    versions = sorted(Path(DEBIAN).glob("*/bin"), key=lambda path: float(path.parent.name))
    found = shutil.which(name, path=os.pathsep.join([*map(str, reversed(versions)), os.environ.get("PATH", "")]))
    if found is None:
        raise FileNotFoundError(MISSING)
    return found


class Server:
    """Runs until `stop`, and no longer than the process that started it."""

    def __init__(self):
        initdb, postgres = tool("initdb"), tool("postgres")
        self.folder = Path(tempfile.mkdtemp(prefix="dgm-pg-"))  # short: a socket's path has at most 107 characters
        self.address, self.databases = f"host={self.folder} user=grader dbname=postgres", 0
        who = []
        if os.geteuid() == 0:  # the server refuses to run as root
            nobody = pwd.getpwnam("nobody")
            os.chown(self.folder, nobody.pw_uid, nobody.pw_gid)
            who = [f"--reuid={nobody.pw_uid}", f"--regid={nobody.pw_gid}", "--clear-groups"]
        about = {"cwd": self.folder, "stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "text": True}
        data = str(self.folder / "data")
        made = subprocess.run(
            ["setpriv", *who, initdb, "-D", data, "-U", "grader", "-A", "trust", "-E", "UTF8", "--no-sync"], **about
        )
        if made.returncode:
            raise RuntimeError(f"initdb failed:\n{made.stdout}")
        options = [part for name, value in SETTINGS.items() for part in ("-c", f"{name}={value}")]
        with open(self.folder / "log", "w") as log:
            command = ["setpriv", "--pdeathsig", "SIGINT", *who, postgres, "-D", data, "-k", str(self.folder), *options]
            self.process = subprocess.Popen(command, **about | {"stdout": log})
        self._wait()

    def create(self) -> str:
        """Make an empty database; what `c.CourseDirectory.db_url` is set to."""
        self.databases += 1
        name = f"course{self.databases}"
        with psycopg.connect(self.address, autocommit=True) as connection:
            connection.execute(f"create database {name}".encode())
        return f"postgresql+psycopg://grader@/{name}?host={self.folder}"

    def stop(self) -> None:
        """End the server, connected or not, and throw its folder away."""
        self.process.send_signal(signal.SIGINT)
        self.process.wait()
        shutil.rmtree(self.folder)

    def _wait(self) -> None:
        for _ in range(600):
            if self.process.poll() is not None:
                raise RuntimeError(f"the server ended:\n{(self.folder / 'log').read_text()[-3000:]}")
            try:
                psycopg.connect(self.address).close()
                return
            except psycopg.OperationalError:
                time.sleep(0.1)
        raise RuntimeError("the server did not answer in a minute")
