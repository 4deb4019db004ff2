"""C17 and C20: tiny forms give every number, fronts are compared as they should be, the verdicts go both ways."""

import math

import pytest
import torch

from dgm_tutor.claims import Figure, c17, c20


def figure(mean):
    """Three seeds about a mean."""
    return Figure((0.9 * mean, mean, 1.1 * mean))


# C17


def collapse(rate=0.01, back=3.0, probe=0.3, gap=50.0, off=4.0):
    found = {
        "rate, alpha 0 (nats)": rate,
        "gain in MI_q, alpha 1 - 0 (nats)": back,
        "gain in probe accuracy, alpha 1 - 0": probe,
        "-ELBO held out - seen, few digits, alpha 0 (nats)": gap,
        "|log det cov q(z)|, few digits, alpha 0 - 1": off,
    }
    for alpha in (0, 1):
        found |= {f"-ELBO, alpha {alpha} (nats)": 60.0, f"log det cov q(z), few digits, alpha {alpha}": 1.0}
    return {name: figure(value) for name, value in found.items()}


@pytest.mark.parametrize(
    ("figures", "kind", "why"),
    [
        (collapse(), "confirmed", "alpha = 1 adds"),
        (collapse(rate=2.0), "qualified", "does not empty z"),
        (collapse(gap=-1.0), "qualified", "does not overfit"),
        (collapse(off=-1.0), "qualified", "not clearly farther"),
        (collapse(back=-0.1), "not seen at this scale", "no information back"),
        (collapse(probe=-0.1), "qualified", "linear probe reads no more"),
    ],
)
def test_collapse_and_return_are_judged_apart_from_few_data(figures, kind, why):
    verdict = c17.judge(figures)
    assert verdict.kind == kind and why in verdict.why


def test_alpha_zero_is_the_elbo_and_alpha_one_pays_for_no_information():
    weights = {
        alpha: {term.name: weight for term, weight in c17.with_pixelcnn(alpha, 0).objective.weights.items()}
        for alpha in c17.ALPHAS
    }
    assert weights[0.0] == {"distortion": 1.0, "rate": 1.0}
    assert weights[1.0] == {"distortion": 1.0, "rate": 0.0, "mmd(z)": c17.LAMBDA}


@pytest.mark.slow
def test_a_tiny_collapse_has_every_number():
    torch.manual_seed(0)
    found = c17.measure(0, False, steps=2, points=20, coded=60, few=30, few_steps=2)
    assert found["MI_q, alpha 0 (nats)"] <= math.log(20) + 1e-6
    assert found["gain in MI_q, alpha 1 - 0 (nats)"] == found["MI_q, alpha 1 (nats)"] - found["MI_q, alpha 0 (nats)"]
    assert c17.judge({name: Figure((value, value)) for name, value in found.items()}).why


# C20


def test_a_point_dominates_what_is_worse_in_all_three():
    best = torch.tensor([[math.log(100), 50.0, 0.0]])
    assert c20.dominated(best, 50.0, 100) == 1.0
    middle = torch.tensor([[math.log(100) / 2, 50 + c20.WIDTH / 2, c20.MMD_WIDTH / 2]])
    assert c20.dominated(middle, 50.0, 100) == pytest.approx(1 / 8, abs=0.01)
    assert c20.dominated(torch.cat([middle, middle - 1e-6]), 50.0, 100) == pytest.approx(1 / 8, abs=0.01)
    assert c20.dominated(torch.tensor([[3.0, 50 + c20.WIDTH, 0.0]]), 50.0, 100) == 0.0


def test_beaten_counts_runs_that_another_front_dominates():
    these = torch.tensor([[1.0, 60.0, 0.01], [3.0, 60.0, 0.01]])
    those = torch.tensor([[2.0, 59.0, 0.01], [0.0, 10.0, 0.0]])
    assert c20.beaten(these, those) == 0.5 and c20.beaten(those, these) == 0.0


def fronts(ahead, lag_beaten):
    found = {"share dominated, LagVAE": 0.5, "share dominated, grid of weights": 0.4}
    found |= {"share, LagVAE - grid": ahead, c20.LAG_BEATEN: lag_beaten, c20.GRID_BEATEN: 0.2}
    for above, most in c20.BOUNDS:
        where = f"LagVAE, -ELBO {above:g} above, MMD {most:g}"
        found |= {f"excess -ELBO, {where} (nats)": -0.1, f"excess MMD, {where}": -0.001}
    return {name: figure(value) for name, value in found.items()}


@pytest.mark.parametrize(
    ("figures", "kind", "why"),
    [
        (fronts(0.1, 0.0), "confirmed", "more than nine"),
        (fronts(0.1, 0.0) | {"share, LagVAE - grid": Figure((-0.1, 0.0, 0.1))}, "qualified", "a third"),
        (fronts(0.1, 0.3) | {"share, LagVAE - grid": Figure((-0.1, 0.0, 0.1))}, "not seen at this scale", "as much"),
        (fronts(-0.1, 0.0), "not seen at this scale", "dominate more"),
    ],
)
def test_fronts_are_judged_by_what_they_dominate(figures, kind, why):
    verdict = c20.judge(figures)
    assert verdict.kind == kind and why in verdict.why


@pytest.mark.slow
def test_a_tiny_front_has_every_number():
    torch.manual_seed(0)
    found = c20.measure(0, False, steps=2, points=40)
    assert found["share, LagVAE - grid"] == found["share dominated, LagVAE"] - found["share dominated, grid of weights"]
    assert 0 <= found[c20.LAG_BEATEN] <= 1
    assert c20.judge({name: Figure((value, value)) for name, value in found.items()}).why
