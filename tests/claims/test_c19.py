"""C19: a tiny form has every number; the verdict wants worse images and better scores, and says which are not."""

import pytest

from dgm_tutor.claims import Figure, c19

STEPS = ("1 - 0.25", "4 - 1")


def figures(distortion, scores, noise=0.001):
    """Three seeds about the given differences at both steps: of the distortion, and of each score."""
    found = {f"distortion, beta {step} (nats)": d for step, d in zip(STEPS, distortion, strict=True)}
    for label, gains in zip(c19.SCORES.values(), scores, strict=True):
        found |= {f"{label}, beta {step}": gain for step, gain in zip(STEPS, gains, strict=True)}
    return {name: Figure((mean - noise, mean, mean + noise)) for name, mean in found.items()}


@pytest.mark.parametrize(
    ("distortion", "scores", "kind"),
    [
        ((5, 10), [(0.1, 0.1)] * 4, "confirmed"),
        ((5, 10), [(0.0, 0.1), (0.0, 0.0), (0.0, -0.1), (0.1, 0.1)], "qualified"),
        ((5, 10), [(0.0, 0.0), (-0.1, 0.0), (0.0, 0.0), (0.0, -0.1)], "not seen at this scale"),
        ((5, 0), [(0.1, 0.1)] * 4, "not seen at this scale"),
    ],
)
def test_the_trade_is_judged_on_both_sides(distortion, scores, kind):
    assert c19.judge(figures(distortion, scores)).kind == kind


def test_the_verdict_says_which_scores_moved_and_which_way():
    why = c19.judge(figures((5, 10), [(0.1, 0.1), (0.0, 0.1), (-0.1, 0.1), (0.1, 0.0)])).why
    assert "from beta 0.25 to 1 the distortion grows by 5 ± 0.00058 nats" in why
    assert "MIG up, FactorVAE within the spread, DCI down, SAP up" in why
    assert why.endswith("MIG up, FactorVAE up, DCI up, SAP within the spread")


@pytest.mark.slow
def test_a_tiny_form_has_every_number():
    found = c19.measure(0, False, betas=(0.25, 1.0, 4.0), steps=40, points=200)
    assert found["distortion, beta 1 (nats)"] - found["distortion, beta 0.25 (nats)"] == pytest.approx(
        found["distortion, beta 1 - 0.25 (nats)"]
    )
    assert all(0 <= found[f"{label}, beta 4"] <= 1 for label in c19.SCORES.values())
    assert c19.judge({name: Figure((value, value)) for name, value in found.items()}).why
