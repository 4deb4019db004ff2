"""Right answers pass at the designed rate however they draw; the faults an estimator can have are each seen."""

import pytest
import torch

from dgm_tutor.checks.compare import FALSE_VERDICT, _quantile, expect, fault


def draws(n, seed, mean=2.0, sd=3.0, size=4):
    return mean + sd * torch.randn(n, size, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def wide(seed, sd):
    """Draws whose mean is right on the spot and whose spread is `sd`."""
    value = draws(64, seed, sd=sd)
    return value - value.mean(0) + 2


def test_a_right_answer_passes_in_a_thousand_seeds():
    wrong = sum(
        fault(draws(64, 2 * seed), expect([draws(256, 2 * seed + 1)], random=True), comparisons=4) is not None
        for seed in range(1000)
    )
    assert wrong <= 1  # 1,000 x 1e-4 = 0.1 expected; two or more has probability 0.005


def test_a_right_answer_with_long_tails_passes():
    """Of a few draws in a hundred that lie far out, the spread itself is known less well than of normal ones."""
    for seed in range(200):
        less, more = (draws(n, n + seed, mean=0.0, sd=1.0).abs() ** 2.5 for n in (512, 1024))
        assert fault(less, expect([more], random=True), comparisons=4) is None


def test_the_limit_is_the_quantile_of_students_t():
    from scipy.stats import t

    for freedom in (63, 255, 1023):
        for level in (1e-3, 1e-5, 1e-7):
            assert _quantile(level, freedom) == pytest.approx(t.isf(level / 2, freedom), rel=0.01)
    assert FALSE_VERDICT == 1e-4


@pytest.mark.parametrize(
    ("output", "kind"),
    [
        (draws(64, 1), None),
        (draws(64, 1, mean=5.0), "value"),
        (wide(1, sd=24.0), "spread"),
        (draws(64, 1, size=3), "shape"),
        (draws(64, 1)[0], "shape"),
        (draws(1, 1), "shape"),
        (draws(64, 1) / torch.tensor([1, 1, 1, 0]), "not finite"),
        (draws(64, 1) * float("nan"), "not finite"),
        (torch.tensor([[1.7e308], [-1.7e308]], dtype=torch.float64).repeat(32, 4), "value"),  # their mean is NaN
        ("right", "not a number"),
        (None, "not a number"),
        ({"a": 1}, "not a number"),
        ([[1.0], [2.0, 3.0]], "not a number"),
    ],
)
def test_draws(output, kind):
    assert fault(output, expect([draws(256, 2)], random=True), comparisons=4) == kind


@pytest.mark.parametrize(
    ("output", "kind"),
    [
        ([1.0, 2.0], None),
        ([1.0, 2.0 + 1e-5], None),
        ([1.0, 2.01], "value"),
        ([1.0, -2.0], "value"),
        ([1.0, float("nan")], "not finite"),
        ([1.0], "shape"),
        (1.0, "shape"),
    ],
)
def test_exact_values(output, kind):
    assert fault(output, expect([[1.0, 2.0]], random=False), comparisons=2) == kind


def test_the_spread_is_the_largest_of_the_right_answers():
    one, other = draws(256, 3, sd=1.0), draws(256, 4, sd=9.0)
    assert fault(wide(5, sd=9.0), expect([one], random=True), 4) == "spread"
    assert fault(wide(5, sd=9.0), expect([one, other], random=True), 4) is None
