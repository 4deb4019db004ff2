"""Scores of representations whose worth is known: perfect, mixed, doubled, dead, random."""

import sys

import numpy as np
import pytest
import torch
from torch.distributions import Independent, Normal

from dgm_tutor.evaluation import dci, disentanglement, factor_vae, mean_codes, mig, mutual_information, sap

SIZES = (3, 4, 5, 8)
CEILING = np.mean([1 - 1 / size for size in SIZES])  # SAP's largest value for these factors


@pytest.fixture(scope="module")
def factors():
    rng = np.random.default_rng(0)
    return np.stack([rng.integers(size, size=3000) for size in SIZES], 1)


@pytest.fixture(scope="module")
def perfect(factors):
    """The factors, each in a code of its own, permuted, negated and rescaled, with a little noise."""
    noise = np.random.default_rng(1).normal(size=factors.shape)
    return (factors + 0.05 * noise)[:, [2, 0, 3, 1]] * [3.0, -0.2, 10.0, -1.0] + [1, -2, 0, 5]


def noise(dims, seed=2, n=3000):
    return np.random.default_rng(seed).normal(size=(n, dims))


def mixed(perfect, angle):
    """Each pair of standardised codes turned by an angle."""
    codes = (perfect - perfect.mean(0)) / perfect.std(0)
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    return np.hstack([codes[:, :2] @ turn, codes[:, 2:] @ turn])


def test_perfect_codes_score_the_most(perfect, factors):
    scores = disentanglement(perfect, factors)
    assert scores.mig > 0.98  # chance information of the second best code is above 0
    assert scores.factor_vae == 1
    assert scores.dci.disentanglement == pytest.approx(1, abs=1e-3)
    assert scores.dci.completeness == pytest.approx(1, abs=1e-3)
    assert scores.dci.informativeness == pytest.approx(1, abs=1e-3)
    assert scores.sap == pytest.approx(CEILING, abs=0.03)


def test_random_codes_score_chance(factors):
    scores = disentanglement(noise(6), factors)
    assert scores.mig < 0.01
    assert scores.factor_vae == pytest.approx(1 / len(SIZES), abs=0.06)
    assert scores.dci.disentanglement < 0.02
    assert scores.dci.completeness < 0.02
    assert scores.dci.informativeness == pytest.approx(np.mean([1 / size for size in SIZES]), abs=0.04)
    assert scores.sap < 0.03


def test_mixing_lowers_every_score_step_by_step(perfect, factors):
    steps = [disentanglement(mixed(perfect, angle), factors) for angle in (0.0, 0.3, np.pi / 4)]
    for name in ("mig", "sap"):
        pure, some, full = (getattr(step, name) for step in steps)
        assert pure > some + 0.1, name
        assert some > full + 0.1, name
    for name in ("disentanglement", "completeness"):
        pure, some, full = (getattr(step.dci, name) for step in steps)
        assert pure > some + 0.1, name
        assert some > full + 0.1, name
        assert full > 0.3, name  # the pairs are still apart
    assert steps[0].factor_vae == 1
    assert 0.4 < steps[2].factor_vae < 0.95


def test_scores_ignore_order_sign_and_scale(factors, perfect):
    codes = mixed(perfect, 0.2) + 0.3 * noise(4)
    changed = codes[:, [3, 0, 2, 1]] * [-1.0, 1e-4, 70.0, -2.0]
    before, after = disentanglement(codes, factors), disentanglement(changed, factors)
    assert after.mig == pytest.approx(before.mig, abs=1e-9)
    assert after.factor_vae == pytest.approx(before.factor_vae, abs=1e-9)
    assert after.sap == pytest.approx(before.sap, abs=5e-3)  # a threshold lies halfway between two points
    for name in ("disentanglement", "completeness", "informativeness"):
        assert getattr(after.dci, name) == pytest.approx(getattr(before.dci, name), abs=0.02), name


def test_dead_codes_are_ignored(factors, perfect):
    codes = mixed(perfect, 0.2)
    dead = np.hstack([np.zeros((3000, 2)), codes, np.full((3000, 1), 0.1)])
    assert disentanglement(dead, factors) == disentanglement(codes, factors)


def test_all_dead_codes_score_nothing(factors):
    scores = disentanglement(np.full((3000, 3), 2.5), factors)
    assert (scores.mig, scores.factor_vae, scores.sap) == (0, 0, 0)
    assert (scores.dci.disentanglement, scores.dci.completeness) == (0, 0)


def test_a_doubled_code_ends_the_gap_and_leaves_dci_disentanglement(perfect, factors):
    doubled = disentanglement(np.hstack([perfect, 2 * perfect]), factors)
    assert doubled.mig == pytest.approx(0, abs=1e-9)
    assert doubled.sap == pytest.approx(0, abs=1e-9)
    assert doubled.dci.disentanglement == pytest.approx(1, abs=1e-3)
    assert doubled.dci.completeness < 0.9
    assert doubled.factor_vae == 1


def test_two_factors_in_one_code_cost_disentanglement_and_not_completeness(perfect, factors):
    pair = factors[:, 0] + 3 * factors[:, 1]  # one code tells two factors, each of them wholly
    found = dci(np.stack([pair, factors[:, 2], factors[:, 3]], 1), factors)
    assert found.completeness == pytest.approx(1, abs=1e-3)
    assert found.informativeness == pytest.approx(1, abs=1e-2)
    assert found.disentanglement == pytest.approx(0.5 + 0.5 * (1 - np.log(2) / np.log(4)), abs=0.01)


