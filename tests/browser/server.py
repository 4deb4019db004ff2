"""One Jupyter server on a free loopback port, with settings, kernels' files and token of its own."""

import contextlib
import json
import os
import secrets
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
APPS = {"lab": ("jupyterlab", "LabApp"), "notebook": ("notebook", "JupyterNotebookApp")}
SETTINGS = {  # every cell is in the page, not only those in sight; nothing asks the outside
    "@jupyterlab/notebook-extension:tracker": {"windowingMode": "none"},
    "@jupyterlab/apputils-extension:notification": {"fetchNews": "false", "checkForUpdates": False},
}


@dataclass(frozen=True)
class Server:
    url: str
    token: str
    app: str

    def address(self, path: str) -> str:
        """Where a notebook (path under the server's root) opens: in a workspace of its own, so with no others."""
        if self.app == "notebook":
            return f"{self.url}/notebooks/{path}?token={self.token}"
        return f"{self.url}/lab/workspaces/{secrets.token_hex(4)}/tree/{path}?token={self.token}&reset"


@contextlib.contextmanager
def serve(root: Path, private: Path, app: str = "lab") -> Iterator[Server]:
    """Serve ``root`` with ``app``, "lab" or "notebook"; ``private`` takes what Jupyter itself writes."""
    module, name = APPS[app]
    labconfig = private / "config" / "labconfig"
    labconfig.mkdir(parents=True)
    (labconfig / "default_setting_overrides.json").write_text(json.dumps(SETTINGS))
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    server = Server(f"http://127.0.0.1:{port}", secrets.token_hex(16), app)
    command = [sys.executable, "-m", module, "--no-browser", "--allow-root", "--ServerApp.ip=127.0.0.1"]
    command += [f"--ServerApp.port={port}", "--ServerApp.port_retries=0", f"--IdentityProvider.token={server.token}"]
    command += [f"--ServerApp.root_dir={root}", f"--{name}.expose_app_in_browser=True"]
    command += ["--ServerApp.terminals_enabled=False"]
    log = private / "server.log"
    with log.open("wb") as out:
        process = subprocess.Popen(
            command, stdout=out, stderr=subprocess.STDOUT, cwd=root, env=_environment(private), start_new_session=True
        )
        try:
            _wait(server, process, log)
            yield server
        finally:
            _stop(process)


def _environment(private: Path) -> dict[str, str]:
    own = {f"JUPYTER_{kind}_DIR": str(private / kind.lower()) for kind in ("CONFIG", "DATA", "RUNTIME")}
    own |= {f"JUPYTERLAB_{kind}_DIR": str(private / kind.lower()) for kind in ("WORKSPACES", "SETTINGS")}
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")])
    modules = os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH")]))
    return {**os.environ, **own, "IPYTHONDIR": str(private / "ipython"), "PATH": path, "PYTHONPATH": modules}


def _wait(server: Server, process: subprocess.Popen, log: Path, seconds: float = 120) -> None:
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        if process.poll() is not None:
            break
        with contextlib.suppress(OSError):
            urllib.request.urlopen(f"{server.url}/api?token={server.token}", timeout=2)
            return
        time.sleep(0.1)
    raise RuntimeError(f"the Jupyter server did not come up; its log ends:\n{log.read_text(errors='replace')[-3000:]}")


def _stop(process: subprocess.Popen) -> None:
    """End the server and its kernels: the process group that it was started with, and nothing else."""
    for sign in (signal.SIGTERM, signal.SIGKILL):
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, sign)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(15)
            return
