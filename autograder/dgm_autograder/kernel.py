"""A kernel in its own room, and the one question the grader asks it: run this probe."""

import base64
import importlib.util
import inspect
import os
import re
import secrets
import sys
from collections.abc import Mapping
from pathlib import Path
from queue import Empty

from dgm_tutor.checks import wire
from dgm_tutor.checks.judge import Probe, Reply, read
from jupyter_client.manager import AsyncKernelManager
from traitlets import DottedObjectName, Type

from dgm_autograder.clock import Clock
from dgm_autograder.forkserver import Door
from dgm_autograder.intake import read as read_file
from dgm_autograder.messages import RoomClient
from dgm_autograder.provisioner import Bubblewrap

MAX_FILE = 2_000_000  # bytes of one file handed in beside a notebook
MAX_FILES = 20
GRACE = 3.0  # seconds that an interrupted kernel has to come to rest
UNFIT = (AttributeError, LookupError, RecursionError, TypeError, ValueError)  # what a message may be that is none
WIRE = inspect.getsource(wire)
SEND = """
import base64 as _base64
from IPython import get_ipython as _shell
_reply = run({source!r}, {name!r}, _shell().user_ns.get({answer!r}), {inputs!r}, {seed!r})
_reply = {nonce!r} + "." + _base64.b64encode(_reply.encode()).decode()
"""


class RoomKernelManager(AsyncKernelManager):
    """Python kernels under `Bubblewrap`, whatever provisioner the kernelspec or the environment names.

    With a `door` they are forked where it leads.
    """

    client_factory = Type(RoomClient)
    client_class = DottedObjectName("dgm_autograder.messages.RoomClient")

    def __init__(
        self, provides: tuple[str, ...] | None = None, trusted: bool = False, door: Door | None = None, **kwargs
    ):
        super().__init__(kernel_name="python3", **kwargs)
        self.kernel_spec.interrupt_mode = "message"
        self.provisioner = Bubblewrap(kernel_id=self.kernel_id, kernel_spec=self.kernel_spec, parent=self)
        self.provisioner.provides, self.provisioner.trusted = provides, trusted
        self.provisioner.door = door

    def format_kernel_cmd(self, extra_arguments=None):
        """The kernel's command line, by this very Python."""
        return [sys.executable, "-m", "ipykernel_launcher", "-f", self.connection_file, *(extra_arguments or [])]

    def bring(self, files: Mapping[str, bytes]) -> None:
        """Put files, by name, into the home that the next kernel finds."""
        self.provisioner.bring = {name: _descriptor(content) for name, content in files.items()}


def _descriptor(content: bytes) -> int:
    """Of a file in memory that holds this."""
    descriptor = os.memfd_create("handed-in")
    with open(descriptor, "wb", closefd=False) as file:
        file.write(content)
    os.lseek(descriptor, 0, os.SEEK_SET)
    return descriptor


def plain_files(handed_in: Path) -> tuple[dict[str, bytes], list[str]]:
    """The plain files handed in beside a notebook, by name, and the names of those left out.

    No link, no notebook, nothing large, nothing that would stand in a library's place.
    """
    taken, left = {}, []
    with os.scandir(handed_in) as entries:
        names = sorted(e.name for e in entries if not e.name.startswith(".") and not e.name.endswith(".ipynb"))
    for name in names:
        content = read_file(handed_in / name, MAX_FILE) if len(taken) < MAX_FILES and not shadows(name) else None
        if content is None:
            left.append(name)
        else:
            taken[name] = content
    return taken, left


def shadows(name: str) -> bool:
    """Whether a file would be imported in the place of an installed module."""
    module = name.split(".")[0]
    if not name.endswith((".py", ".pyc", ".so")) or not module.isidentifier():
        return False
    if module in sys.stdlib_module_names or module in sys.modules:  # some of these have no spec to be found by
        return True
    return importlib.util.find_spec(module) is not None


async def ask(manager, client, probe: Probe, answer: str, inputs: str, seed: int, timeout: float) -> Reply:
    """Run a probe on the name `answer` of the student's kernel. Never raises for anything the kernel does.

    The question goes in as an expression to evaluate, so that no cell, history or output of the student's is
    involved, and the reply must carry the question's own nonce.
    """
    nonce = secrets.token_hex(16)
    code = WIRE + SEND.format(
        source=probe.source, name=probe.name, answer=answer, inputs=inputs, seed=seed, nonce=nonce
    )
    builtins = "__import__('builtins')"
    question = f"(lambda space: {builtins}.exec({code!r}, space) or space['_reply'])({{'__name__': 'probe'}})"
    message = client.execute(
        "", silent=True, store_history=False, allow_stdin=False, user_expressions={"reply": question}
    )
    clock = Clock(manager.provisioner.kernel)
    while clock() < timeout:
        try:
            said = await client.get_shell_msg(timeout=min(1.0, max(timeout - clock(), 0.01)))
            if said["parent_header"]["msg_id"] == message:
                return _read(said["content"], nonce)
        except Empty:
            if not await manager.is_alive():
                why = manager.provisioner.reason or "the kernel died while the answer was being checked"
                return Reply("refused", {}, why)
        except UNFIT:
            return Reply("refused", {}, "the kernel sent a message that is no reply")
    await stop(manager, client)
    return Reply("refused", {}, f"the answer took longer than {timeout:g} seconds")


async def stop(manager, client) -> bool:
    """Interrupt what runs; a kernel that does not come to rest soon is killed. Whether it lives."""
    await manager.interrupt_kernel()
    message = client.kernel_info()
    clock = Clock(manager.provisioner.kernel)
    while clock() < GRACE and await manager.is_alive():
        try:
            said = await client.get_shell_msg(timeout=0.2)
            if said["parent_header"].get("msg_id") == message:
                return True
        except (Empty, *UNFIT):
            continue
    await manager.provisioner.kill()
    return False


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
