"""The explorer draws what the model says: linked views, same noise on every move, exact reset."""

import io
import math
import re

import numpy as np
import pytest
import torch
from PIL import Image

from dgm_tutor import data, evaluation, models
from dgm_tutor.widgets.beta_explorer import BETAS_ALONE, PRESETS, BetaExplorer
from dgm_tutor.widgets.predict import Predict

PLACED = r'<g transform="translate\(([\d.]+) ([\d.]+)\)">(.*?)(?=<g transform="translate|</svg)'


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


def test_the_words_of_the_moving_point_never_run_over_the_plot(explorer):
    """All along the slider the words stand on blank paper, and the point does not come to them."""
    width, height = explorer.plot.size
    paper = np.asarray(Image.open(io.BytesIO(explorer.plot.png)).convert("L").resize((width, height))) > 250
    for step in range(0, 101, 4):
        drawn = explorer.pictures(10 ** (-1 + 0.02 * step), 0)["curve"].html
        for x, y, inner in re.findall(PLACED, drawn):
            left, top = int(float(x)), int(float(y))
            if "<text" in inner:
                words = slice(top - 10, top + 11), slice(left - 10, left + 145)  # 13 pixels high, some 120 wide
                assert paper[words].all()
            else:
                point = left, top
        assert not (words[0].start < point[1] + 10 and point[1] - 10 < words[0].stop and point[0] + 10 > words[1].start)


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


def test_a_beta_outside_the_family_is_refused(explorer):
    with pytest.raises(ValueError, match="0.1 to 10"):
        explorer.set(beta=50)


def test_presets_lie_on_the_slider_s_steps(explorer):
    for beta in PRESETS:
        steps = (math.log10(beta) - explorer.slider.min) / explorer.slider.step
        assert 10 ** (explorer.slider.min + round(steps) * explorer.slider.step) == pytest.approx(beta, rel=1e-3)


def test_predict_answers_only_after_a_guess():
    asked = []

    def reveal():
        asked.append(1)
        return "falls", "from 5 to 2 nats"

    question = Predict("What happens?", ["rises", "falls"], reveal)
    assert question.button.disabled and not asked
    question.choice.value = "rises"
    assert not question.button.disabled and question.answer.value == ""
    question.button.click()
    assert "You said: rises. Measured: falls." in question.answer.value and "from 5 to 2 nats" in question.answer.value
    question.choice.value = "falls"
    question.button.click()
    assert "As you predicted: falls." in question.answer.value
    with pytest.raises(ValueError, match="not among"):
        Predict("?", ["a"], reveal)._answer()


def test_the_measured_answer_follows_the_numbers(explorer):
    verdict, words = explorer.mi_from_one_to_ten()
    one, ten = (evaluation.information(explorer.family.at(b), explorer.x, seed=0).mi_q.value for b in (1.0, 10.0))
    assert (verdict == "It falls") == (ten < one - 0.1) and f"{ten:.2f}" in words
