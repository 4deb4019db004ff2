"""The MMD kernel against the definition in float64: values, gradients, edges, and what must not change them."""

import pytest
import torch

from dgm_tutor.kernels.pairwise import op, oracle, squared_mmd
from dgm_tutor.kernels.pairwise.triton import CHUNK, OWN
from tests.kernels.numbers import assert_close

TILE = OWN


def sets(n, m, d, dtype=torch.float64, seed=0):
    generator = torch.Generator().manual_seed(seed)
    x = torch.randn(n, d, generator=generator, dtype=torch.float64)
    y = 0.4 + 0.8 * torch.randn(m, d, generator=generator, dtype=torch.float64)
    return x.to(dtype).requires_grad_(), y.to(dtype).requires_grad_()


def check(x, y, kernel="rbf", bandwidth=3.0, unbiased=True):
    """Value and gradients; float32 is compared at the very points that were rounded to it."""
    exact = [points.detach().double().requires_grad_() for points in (x, y)]
    truth = oracle.squared_mmd(*exact, kernel, bandwidth, unbiased)
    found = squared_mmd(x, y, kernel, bandwidth, unbiased)
    length = 2 * x.shape[1] + len(x) + len(y)
    assert_close(found.detach(), truth.detach(), length, scale=4.0)
    gradients = zip(torch.autograd.grad(found, (x, y)), torch.autograd.grad(truth, exact), strict=True)
    for mine, theirs in gradients:
        assert_close(mine, theirs, length)


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32])
@pytest.mark.parametrize("unbiased", [True, False])
@pytest.mark.parametrize("kernel", ["rbf", "imq"])
def test_value_and_gradient_are_the_definition_s(kernel, unbiased, dtype):
    check(*sets(13, 9, 3, dtype), kernel, 3.0, unbiased)


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32])
@pytest.mark.parametrize(
    ("n", "m", "d"),
    [
        (2, 2, 1),
        (31, TILE - 31 - 1, 2),  # together one point short of a tile
        (31, TILE - 31, 5),
        (31, TILE - 31 + 1, 1),
        (TILE, TILE + 1, 2),
        (2, 67, CHUNK - 1),
        (5, 7, CHUNK),
        (5, 7, CHUNK + 1),
        (11, 3, 37),
    ],
)
def test_at_the_edges_of_tiles(n, m, d, dtype):
    check(*sets(n, m, d, dtype), bandwidth=2.0 * d)


def test_points_that_do_not_lie_side_by_side_in_memory():
    x, y = sets(14, 22, 6)
    x, y = (points.detach()[::2, ::3].requires_grad_() for points in (x, y))
    assert not x.is_contiguous()
    check(x, y)


def test_nothing_is_read_before_it_is_written():
    torch.use_deterministic_algorithms(True)  # torch.empty now holds NaN
    try:
        assert torch.empty(3).isnan().all()
        check(*sets(13, 9, 3))
        check(*sets(40, 30, 17))
    finally:
        torch.use_deterministic_algorithms(False)


def test_a_side_without_gradient_changes_nothing():
    x, y = sets(13, 9, 3)
    both = torch.autograd.grad(squared_mmd(x, y, "rbf", 3.0), x)[0]
    torch.testing.assert_close(torch.autograd.grad(squared_mmd(x, y.detach(), "rbf", 3.0), x)[0], both)
    with torch.no_grad():
        torch.testing.assert_close(squared_mmd(x, y, "rbf", 3.0), oracle.squared_mmd(x, y, "rbf", 3.0, True))


@pytest.mark.parametrize("kernel", ["rbf", "imq"])
def test_moving_all_points_moves_nothing_so_the_gradients_cancel(kernel):
    x, y = sets(40, 33, 3)
    in_x, in_y = torch.autograd.grad(squared_mmd(x, y, kernel, 3.0), (x, y))
    assert (in_x.sum(0) + in_y.sum(0)).abs().max() < 1e-14 and in_x.abs().max() > 1e-4


def test_far_from_the_origin_nothing_cancels():
    x, y = (points.detach() for points in sets(40, 30, 3))
    # 2^12 is far, and every coordinate that is a multiple of 2^-10 is exact there
    x, y = ((points * 1024).round() / 1024 for points in (x, y))
    near = squared_mmd(x.float(), y.float(), "rbf", 4.0)
    far = squared_mmd(x.float() + 4096, y.float() + 4096, "rbf", 4.0)
    assert near == far


def test_a_sample_against_itself_is_zero_and_points_far_apart_are_two():
    x, _ = sets(30, 2, 2)
    assert abs(squared_mmd(x.detach(), x.detach(), "rbf", 2.0, unbiased=False)) < 1e-15
    apart = squared_mmd(torch.zeros(5, 2), torch.full((6, 2), 1e6), "rbf", 2.0)
    assert apart == 2.0  # k = 1 within either set, 0 across


def test_half_precision_is_computed_in_single():
    x, y = (points.detach().half() for points in sets(20, 20, 3))
    truth = oracle.squared_mmd(x, y, "rbf", 3.0, True)
    assert abs(squared_mmd(x, y, "rbf", 3.0) - truth) < 2**-10 * abs(truth) + 1e-6


def test_gradcheck_and_opcheck():
    x, y = sets(7, 6, 2)
    assert torch.autograd.gradcheck(lambda x, y: squared_mmd(x, y, "imq", 3.0), (x, y), fast_mode=True)
    torch.library.opcheck(op._squared_mmd, (x, y, "rbf", 3.0, True, True, True), test_utils=FAST)


FAST = ("test_schema", "test_autograd_registration", "test_faketensor")
