"""The explorer draws what the model says: linked views, same noise on every move, exact reset."""

import re

import pytest
import torch

from dgm_tutor import data, evaluation, models
from dgm_tutor.widgets.beta_explorer import BETAS_ALONE, BetaExplorer
from dgm_tutor.widgets.predict import Predict


@pytest.fixture(scope="module")
def explorer():
    x = data.load("mnist").test.pixels().flatten(1)[:64]
    x = data.binarise(x, torch.Generator().manual_seed(0))
    alone = {beta: models.load(f"10_beta_vae/beta_{beta:g}") for beta in BETAS_ALONE}
    return BetaExplorer(models.load("10_beta_vae/conditional"), x, alone)


def test_bars_and_marker_are_the_model_s_numbers(explorer):
    drawn = explorer.pictures(3.0, 0)
    terms = evaluation.information(explorer.family.at(3.0), explorer.x, seed=0)
    loss = 3 * terms.rate.value + terms.distortion.value
    shown = float(re.search(r"loss (-?[\d.]+) nats", drawn["terms"].text.replace("\N{MINUS SIGN}", "-")).group(1))
    assert shown == pytest.approx(loss, abs=0.011)
    assert f"rate {terms.rate.value:.1f}" in drawn["words"] and f"{3.0:.2f}" in drawn["curve"].text


def test_the_same_state_draws_the_same_pixels_and_another_does_not(explorer):
    first, again = explorer.pictures(2.0, 0), explorer.pictures(2.0, 0)
    assert first["digits"].png == again["digits"].png and first["terms"].html == again["terms"].html
    assert first["digits"].png != explorer.pictures(0.3, 0)["digits"].png
    assert first["digits"].png != explorer.pictures(2.0, 1)["digits"].png


def test_both_ends_of_the_slider_are_inside_the_family(explorer):
    for exponent in (-1, 1):
        explorer.pictures(10.0**exponent, 0)


def test_reset_restores_the_pictures(explorer):
    before = {name: output.value for name, output in explorer.live.outputs.items()}
    explorer.set(beta=7.0)
    explorer._new_noise(None)
    assert explorer.live.outputs["digits"].value != before["digits"]
    explorer.live.reset()
    assert {name: output.value for name, output in explorer.live.outputs.items()} == before


def test_the_rate_falls_along_the_curve(explorer):
    rates = [point["rate"] for point in explorer.curve]
    assert all(a > b for a, b in zip(rates, rates[1:], strict=False))


def test_distances_are_differences_of_losses(explorer):
    row = next(r for r in explorer.distances() if r["beta"] == 1.0)
    alone = evaluation.information(models.load("10_beta_vae/beta_1"), explorer.x, seed=0)
    assert row["trained for it"] == pytest.approx(alone.rate.value + alone.distortion.value)


def test_without_a_kernel_there_is_a_described_strip(explorer):
    bundle, _ = explorer._repr_mimebundle_()
    assert bundle["text/html"].count("<img alt=") == 5 and "β = 0.1" in bundle["text/html"]


def test_predict_answers_only_after_a_guess():
    asked = []

    def reveal():
        asked.append(1)
        return "it falls, from 5 to 2 nats"

    question = Predict("What happens?", ["rises", "falls"], "falls", reveal)
    assert question.button.disabled and not asked
    question.choice.value = "rises"
    assert not question.button.disabled and question.answer.value == ""
    question.button.click()
    assert "You said: rises" in question.answer.value and "from 5 to 2 nats" in question.answer.value
    with pytest.raises(ValueError, match="not among"):
        Predict("?", ["a"], "b", reveal)
