"""Kernels compiled ahead of time: what is read of them, and that the limits and the lock bite."""

import json
import re
from importlib.metadata import version

import kernels as script
import pytest

from dgm_tutor.kernels.ahead import operations, variants
from tests.kernels import linux

TAKEN = {"registers": 40, "spilled": 0, "shared": 1024}


def test_a_spill_and_a_block_too_large_for_a_t4_are_over_the_limits():
    fits = {"sm_75": TAKEN, "sm_90": {**TAKEN, "shared": 64 * 1024}}
    assert script.over_the_limits({"sweep": fits}) == []
    (line,) = script.over_the_limits({"sweep": {**fits, "sm_90": {**TAKEN, "spilled": 8}}})
    assert line == "sweep on sm_90 spills 8 bytes a thread"
    (line,) = script.over_the_limits({"sweep": {**fits, "sm_75": {**TAKEN, "shared": 48 * 1024 + 1}}})
    assert "over 48 KB" in line


def test_whatever_differs_from_the_lock_is_named():
    found = {"sweep": {"sm_75": TAKEN}}
    assert script.differences(found, found) == []
    assert "the lock says None" in script.differences(found, {})[0]
    assert "found None" in script.differences({}, found)[0]
    assert script.differences(found, {"sweep": {"sm_75": {**TAKEN, "registers": 41}}}) == [
        f"sweep on sm_75: the lock says { ({**TAKEN, 'registers': 41}) }, found {TAKEN}"
    ]


def test_an_unknown_operation_is_refused(capsys):
    with pytest.raises(SystemExit):
        script.main(["check", "nothing"])
    assert "no kernels called nothing" in capsys.readouterr().err


def test_every_operation_has_a_lock_and_every_lock_an_operation():
    assert {path.stem for path in script.LOCKS.glob("*.json")} == set(operations())
    for path in script.LOCKS.glob("*.json"):
        assert script.over_the_limits(json.loads(path.read_text())) == []


TOY = """
from dgm_tutor.kernels.ahead import resources
from tests.kernels.toy import SMALL, LARGE
for capability in (75, 90):
    small, large = resources(SMALL, capability), resources(LARGE, capability)
    assert 4 <= small.registers <= 40 and small.spilled == 0 and small.shared == 0, small
    assert large.spilled > 0 and large.registers == 255, large
"""

INTERPRETED = """
import os, torch
from dgm_tutor.kernels.ahead import resources
from tests.kernels.toy import SMALL, doubled
x, out = torch.randn(300, dtype=torch.float64), torch.zeros(300, dtype=torch.float64)
doubled[(3,)](x, out, 300, SIZE=128)
assert torch.equal(out, 2 * x)
try:
    resources(SMALL, 75)
except RuntimeError as error:
    assert "unset it" in str(error)
else:
    raise AssertionError("compiled an interpreted kernel")
"""


@linux
def test_every_pointer_is_compiled_as_aligned_as_a_launch_takes_it():
    """A launch finds torch's tensors at multiples of 16 bytes, and other machine code comes of that."""
    for operation in operations():
        for variant in variants(operation):
            pointers = {name for name, kind in variant.types.items() if kind.startswith("*")}
            assert pointers and pointers <= set(variant.aligned), variant.name


@linux
@pytest.mark.slow
def test_registers_spills_and_shared_memory_are_read(python):
    python(TOY, TRITON_INTERPRET="0")


@linux
@pytest.mark.slow
def test_interpreted_kernels_run_on_the_cpu_and_are_not_compiled(python):
    python(INTERPRETED, TRITON_INTERPRET="1")


@linux
@pytest.mark.slow
def test_the_compiled_kernels_are_those_of_the_lock(compiled, root):
    """The lock is the pinned Triton's. What another one makes of the kernels may not spill either."""
    pin = re.search(r"^triton==([^;\s]+)", (root / "constraints.txt").read_text(), re.MULTILINE)[1]
    compiled("check", *([] if version("triton") == pin else ["--limits"]))
