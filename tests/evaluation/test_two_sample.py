"""Two-sample tests: p-values uniform under the null, small where the samples differ."""

import pytest
import torch

from dgm_tutor.evaluation import classifier_test, mmd_test
from dgm_tutor.objectives import squared_mmd


def drawn(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def far_from_uniform(p: torch.Tensor) -> float:
    """Kolmogorov and Smirnov's distance, times sqrt(n): above 1.95 once in 1,000 uniform samples."""
    ranks = torch.arange(1, len(p) + 1) / len(p)
    return ((p.sort().values - ranks).abs().max() * len(p) ** 0.5).item()


def test_p_values_are_uniform_where_both_samples_are_from_one_distribution():
    pairs = drawn(400, 70, 2).exp()  # skewed, and the sides of unequal size
    p = torch.tensor([mmd_test(z[:40], z[40:], permutations=199, seed=i).p_value for i, z in enumerate(pairs)])
    assert far_from_uniform(p) < 1.95
    assert p.min() >= 1 / 200 and p.max() <= 1


@pytest.mark.slow
def test_the_classifier_s_p_values_are_uniform_too():
    pairs = drawn(100, 90, 2).exp()
    p = [classifier_test(z[:40], z[40:], steps=3, permutations=199, seed=i).p_value for i, z in enumerate(pairs)]
    assert far_from_uniform(torch.tensor(p)) < 1.95


@pytest.mark.parametrize("test", [mmd_test, classifier_test])
@pytest.mark.parametrize("change", [lambda y: 0.5 * y, lambda y: y + 0.6, lambda y: y.sign() * 0.8 + 0.6 * y])
def test_a_change_of_scale_place_or_shape_is_seen(test, change):
    found = test(drawn(400, 2), change(drawn(400, 2, seed=1)))
    assert found.p_value == pytest.approx(1 / 1000)


def test_the_mmd_statistic_is_the_unbiased_estimate():
    x, y = drawn(30, 3), 0.7 * drawn(50, 3, seed=1)
    median = torch.pdist(torch.cat([x, y])).square().sort().values
    median = median[(len(median) - 1) // 2].item()
    for kernel in ("rbf", "imq"):
        found = mmd_test(x, y, kernel=kernel, permutations=9).statistic
        assert found == pytest.approx(squared_mmd(x, y, kernel, median).item(), rel=1e-6)


def test_the_classifier_s_statistic_is_an_auc():
    x, y = drawn(200, 2), drawn(200, 2, seed=1)
    assert classifier_test(x, y + 50).statistic == 1.0
    assert 0.35 < classifier_test(x, y).statistic < 0.65


def test_rows_that_cannot_be_told_apart_give_no_evidence():
    same = torch.ones(40, 2)
    found = classifier_test(same, same)
    assert found.statistic == 0.5 and found.p_value == 1.0


def test_a_seed_repeats_and_the_callers_random_state_stays():
    state = torch.get_rng_state()
    x, y = drawn(40, 2), drawn(40, 2, seed=1)
    for test in (mmd_test, classifier_test):
        assert test(x, y, seed=3) == test(x, y, seed=3)
    assert torch.equal(state, torch.get_rng_state())


def test_bad_input_is_refused_with_what_was_expected():
    with pytest.raises(ValueError, match="one dimension"):
        mmd_test(torch.rand(9, 2), torch.rand(9, 3))
    with pytest.raises(ValueError, match="rbf, imq"):
        mmd_test(torch.rand(9, 2), torch.rand(9, 2), kernel="linear")
    with pytest.raises(ValueError, match="equal"):
        mmd_test(torch.ones(9, 2), torch.ones(9, 2))
    with pytest.raises(ValueError, match="4 examples"):
        classifier_test(torch.rand(3, 2), torch.rand(9, 2))
    with pytest.raises(ValueError, match="permutations"):
        mmd_test(torch.rand(9, 2), torch.rand(9, 2), permutations=0)
