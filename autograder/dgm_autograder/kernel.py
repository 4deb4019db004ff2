"""A kernel in its own room, and the one question the grader asks it: run this probe."""

import base64
import inspect
import re
import secrets
import shutil
import stat
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from queue import Empty

from dgm_tutor.checks import wire
from dgm_tutor.checks.judge import Probe, Reply, read
from jupyter_client.manager import AsyncKernelManager
from jupyter_client.utils import run_sync

from dgm_autograder import confine

MAX_FILE = 2_000_000  # bytes of one file handed in beside a notebook
MAX_FILES = 20
SEND = """
import base64 as _base64
from IPython import get_ipython as _shell
_reply = run({source!r}, {name!r}, _shell().user_ns.get({answer!r}), {inputs!r}, {seed!r})
_reply = {nonce!r} + "." + _base64.b64encode(_reply.encode()).decode()
"""


class RoomKernelManager(AsyncKernelManager):
    """Starts the kernel inside `confine.command`, spoken to over sockets in a private folder."""

    provides: tuple[str, ...] = ()

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.folder = Path(tempfile.mkdtemp(prefix="dgm-"))
        self.transport = "ipc"
        self.ip = str(self.folder / ".kernel")
        self.connection_file = str(self.folder / ".kernel.json")
        self.kernel_spec.interrupt_mode = "message"

    async def _async_pre_start_kernel(self, **kwargs):
        kwargs.pop("cwd", None)
        # bubblewrap's own environment can be read inside, and what a kernel writes must not reach a terminal.
        kwargs |= {"env": {"PATH": "/usr/bin:/bin"}, "stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
        return await super()._async_pre_start_kernel(**kwargs)

    pre_start_kernel = run_sync(_async_pre_start_kernel)

    def format_kernel_cmd(self, extra_arguments=None):
        """The kernel's command line, wrapped."""
        inner = [sys.executable, "-m", "ipykernel_launcher", "-f", self.connection_file]
        return confine.command(self.folder, self.provides, [*inner, *(extra_arguments or [])])

    def bring(self, handed_in: Path) -> None:
        """Copy the plain files handed in beside the notebook: no link, no notebook, nothing large."""
        names = sorted(path.name for path in handed_in.iterdir())
        for name in [name for name in names if not name.startswith(".") and not name.endswith(".ipynb")][:MAX_FILES]:
            status = (handed_in / name).lstat()
            if stat.S_ISREG(status.st_mode) and status.st_size <= MAX_FILE:
                shutil.copyfile(handed_in / name, self.folder / name, follow_symlinks=False)

    def clear(self) -> None:
        """Throw the room's folder away."""
        shutil.rmtree(self.folder, ignore_errors=True)


async def ask(manager, client, probe: Probe, answer: str, inputs: str, seed: int, timeout: float) -> Reply:
    """Run a probe on the name `answer` of the student's kernel. Never raises for anything the kernel does.

    The question goes in as an expression to evaluate, so that no cell, history or output of the student's is
    involved, and the reply must carry the question's own nonce.
    """
    nonce = secrets.token_hex(16)
    code = inspect.getsource(wire) + SEND.format(
        source=probe.source, name=probe.name, answer=answer, inputs=inputs, seed=seed, nonce=nonce
    )
    builtins = "__import__('builtins')"
    question = f"(lambda space: {builtins}.exec({code!r}, space) or space['_reply'])({{'__name__': 'probe'}})"
    message = client.execute(
        "", silent=True, store_history=False, allow_stdin=False, user_expressions={"reply": question}
    )
    deadline = time.monotonic() + timeout
    while time.monotonic() < deadline:
        try:
            said = await client.get_shell_msg(timeout=min(1.0, max(deadline - time.monotonic(), 0.01)))
            if said["parent_header"]["msg_id"] == message:
                return _read(said["content"], nonce)
        except Empty:
            if not await manager.is_alive():
                return Reply("refused", {}, "the kernel died while the answer was being checked")
        except (AttributeError, KeyError, TypeError, ValueError):
            return Reply("refused", {}, "the kernel sent a message that is no reply")
    await manager.interrupt_kernel()
    return Reply("refused", {}, f"the answer took longer than {timeout:g} seconds")


def _read(content: dict, nonce: str) -> Reply:
    """The probe's reply in a kernel's message, or a refusal. A malformed message raises one of `ask`'s errors."""
    reply = content["user_expressions"]["reply"]
    if reply["status"] != "ok":
        return Reply("refused", {}, f"the answer broke off: {str(reply['ename'])[:80]}: {str(reply['evalue'])[:300]}")
    text = reply["data"]["text/plain"]
    match = len(text) < 2 * wire.MAX_TEXT and re.fullmatch(r"'([0-9a-f]{32})\.([A-Za-z0-9+/]*={0,2})'", text)
    if not match or match[1] != nonce:
        return Reply("refused", {}, "the kernel gave no reply to the probe")
    return read(base64.b64decode(match[2], validate=True).decode())
