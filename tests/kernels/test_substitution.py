"""Forward substitution: the twin against the fixed point, and the kernel in a process of its own."""

import pytest
import torch

from dgm_tutor.components.flows.monotone import Affine, DeepSigmoid, Gated
from dgm_tutor.kernels.substitution import STEPS, oracle
from dgm_tutor.kernels.substitution import torch as twin
from tests.kernels import linux
from tests.kernels.problems import substitution


@pytest.mark.parametrize("monotone", [Affine(), Gated(), DeepSigmoid(3)], ids=["affine", "gated", "sigmoids"])
@pytest.mark.parametrize(("n", "dim", "hidden"), [(1, 1, (1,)), (4, 5, (3,)), (3, 6, (8, 17)), (2, 7, (5, 11, 9))])
@pytest.mark.parametrize(("reverse", "lowest"), [(False, 1), (True, 0)])
def test_the_twin_is_the_oracle(n, dim, hidden, reverse, lowest, monotone):
    problem = substitution(n, dim, hidden, reverse=reverse, lowest=lowest, outputs=monotone.count)
    ours, truth = (f(lambda z, p: monotone.forward(z, p)[0], *problem) for f in (twin.substitute, oracle.substitute))
    torch.testing.assert_close(ours, truth, rtol=1e-9, atol=1e-9)


def test_the_named_steps_are_those_of_the_flows():
    assert {Affine().step, Gated().step, DeepSigmoid(2).step} == set(STEPS)


@linux
@pytest.mark.slow
def test_the_kernel_in_the_interpreter(interpreter):
    interpreter("substitution")
