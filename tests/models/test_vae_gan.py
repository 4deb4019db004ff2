"""VAE + GAN: the VAE at weight 0, a game over mean images elsewhere, and a bound throughout."""

import math

import pytest
import torch

from dgm_tutor import data, evaluation, models, training
from dgm_tutor.objectives.adversarial import KINDS as GAMES
from tests.models.players import assert_runs_repeat, assert_ten_of_ten_seeds_stay_finite, moved_by, saved_and_read
from tests.models.test_models import away, exact_log_p

SMALL = {"x_dim": 6, "z_dim": 2, "hidden": (8,), "sigma": 0.7}


def made(seed=0, **settings):
    return away(models.create("vae_gan", seed=seed, **{**SMALL, "critic_hidden": (8,), "weight": 5.0, **settings}))


def batch(n=32, seed=2):
    return torch.randn(n, 6, generator=torch.Generator().manual_seed(seed)) * 0.5 + 0.3


def test_each_player_s_step_moves_its_own_parameters_and_no_other_s():
    model = made()
    assert [player.name for player in model.players()] == ["autoencoder", "critic"]
    owned = [p for player in model.players() for p in player.parameters]
    assert len(owned) == len(set(owned)) and set(owned) == set(model.parameters())
    for player in model.players():
        assert moved_by(player, model, batch()) == set(player.parameters)


def test_the_critic_s_loss_leaves_no_gradient_in_the_vae():
    model = made()
    model.players()[1].loss(batch()).total.backward()
    theirs = set(model.critics.parameters())
    assert all((p.grad is not None) == (p in theirs) for p in model.parameters())


def test_the_game_moves_the_decoder_and_leaves_the_encoder_to_the_elbo():
    """p_theta is the prior's images: q has no part in it."""
    model = made()
    game = next(term for term in model.objective.weights if term.name == "non_saturating(x)")
    (1.0 * game)(model.draw(batch())).total.backward()
    assert all(p.grad.abs().sum() > 0 for p in model.decoder.parameters())
    assert all(p.grad is None for p in model.posterior.parameters())


@pytest.mark.parametrize("weight", [0.5, 30.0])
def test_the_loss_is_minus_the_elbo_plus_the_weighted_game(weight):
    model, x = made(weight=weight, game="jsd"), batch()
    torch.manual_seed(0)
    loss = model.loss(x)
    assert {name: w for name, (w, _) in loss.terms.items()} == {"distortion": 1.0, "rate": 1.0, "jsd(x)": weight}
    vae = models.create("vae", likelihood="gaussian", **SMALL)
    vae.load_state_dict({k: v for k, v in model.state_dict().items() if not k.startswith("critics")})
    torch.manual_seed(0)
    elbo = -vae.loss(x).total
    made_x = model.decoder(model.prior().rsample((len(x),))).mean
    critic = model.critics["critic"]
    real, fake = (torch.nn.functional.logsigmoid(s * critic(p)).mean() for s, p in ((1, x), (-1, made_x)))
    torch.testing.assert_close(loss.total, -elbo + weight * (real + fake + math.log(4)) / 2)


def test_the_critic_sees_mean_images_and_samples_keep_their_noise():
    model = made()
    torch.manual_seed(0)
    seen = model.draw(batch(4000)).p("x").points
    sampled = model.sample(4000)
    extra = sampled.var(0) - seen.var(0)
    torch.testing.assert_close(extra.mean().item(), SMALL["sigma"] ** 2, rtol=0, atol=0.06)


def test_weight_zero_is_the_vae_itself():
    x = batch()
    model = models.create("vae_gan", weight=0.0, seed=3, **SMALL)
    vae = models.create("vae", likelihood="gaussian", seed=3, **SMALL)
    assert [player.name for player in model.players()] == ["autoencoder"] and not list(model.critics.parameters())
    for m in (model, vae):
        training.fit(m, x, steps=20, lr=1e-2, progress=False, device="cpu")
    assert model.state_dict().keys() == vae.state_dict().keys()
    assert all(torch.equal(a, b) for a, b in zip(model.state_dict().values(), vae.state_dict().values(), strict=True))
    torch.manual_seed(0)
    expected = vae.log_marginal(x, samples=8)
    torch.manual_seed(0)
    assert torch.equal(model.log_marginal(x, samples=8), expected)


def test_the_bounds_hold_whatever_the_game():
    model, x = made(), batch(8)
    exact = exact_log_p(model, x, points=201)
    torch.manual_seed(0)
    elbo, closer = model.elbo(x, samples=500), model.log_marginal(x, samples=4000)
    assert (elbo < exact).all()
    assert (closer - exact).abs().mean() < 0.2
    with pytest.raises(models.Intractable, match="log_marginal"):
        model.log_prob(x)


@pytest.mark.parametrize(
    ("settings", "message"),
    [({"weight": -1.0}, "drive p_theta"), ({"weight": float("nan")}, "number >= 0"), ({"game": "hinge"}, "expected")],
)
def test_bad_settings_are_refused_with_what_was_expected(settings, message):
    with pytest.raises(ValueError, match=message):
        models.create("vae_gan", **{**SMALL, **settings})


def test_saved_models_come_back_and_seeds_repeat(tmp_path):
    model, x = made(), batch()
    saved_and_read(model, tmp_path)
    assert_runs_repeat(lambda: made(1), x)


@pytest.mark.slow
@pytest.mark.parametrize("game", GAMES)
def test_ten_of_ten_seeds_end_without_nan(game):
    x = evaluation.resized(data.load("mnist").train.pixels().flatten(1)[:1000], 8)
    settings = {"x_dim": 64, "hidden": (32,), "critic_hidden": (32,), "sigma": 0.3}
    assert_ten_of_ten_seeds_stay_finite("vae_gan", x, lambda model: model.elbo(x), game=game, **settings)


@pytest.mark.slow
def test_the_game_brings_mean_images_closer_to_the_data():
    """Two far modes of x and a z that is priced out: the VAE's mean images lie between, the game pulls them apart."""
    generator = torch.Generator().manual_seed(0)
    side = 2.0 * torch.randint(2, (2000, 1), generator=generator) - 1
    x = side + 0.05 * torch.randn(2000, 2, generator=generator)
    spread = {}
    for weight in (0.0, 30.0):
        settings = {"x_dim": 2, "z_dim": 2, "hidden": (32,), "critic_hidden": (32, 32), "sigma": 1.5}
        model = models.create("vae_gan", weight=weight, **settings)
        training.fit(model, x, steps=600, progress=False, device="cpu")
        images = model.decoder(model.prior().sample((1000,))).mean
        spread[weight] = images.abs().median().item()
    assert spread[0.0] < 0.5 < 0.8 < spread[30.0] < 1.2