def test_mutual_information_is_the_entropy_on_the_diagonal_and_chance_beside_it(factors):
    table = mutual_information(factors, factors)
    for i, size in enumerate(SIZES):
        share = np.bincount(factors[:, i]) / 3000
        assert table[i, i] == pytest.approx(-(share * np.log(share)).sum())
        for j, other in enumerate(SIZES):
            if i != j:  # the plug-in bias, (levels - 1)(levels - 1) / 2n
                assert table[i, j] < 4 * (size - 1) * (other - 1) / 6000
    np.testing.assert_allclose(table, table.T, atol=1e-12)


def test_mig_of_one_noisy_code_is_its_known_information():
    """A bit sent through a channel that flips 10 % of it carries log 2 - H(0.1) nats."""
    rng = np.random.default_rng(3)
    bit = rng.integers(2, size=100_000)
    code = np.where(rng.random(100_000) < 0.1, 1 - bit, bit)
    flip = -(0.1 * np.log(0.1) + 0.9 * np.log(0.9))
    assert mig(code[:, None], bit[:, None]) == pytest.approx((np.log(2) - flip) / np.log(2), abs=0.01)


def test_one_code_is_compared_with_a_code_that_tells_nothing(factors):
    code, factor = factors[:, 3:].astype(float), factors[:, 3:]
    assert mig(code, factor) == pytest.approx(1)
    assert sap(code, factor) == pytest.approx(1 - 1 / 8)


def test_factor_values_are_names_not_amounts(perfect, factors):
    renamed = factors * 7 - 40
    assert disentanglement(perfect, renamed) == disentanglement(perfect, factors)


def test_a_seed_repeats_the_scores_and_tensors_serve_as_well(perfect, factors):
    codes = mixed(perfect, 0.5)
    scores = disentanglement(codes, factors, seed=4)
    assert disentanglement(torch.tensor(codes, requires_grad=True), torch.tensor(factors), seed=4) == scores
    assert factor_vae(noise(4), factors, seed=5) != factor_vae(noise(4), factors, seed=6)


@pytest.mark.parametrize("n", [2, 3, 5])
def test_a_few_points_are_scored(n):
    factors = np.stack([np.arange(n) % 2, np.arange(n) // (n - 1)], 1)
    assert 0 <= mig(noise(3, n=n), factors) <= 1
    assert 0 <= sap(noise(3, n=n), factors) <= 1
    assert 0 <= dci(noise(3, n=n), factors).informativeness <= 1


class HalfCollapsed:
    """z_1 follows x with noise 0.5; z_2 follows it exactly, by 1/1000 of its own noise."""

    def prior(self):
        return Independent(Normal(torch.zeros(2), 1.0), 1)

    def posterior(self, x):
        return Independent(Normal(x @ torch.tensor([[1.0, 1e-3]]), torch.tensor([0.5, 1.0]).expand(len(x), 2)), 1)


def test_codes_are_posterior_means_without_what_the_posteriors_noise_hides(factors):
    x = torch.tensor(factors[:, 3:] - 3.5, dtype=torch.float32)
    found = mean_codes(HalfCollapsed(), x)
    torch.testing.assert_close(found[:, :1], x)
    assert (found[:, 1] == 0).all()
    # the plain means would hide the perfect code behind a second one that is not there
    assert mig(found, factors[:, 3:]) == pytest.approx(1)
    assert mig(HalfCollapsed().posterior(x).mean, factors[:, 3:]) == pytest.approx(0)


def test_bad_input_is_refused(factors):
    codes = noise(4)
    broken = codes.copy()
    broken[5, 2] = np.nan
    with pytest.raises(ValueError, match=r"NaN.*\[2\]"):
        disentanglement(broken, factors)
    with pytest.raises(ValueError, match=r"\(2999, 4\) and \(3000, 4\)"):
        mig(codes[1:], factors)
    with pytest.raises(ValueError, match="same n"):
        sap(codes, factors[:, 0])
    with pytest.raises(ValueError, match="2 points or more, got 1"):
        factor_vae(codes[:1], factors[:1])
    with pytest.raises(ValueError, match="integers"):
        dci(codes, factors / 2)
    with pytest.raises(ValueError, match="expected 4 names, got 1"):
        disentanglement(codes, factors, ["shape"])
    factors = factors.copy()
    factors[:, 1] = 3
    with pytest.raises(ValueError, match="scale takes one value"):
        disentanglement(codes, factors, ["shape", "scale", "x", "y"])
    with pytest.raises(ValueError, match="no two points share"):
        factor_vae(codes, np.arange(3000)[:, None])


def test_without_scikit_learn_the_message_says_what_to_install(monkeypatch, factors):
    monkeypatch.setitem(sys.modules, "sklearn", None)
    for part in ("ensemble", "tree"):
        monkeypatch.setitem(sys.modules, f"sklearn.{part}", None)
    for score in (dci, sap):
        with pytest.raises(ImportError, match=r"pip install dgm-tutor\[course\]"):
            score(noise(4), factors)
    assert 0 <= mig(noise(4), factors) <= 1
    assert 0 <= factor_vae(noise(4), factors) <= 1
