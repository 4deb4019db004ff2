"""What is read of a kernel's reply to a probe, and what inputs it was asked on."""

import base64
import json
from types import SimpleNamespace

import zmq
from dgm_autograder.kernel import RoomKernelManager, _read
from dgm_autograder.messages import LARGEST
from dgm_autograder.sealed import SealedExecute

from dgm_tutor.checks import wire

NONCE = "0123456789abcdef" * 2


def content(nonce: str, message: str = "") -> dict:
    """A kernel's message with a probe's reply in it."""
    reply = json.dumps({"status": "ok", "data": {"value": 1.0}, "message": message})
    text = repr(f"{nonce}.{base64.b64encode(reply.encode()).decode()}")
    return {"user_expressions": {"reply": {"status": "ok", "data": {"text/plain": text}}}}


def test_a_reply_carries_the_nonce_of_its_question():
    assert _read(content(NONCE), NONCE).data == {"value": 1.0}
    for other in (NONCE[::-1], NONCE.upper(), ""):
        assert _read(content(other), NONCE).status == "refused"
    assert _read(content(NONCE, "x" * (2 * wire.MAX_TEXT)), NONCE).message == "the kernel gave no reply to the probe"


def test_inputs_are_drawn_with_a_fixed_seed_or_the_runs_or_a_new_one():
    step = SealedExecute()
    step.assignment = SimpleNamespace(seed=None)
    assert len({step._seed(None) for _ in range(5)}) == 5
    assert step._seed(5) == 5
    step.assignment.seed = 6
    assert step._seed(5) == 6
    step.seed = 7
    assert step._seed(5) == 7


def test_a_message_without_measure_is_not_taken_off_the_wire(tmp_path):
    """The limit is that of the sockets which listen to a kernel."""
    manager = RoomKernelManager(transport="ipc", ip=str(tmp_path / "kernel"), connection_file=str(tmp_path / "k.json"))
    manager.write_connection_file()
    client = manager.client()
    for channel in (client.shell_channel, client.iopub_channel, client.control_channel, client.stdin_channel):
        assert channel.socket.getsockopt(zmq.MAXMSGSIZE) == LARGEST
    client.stop_channels()
