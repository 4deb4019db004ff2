"""C1 to C4: the verdicts follow the numbers, and every figure is there at few steps."""

import pytest

from dgm_tutor import claims
from dgm_tutor.claims import Figure, c01, c02, c03, c04

CLEAR, NOISE, LOW = Figure((2.0, 2.1, 2.2)), Figure((-0.1, 0.1, 0.2)), Figure((0.0, 0.01, 0.02))


@pytest.mark.parametrize(("gain", "kind"), [(CLEAR, "confirmed"), (NOISE, "not seen")])
def test_c1_s_verdict_is_that_of_the_gain(gain, kind):
    assert c01.judge({"gain (nats)": gain, "training time, VAE / PixelVAE": CLEAR}).kind.startswith(kind)


@pytest.mark.parametrize(
    ("gain", "graced", "kind"),
    [(CLEAR, CLEAR, "confirmed"), (NOISE, CLEAR, "qualified"), (NOISE, NOISE, "not seen")],
)
def test_c2_s_verdict_allows_a_nat_but_says_so(gain, graced, kind):
    figures = {"gain (nats)": gain, f"gain, with {c02.MARGIN:g} nat of grace (nats)": graced}
    assert c02.judge(figures).kind.startswith(kind)


@pytest.mark.parametrize(
    ("chance", "untrained", "kind"),
    [(CLEAR, CLEAR, "confirmed"), (CLEAR, NOISE, "qualified"), (NOISE, CLEAR, "not seen")],
)
def test_c3_s_verdict_asks_for_more_than_an_untrained_encoder(chance, untrained, kind):
    figures = {"accuracy, probe on z": CLEAR, "above chance": chance, "above an untrained z": untrained}
    assert c03.judge(figures).kind.startswith(kind)


@pytest.mark.parametrize(
    ("lost", "last", "kind"), [(CLEAR, LOW, "confirmed"), (CLEAR, CLEAR, "qualified"), (NOISE, LOW, "not seen")]
)
def test_c4_s_verdict_asks_for_a_fall_and_for_an_empty_z(lost, last, kind):
    figures = {f"rate, {layers} layers (nats)": last for layers in c04.LAYERS} | {"rate lost to layers (nats)": lost}
    assert c04.judge(figures).kind.startswith(kind)


@pytest.mark.slow
@pytest.mark.parametrize("number", ["C1", "C2", "C3", "C4"])
def test_every_figure_is_there_and_finite_at_few_steps(number, monkeypatch):
    for name, few in {"STEPS": 3, "VAE_STEPS": 10, "TEST": 20, "SAMPLES": 2}.items():
        monkeypatch.setattr(c01, name, few)
    monkeypatch.setattr(c04, "STEPS", 3)
    assert claims.run(claims.get(number), seeds=(0,)).figures
