"""C11 and C12: what is compared is comparable, and the verdicts follow the numbers."""

import pytest
import torch

from dgm_tutor.claims import Figure, c11, c12


def gains(over_rnn, over_vaes):
    return {
        "gain over the RNN (nats per step)": Figure(over_rnn),
        "gain over separate VAEs (nats per step)": Figure(over_vaes),
    }


CLEAR, UNCLEAR, WORSE = (0.4, 0.5, 0.6), (-0.2, 0.5, 0.1), (-0.4, -0.5, -0.6)


@pytest.mark.parametrize(
    ("over_rnn", "over_vaes", "kind"),
    [
        (CLEAR, CLEAR, "confirmed"),
        (UNCLEAR, CLEAR, "qualified"),
        (WORSE, CLEAR, "qualified"),
        (CLEAR, WORSE, "not seen at this scale"),
    ],
)
def test_c11_is_confirmed_only_beyond_the_spread_of_both_gains(over_rnn, over_vaes, kind):
    assert c11.judge(gains(over_rnn, over_vaes)).kind == kind


@pytest.mark.parametrize(
    ("gain", "kind"), [(CLEAR, "confirmed"), (UNCLEAR, "qualified"), (WORSE, "not seen at this scale")]
)
def test_c12_is_confirmed_only_beyond_the_spread(gain, kind):
    assert c12.judge({"gain of the learned prior (nats per step)": Figure(gain)}).kind == kind


@pytest.fixture(scope="module")
def held_out():
    return c11.parts()[2][:6]


def test_no_chorale_is_learned_from_and_scored_on():
    learn, choose, score = ({x.nan_to_num(-1).numpy().tobytes() for x in part} for part in c11.parts())
    assert len(learn) > 900
    assert len(choose) > 150
    assert len(learn & score) < 0.05 * len(score)  # chorales share a few cadences
    assert len(learn & choose) < 0.05 * len(choose)


def test_a_model_is_kept_as_it_was_at_its_best(held_out, monkeypatch):
    model, scores = c11.create("rnn", 0, False), iter((3.0, 1.0, 2.0))
    states = []
    monkeypatch.setattr(c11, "per_step", lambda log_p, x: next(scores))
    monkeypatch.setattr(
        c11.training, "fit", lambda model, x, **how: (next(model.parameters()).data.add_(1), states.append(how["seed"]))
    )
    first = next(model.parameters()).clone()
    c11.train(model, held_out, held_out, 300, 1, c11.exactly)
    assert next(model.parameters()).allclose(first + 2)
    assert states == [300, 400, 500]


def test_nats_per_step_count_the_steps_that_are_there(held_out):
    x = held_out[:2].clone()
    x.unflatten(1, (c11.STEPS, -1))[0, 8:] = torch.nan
    assert c11.per_step(torch.tensor([-1.0, -2.0]), x) == pytest.approx(3 / (8 + 32))


def test_an_untrained_rnn_pays_about_the_logarithm_of_the_symbols(held_out):
    rnn = c11.create("rnn", 0, False)
    uniform = sum(torch.tensor(float(n)).log().item() for n in c11.chorales.SYMBOLS)
    assert c11.per_step(rnn.log_prob(held_out), held_out) == pytest.approx(uniform, abs=0.2)
    assert sum(p.numel() for p in rnn.parameters()) > sum(
        p.numel() for p in c11.create("vrnn", 0, False, z_dim=8).parameters()
    )


def test_separate_vaes_weighed_step_by_step_have_the_tighter_bound(held_out):
    torch.manual_seed(0)
    vaes = c11.create("vrnn", 0, False, recurrent=False, z_dim=2)
    with torch.no_grad():
        vaes.posterior.network.rest[-1].bias.add_(1.0)  # away from the prior, where all bounds are alike
    assert c11.separate(vaes, held_out, False) < c11.bound(vaes, held_out, False) - 0.02
