"""LagVAE: the Lagrangian of the slide, two players, constraints that are met."""

import math

import pytest
import torch

from dgm_tutor import evaluation, models, training
from dgm_tutor.objectives import Draw, distortion
from tests.components.test_components import shaken

SMALL = {"x_dim": 8, "z_dim": 2, "hidden": (16,)}


def clusters(n=512):
    """Four words of eight bits, each bit flipped with probability 0.1: -log p(x) is about 3.6 nats a word."""
    g = torch.Generator().manual_seed(0)
    words = torch.rand(4, 8, generator=g).round()[torch.randint(4, (n,), generator=g)]
    return torch.where(torch.rand(n, 8, generator=g) < 0.1, 1 - words, words)


def away(**settings):
    return shaken(models.create("lag_vae", **SMALL, **settings), scale=0.3)


def set_to(model, *multipliers):
    """The multipliers of -ELBO and of the MMD, or one number for both."""
    with torch.no_grad():
        model.lagrangian.log_multipliers.copy_(torch.tensor(multipliers).log())


@pytest.mark.parametrize("information", ["most", "least"])
def test_the_loss_is_the_bound_plus_multipliers_times_excess(information):
    model, x = away(information=information, nats=4.0, mmd_bound=0.01), clusters(64)
    set_to(model, 2.0, 3.0)
    torch.manual_seed(1)
    loss = model.loss(x)
    values = {name: value for name, (_, value) in loss.terms.items()}
    torch.manual_seed(1)
    draw = Draw(model, x)
    distortion = -draw.likelihood.log_prob(x).mean()
    rate = torch.distributions.kl_divergence(draw.posterior, draw.prior).mean()
    objective = distortion if information == "most" else rate
    torch.testing.assert_close(values["-ELBO"], distortion + rate - 4.0)
    torch.testing.assert_close(loss.total, objective + 2 * values["-ELBO"] + 30_000 * values["MMD"])


def test_each_player_moves_its_own_parameters():
    model, x = away(), clusters(64)
    autoencoder, multipliers = model.players()
    assert set(autoencoder.parameters) | set(multipliers.parameters) == set(model.parameters())
    assert not set(autoencoder.parameters) & set(multipliers.parameters)
    autoencoder.loss(x).total.backward()
    assert model.lagrangian.log_multipliers.grad is None
    assert all(p.grad.abs().sum() > 0 for p in autoencoder.parameters)
    model.zero_grad()
    multipliers.loss(x).total.backward()
    assert (model.lagrangian.log_multipliers.grad != 0).all()
    assert all(p.grad is None for p in autoencoder.parameters)


def test_a_broken_constraint_raises_its_multiplier_and_a_slack_one_lowers_it():
    model = away(nats=0.1, mmd_bound=10.0)
    set_to(model, 1.0)
    before = model.lagrangian.multipliers
    training.fit(model, clusters(), steps=20, lr=1e-2, progress=False)
    after = model.lagrangian.multipliers
    assert after["-ELBO"] > 1.1 * before["-ELBO"]
    assert after["MMD"] < 0.9 * before["MMD"]


def test_weights_come_back_with_their_multipliers(tmp_path):
    model = away(nats=3.7)
    training.fit(model, clusters(), steps=5, progress=False)
    again = models.load(models.save(model, tmp_path / "lag.safetensors"))
    assert again.lagrangian.multipliers == model.lagrangian.multipliers
    assert again.lagrangian.constraints[0].bound == 3.7


@pytest.mark.parametrize(
    ("settings", "message"),
    [({"information": "some"}, "expected 'most' or 'least'"), ({"mmd_bound": -1.0}, "expected at least 0")],
)
def test_settings_that_make_no_sense_are_refused(settings, message):
    with pytest.raises(ValueError, match=message):
        models.create("lag_vae", **settings)


@pytest.mark.slow
def test_a_slack_constraint_s_multiplier_goes_to_its_floor_in_a_short_run_and_a_broken_one_s_rises():
    """At the default learning rate, both from 1."""
    model = away(nats=0.1, mmd_bound=10.0)
    set_to(model, 1.0)
    training.fit(model, clusters(), steps=750, progress=False)
    after = model.lagrangian.multipliers
    assert after["MMD"] == pytest.approx(1e-3, rel=1e-4) and after["-ELBO"] > 1.5


@pytest.mark.slow
def test_constraints_are_met_and_information_is_pushed_to_either_side():
    """With 4.6 nats allowed where 3.6 are possible there is room to tell more or less."""
    x, rate = clusters(), {}
    for information, nats in [("most", 4.6), ("least", 3.75)]:
        model = models.create("lag_vae", information=information, nats=nats, mmd_bound=0.01, **SMALL)
        training.fit(model, x, steps=1500, lr=2e-3, progress=False)
        torch.manual_seed(0)
        excess = [model.excess(x) for _ in range(20)]
        assert sum(e["-ELBO"] for e in excess) / 20 < 0.1
        assert sum(e["MMD"] for e in excess) / 20 < 0.01
        rate[information] = evaluation.rate_distortion(model, x).rate.value
    assert rate["most"] > rate["least"] + 1.0
    assert rate["most"] < math.log(len(x))


def test_the_objective_has_the_multipliers_as_they_are(tmp_path):
    """Looked at, loaded or asked for a loss; and another objective, once given, is the one that is minimised."""
    model, x = away(), clusters(64)
    set_to(model, 2.0, 3.0)
    assert str(model.objective) == "1 distortion + 2 -ELBO + 3e+04 MMD"
    loaded = models.load(models.save(model, tmp_path / "m.safetensors"))
    assert str(loaded.objective) == str(model.objective)
    loaded.objective = distortion
    assert set(loaded.loss(x).terms) == {"distortion"}
