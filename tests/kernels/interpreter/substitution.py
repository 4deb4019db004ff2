"""The forward substitution in the interpreter, against the fixed point that defines it, and in a flow."""

import pytest
import torch
from torch.library import opcheck

from dgm_tutor.components.flows import iaf, maf, naf
from dgm_tutor.components.flows.monotone import Affine, DeepSigmoid, Gated
from dgm_tutor.kernels.backend import BackendError
from dgm_tutor.kernels.substitution import op, oracle, substitute, triton
from tests.components.flows.truth import away
from tests.kernels.interpreter.meter import metered, poison
from tests.kernels.problems import strided, substitution

ROWS = 16  # of a program, for small layers
MONOTONE = {"affine": Affine(), "gated": Gated(), "sigmoids": DeepSigmoid(3)}


@pytest.fixture(autouse=True)
def _poisoned(monkeypatch):
    poison(monkeypatch)


def off(step, problem):
    """How far the kernel is from the oracle, relative to the largest coordinate of a row."""

    def advance(z, parameters):
        return MONOTONE[step].forward(z, parameters)[0]

    ours, truth = substitute(advance, step, *problem), oracle.substitute(advance, *problem)
    assert torch.isfinite(ours).all() and truth.abs().max() > 0.1
    return ((ours.double() - truth).abs() / (1 + truth.abs().amax(1, keepdim=True))).max().item()


@pytest.mark.parametrize("step", MONOTONE)
@pytest.mark.parametrize(
    ("n", "dim", "hidden"),
    [(1, 1, (1,)), (ROWS - 1, 5, (16,)), (ROWS, 2, (7,)), (ROWS + 1, 6, (3,)), (3, 5, (8, 17)), (2, 7, (5, 11, 9))],
    ids=str,
)
@pytest.mark.parametrize(("reverse", "lowest"), [(False, 1), (True, 0)])
def test_samples_are_the_oracles(n, dim, hidden, reverse, lowest, step):
    outputs = MONOTONE[step].count
    assert off(step, substitution(n, dim, hidden, reverse=reverse, lowest=lowest, outputs=outputs)) < 1e-11


@pytest.mark.parametrize("step", MONOTONE)
def test_single_precision_is_off_by_what_its_sums_lose(step):
    """eps times the terms of all sums on the way to one coordinate, through every layer and every step before it."""
    dim, hidden = 7, (5, 11)
    terms = dim * (dim + sum(hidden))
    problem = substitution(19, dim, hidden, torch.float32, outputs=MONOTONE[step].count)
    assert off(step, problem) < torch.finfo(torch.float32).eps * terms


def test_rows_and_numbers_may_lie_apart():
    z, start, weights, biases, order, ends = substitution(5, 4, (6, 7))
    apart = strided(z), start[:1].expand(5, -1), [strided(w) for w in weights], biases, order, ends
    plain = z, start[:1].repeat(5, 1), weights, biases, order, ends
    assert torch.equal(substitute(None, "affine", *apart), substitute(None, "affine", *plain))


@pytest.mark.parametrize("flow", [maf, iaf, naf])
@pytest.mark.parametrize("context_dim", [0, 3])
def test_a_flow_samples_what_it_scores(flow, context_dim):
    """The whole path: a stack of layers in both orders, with leading dimensions; back by the parallel pass."""
    torch.manual_seed(0)
    stack = away(flow(5, 2, (9, 8), context_dim=context_dim))
    slow, back = (stack.inverse, stack.forward) if flow is iaf else (stack.forward, stack.inverse)
    z, context = torch.randn(2, 3, 5).double(), torch.randn(3, context_dim).double() if context_dim else None
    with torch.no_grad():
        x, log_det = slow(z, context)
        again, minus = back(x, context)
    torch.testing.assert_close(again, z, rtol=0, atol=1e-10)
    torch.testing.assert_close(log_det, -minus, rtol=0, atol=1e-10)
    assert (x - z).abs().max() > 0.1


@pytest.mark.parametrize("K", [1, 2, 4])
def test_a_mixture_s_root_is_found_however_far_out(K):
    """Where the sigmoids and their slopes leave nothing of each other; 1 and 2 are their own powers of two."""
    z = torch.tensor([-80.0, -9.0, 0.0, 9.0, 80.0], dtype=torch.float64)[:, None]
    bias = 3 * torch.randn(3 * K, dtype=torch.float64, generator=torch.Generator().manual_seed(K))
    weights = [torch.zeros(1, 1).double(), torch.zeros(3 * K, 1).double()]
    order, ends = torch.zeros(1, dtype=torch.int32), torch.ones(1, 1, dtype=torch.int32)
    x = substitute(None, "sigmoids", z, torch.zeros(5, 1).double(), weights, [bias], order, ends)
    back, _ = DeepSigmoid(K).inverse(x, bias.expand(5, 1, -1))
    torch.testing.assert_close(back, z, rtol=1e-11, atol=1e-11)


def test_what_the_kernel_cannot_take_is_refused_by_name():
    problem = substitution(2, 3, (4,))
    with pytest.raises(BackendError, match="the affine, the gated and the sigmoid step"):
        substitute(None, None, *problem)
    with torch.no_grad(), pytest.raises(BackendError, match="up to 16 sigmoids, and there are 17"):
        naf(3, 1, (8,), 17).forward(torch.randn(2, 3))
    problem = substitution(2, 3, (4, 4, 4, 4))
    with pytest.raises(BackendError, match="up to 3 hidden layers, and there are 4"):
        substitute(None, "affine", *problem)
    problem = substitution(2, 3, (triton.WIDEST + 1,))
    with pytest.raises(BackendError, match=f"one has {triton.WIDEST + 1}"):
        substitute(None, "affine", *problem)


def test_the_operation_keeps_torchs_rules():
    opcheck(op._substitute, ("affine", *substitution(3, 4, (5,))))


@pytest.mark.parametrize(
    ("step", "hidden"), [("affine", (6,)), ("affine", (5, 9)), ("affine", (5, 9, 4)), ("sigmoids", (5, 9))]
)
def test_traffic_is_within_its_budget(step, hidden, monkeypatch):
    """One launch, in which a program reads every weight that the mask lets through once, and no other; it reads
    nothing that it wrote."""
    n, dim, layers = ROWS + 1, 5, len(hidden)
    problem = substitution(n, dim, hidden, outputs=MONOTONE[step].count)
    seen = sum(weight.isfinite().sum().item() for weight in problem[2])
    biases = sum(map(len, problem[3]))
    with metered(monkeypatch) as meter:
        triton.substitute(step, *problem)
    assert meter.launches == 1 and meter.twice == meter.back == 0
    assert meter.written == 8 * n * dim
    assert meter.read == 8 * (2 * (seen + biases) + n * (hidden[0] + dim)) + 4 * 2 * dim * (1 + layers)


def test_nothing_in_gives_nothing_out():
    assert substitute(None, "affine", *substitution(0, 4, (5,))).shape == (0, 4)
