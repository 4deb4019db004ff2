"""Read a kernel's messages without being drowned: what is too large is never decoded, what is too much is not kept."""

from jupyter_client.asynchronous import AsyncKernelClient
from jupyter_client.channels import AsyncZMQSocketChannel
from nbformat import NotebookNode
from nbformat.v4 import new_output
from traitlets import Type

MAX_MESSAGE = 8_000_000  # bytes; a probe's reply is at most 4 MB of text in base64
KEPT = 2_000_000  # bytes of output that a cell may leave in a notebook
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
    """A client that reads through `RoomChannel`s."""

    shell_channel_class = Type(RoomChannel)
    iopub_channel_class = Type(RoomChannel)
    control_channel_class = Type(RoomChannel)


class Quota:
    """What one cell has said so far. `reason` says why its kernel has to go, if it has."""

    def __init__(self):
        self.bytes = self.count = self.dropped = 0

    @property
    def reason(self) -> str:
        """Not empty beyond all measure."""
        return "the output was endless" if self.bytes > FLOOD or self.count > STORM else ""

    def admit(self, message: dict) -> bool:
        """Count a message; whether to keep it."""
        self.bytes += message["size"]
        self.count += 1
        keep = self.bytes <= KEPT and self.count <= COUNT
        self.dropped += not keep
        return keep

    def note(self) -> list[NotebookNode]:
        """What stands under a cell that said too much."""
        if not self.dropped:
            return []
        return [new_output("stream", name="stderr", text=f"... {self.dropped} more pieces of output were left out.\n")]
