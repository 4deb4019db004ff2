"""No kernel's threads read or overwrite each other's memory without a barrier between; and missing ones are found."""

import pytest

from dgm_tutor.kernels.ahead import operations
from tests.kernels import linux
from tests.kernels.hazards import hazards

TOYS = """
from dgm_tutor.kernels.ahead import code
from tests.kernels.hazards import hazards
from tests.kernels.toy import SWAPPED, handed
early, late = "%scratch is read, and was written", "%scratch is written, and was read"
cases = {(1, 1): [], (0, 1): [early], (1, 0): [late], (0, 0): [early, late], (2, 1): [early]}
for flags, expected in cases.items():
    found = hazards(code(handed(*flags), 80)["ttgir"])
    assert found == [f"{line} since the last barrier" for line in expected], (flags, found)
assert len(hazards(code(SWAPPED, 80)["ttgir"])) == 4  # both, each way
"""

COMPILED = """
from dgm_tutor.kernels.ahead import code, variants
from tests.kernels.hazards import hazards
for variant in variants("{operation}"):
    for capability in (75, 90):
        found = hazards(code(variant, capability)["ttgir"])
        assert not found, (variant.name, capability, found)
"""


def test_what_is_not_understood_is_no_proof():
    for line, message in {
        "tt.atomic_rmw fadd, relaxed, gpu, %x, %y : (!tt.ptr<f32>, f32) -> f32": "not understood",
        "%y = tt.load %elsewhere : !tt.ptr<f32>": "whose memory",
    }.items():
        with pytest.raises(ValueError, match=message):
            hazards(f"tt.func public @kernel(%x: !tt.ptr<f32>) {{\n{line}\n}}")


def test_a_barrier_in_a_branch_counts_if_every_branch_has_one():
    code = "tt.func public @f(%x: !tt.ptr<f32>) {{\ntt.store %x, %c\nscf.if %some {{\n{}}}\n%y = tt.load %x\n}}"
    barrier = "gpu.barrier\n"
    for branches, found in {barrier: 1, barrier + "} else {\n": 1, barrier + "} else {\n" + barrier: 0}.items():
        assert len(hazards(code.format(branches))) == found


@linux
@pytest.mark.slow
def test_a_missing_barrier_is_found(python):
    python(TOYS, TRITON_INTERPRET="0")


@linux
@pytest.mark.slow
@pytest.mark.parametrize("operation", operations())
def test_threads_meet_between_writing_and_reading(operation, python):
    python(COMPILED.format(operation=operation), TRITON_INTERPRET="0")
