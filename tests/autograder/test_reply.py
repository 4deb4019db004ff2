"""What is read of a kernel's reply to a probe, and what inputs it was asked on."""

import base64
import json
from types import SimpleNamespace

from dgm_autograder.kernel import _read
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


def test_the_inputs_of_each_submission_have_a_seed_of_their_own():
    step = SealedExecute()
    step.assignment = SimpleNamespace(seed=None)
    assert len({step._seed(None) for _ in range(5)}) == 5
    step.seed = 7
    assert step._seed(None) == 7
