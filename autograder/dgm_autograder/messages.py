"""Read a kernel's messages without being drowned: what is too large is never decoded, what is too much is not kept."""

import math
import time
from queue import Empty

import zmq
import zmq.asyncio
from jupyter_client.asynchronous import AsyncKernelClient
from jupyter_client.channels import AsyncZMQSocketChannel
from nbformat import NotebookNode
from nbformat.v4 import new_output
from traitlets import Type, default

from dgm_autograder.limits import MIB

MAX_MESSAGE = 8_000_000  # bytes; a probe's reply is at most 4 MB of text in base64
LARGEST = 512 * MIB  # one message: a kernel that sends more loses its connection
KEPT = 2_000_000  # bytes of output that a cell may leave in a notebook
KEPT_ALL = 10_000_000  # bytes that all of them may, but for
KEPT_LAST = 20_000  # bytes of each that comes after those: what went wrong in it is told, and what a test gives
COUNT = 1_000  # messages that a cell may leave
FLOOD = 200_000_000  # bytes or
STORM = 100_000  # messages of one cell, after which its kernel is killed
# What a reply without its content says: the cell has ended, and not well.
TOO_LARGE = {"status": "error", "ename": "TooLarge", "traceback": [], "user_expressions": {}}


class RoomChannel(AsyncZMQSocketChannel):
    """A channel on which a message of more than MAX_MESSAGE bytes arrives without its content."""

    async def _recv(self, **kwargs):
        frames = await self.socket.recv_multipart(**kwargs)
        size = sum(map(len, frames))
        _, parts = self.session.feed_identities(frames)
        if size <= MAX_MESSAGE:
            message = self.session.deserialize(parts)
        else:
            header, parent = (self.session.unpack(part[:MAX_MESSAGE]) for part in parts[1:3])
            message = {"header": header, "msg_type": header["msg_type"], "parent_header": parent, "metadata": {}}
            message |= {"msg_id": header["msg_id"], "content": TOO_LARGE | {"evalue": f"{size:,} bytes"}, "buffers": []}
        message["size"] = size
        return message


class RoomClient(AsyncKernelClient):
    """A client that reads through `RoomChannel`s, and wastes no time: its kernel's process is looked at directly."""

    shell_channel_class = Type(RoomChannel)
    iopub_channel_class = Type(RoomChannel)
    control_channel_class = Type(RoomChannel)

    @default("context")
    def _context_default(self) -> zmq.asyncio.Context:
        self._created_context = True
        context = zmq.asyncio.Context()
        context.setsockopt(zmq.MAXMSGSIZE, LARGEST)
        context.setsockopt(zmq.RECONNECT_IVL, 10)  # milliseconds: a forked kernel is there soon
        return context

    def start_channels(self, shell=True, iopub=True, stdin=True, hb=False, control=True):
        """Without the thread that listens to the kernel's heart."""
        super().start_channels(shell, iopub, stdin, hb, control)

    async def wait_for_ready(self, timeout: float | None = None) -> None:
        """Until both channels carry the answer to one question. Raises `RuntimeError` for a kernel that is gone.

        jupyter_client's own waits for a fifth of a second without a message, once or twice.
        """
        end = time.monotonic() + (math.inf if timeout is None else timeout)
        while time.monotonic() < end and await self.parent.is_alive():
            asked = self.kernel_info()
            try:
                self._handle_kernel_info_reply(await self._async_recv_reply(asked, timeout=1.0))
                while True:
                    said = await self.get_iopub_msg(timeout=0.2)
                    mine = said["parent_header"].get("msg_id") == asked
                    if mine and said["content"].get("execution_state") == "idle":
                        self.parent.provisioner.settle()
                        return
            except (Empty, TimeoutError):
                continue  # nobody is there yet, or the second channel is not
        raise RuntimeError("the kernel did not answer")


class Quota:
    """What one cell has said so far; `left` bytes are kept of it. `reason` says why its kernel has to go, if it has."""

    def __init__(self, left: int = KEPT_ALL):
        self.room = min(KEPT, left)
        self.bytes = self.count = self.dropped = 0

    @property
    def reason(self) -> str:
        """Not empty beyond all measure."""
        return "the output was endless" if self.bytes > FLOOD or self.count > STORM else ""

    @property
    def kept(self) -> int:
        """Bytes that went into the notebook, at most."""
        return min(self.bytes, self.room)

    def admit(self, message: dict, places: int = 1) -> bool:
        """Count a message that is shown in so many places; whether to keep it."""
        self.bytes += message["size"] * places
        self.count += 1
        keep = self.bytes <= self.room and self.count <= COUNT
        self.dropped += not keep
        return keep

    def note(self) -> list[NotebookNode]:
        """What stands under a cell that said too much."""
        if not self.dropped:
            return []
        return [new_output("stream", name="stderr", text=f"... {self.dropped} more pieces of output were left out.\n")]
