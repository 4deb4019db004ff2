"""A kernel inherits the memory of the process it was forked from: no answer and no seed may ever have been there."""

import hashlib
import secrets
import struct

import pytest
from dgm_autograder import cases, forkserver
from dgm_autograder.assignment import load

from .course import EXERCISES
from .test_room import room, run

pytestmark = pytest.mark.slow
# Finds bytes in a process's own memory by their first half and the hash of the other, so as not to find the question.
LOOK = """
import hashlib

def look(wanted):
    found = set()
    for line in open("/proc/self/maps"):
        place, rights, _, _, inode, *name = line.split()
        if "r" not in rights or (inode != "0" and "w" not in rights) or name[:1] == ["[vvar]"]:
            continue  # what cannot be read, and libraries
        start, end = (int(number, 16) for number in place.split("-"))
        with open("/proc/self/mem", "rb", 0) as memory:
            memory.seek(start)
            try:
                held = memory.read(end - start)
            except OSError:
                continue
        for number, (first, length, rest) in enumerate(wanted):
            at = held.find(bytes.fromhex(first))
            while at >= 0 and number not in found:
                tail = held[at + len(first) // 2 :][:length]
                if hashlib.sha256(tail).hexdigest() == rest:
                    found.add(number)
                at = held.find(bytes.fromhex(first), at + 1)
    return sorted(found)
"""


def question(needle: bytes) -> tuple[str, int, str]:
    """The needle as `look` wants it."""
    half = len(needle) // 2
    return needle[:half].hex(), len(needle) - half, hashlib.sha256(needle[half:]).hexdigest()


def test_no_answer_and_no_seed_is_in_a_kernels_memory(tmp_path):
    """Though the grader knew them before it asked for the kernel; they are found where they are, and so is a text
    that the kernel has."""
    assignment, seed = load(EXERCISES), 1 << 30 | secrets.randbits(30)
    cases.prepare(assignment, [seed])
    expected = cases.known(assignment, "split", seed, False).cases[0].expected["information"].mean
    wanted = [
        struct.pack("<II", seed & (1 << 30) - 1, seed >> 30),  # the digits of such a number in CPython
        expected.numpy().tobytes(),
        b"return log_weight.logsumexp(0) - math.log(samples)",  # the sheet's solution
    ]
    here: dict = {}
    exec(LOOK, here)
    assert here["look"]([question(needle) for needle in wanted]) == [0, 1, 2]
    held = secrets.token_hex(24)
    asked = [question(needle) for needle in (*wanted, held.encode())]
    with room(tmp_path) as (manager, client):
        assert isinstance(manager.provisioner.process, forkserver.Forked)
        run(client, f"held = bytes({list(held.encode())}).decode()")
        assert run(client, f"{LOOK}\nprint(look({asked}))").strip() == "[3]"
