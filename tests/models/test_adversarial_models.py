"""GAN, AAE, InfoVAE, beta-TCVAE: who moves whom, what the losses are, what is intractable, and that training holds."""

import copy
import math

import pytest
import torch

from dgm_tutor import models, training
from dgm_tutor.components.priors import SHAPES
from dgm_tutor.objectives import Draw
from tests.components.test_components import shaken
from tests.models.players import moved_by

SMALL = {"x_dim": 6, "z_dim": 2, "hidden": (8,)}
CASES = {
    "gan": ("gan", SMALL),
    "aae": ("aae", SMALL),
    "aae on a swiss roll": ("aae", {**SMALL, "prior": "swiss_roll"}),
    "info_vae": ("info_vae", {**SMALL, "divergence": "adversarial", "alpha": 0.5, "lam": 3.0}),
    "labelled_aae": ("labelled_aae", {**SMALL, "classes": 3}),
}


def away(model):
    return shaken(model, scale=0.3)


def binary(n=24, d=6, seed=2):
    return torch.bernoulli(torch.full((n, d), 0.4), generator=torch.Generator().manual_seed(seed))


def batch(model):
    x = binary()
    return model.join(x, torch.arange(24) % 4 - 1) if hasattr(model, "join") else x


@pytest.fixture(params=CASES)
def model(request):
    name, settings = CASES[request.param]
    return away(models.create(name, **settings))


def test_every_parameter_is_one_player_s(model):
    owned = [p for player in model.players() for p in player.parameters]
    assert len(owned) == len(set(owned)) and set(owned) == set(model.parameters())
    assert len(model.players()) == 2 and model.players()[1].name == "critic"


def test_each_player_s_step_moves_its_own_parameters_and_no_other_s(model):
    x = batch(model)
    for player in model.players():
        assert moved_by(player, model, x) == set(player.parameters)


def test_a_critic_s_step_helps_it_against_the_same_batch(model):
    x, critic = batch(model), model.players()[1]

    def loss():
        torch.manual_seed(3)
        return critic.loss(x).total

    before = loss()
    optimizer = torch.optim.SGD(critic.parameters, 1e-3)
    before.backward(inputs=critic.parameters)
    optimizer.step()
    assert loss() < before


@pytest.mark.parametrize("name", ["gan", "aae"])
def test_a_critic_that_knows_nothing_says_log_four(name):
    model = models.create(name, **SMALL)
    with torch.no_grad():
        for p in model.critics.parameters():
            p.zero_()
    loss = model.players()[1].loss(binary())
    assert loss.total.item() == pytest.approx(math.log(4))
    assert model.loss(binary()).terms[f"non_saturating({'x' if name == 'gan' else 'z'})"][1].item() == pytest.approx(
        math.log(2)
    )


def test_the_critic_of_an_aae_sees_latents_and_that_of_a_gan_images():
    assert models.create("aae", **SMALL).critics["critic"].network[0].in_features == SMALL["z_dim"]
    assert models.create("gan", **SMALL).critics["critic"].network[0].in_features == SMALL["x_dim"]


def test_losses_are_their_slides():
    x = binary()
    aae = away(models.create("aae", weight=7.0, **SMALL))
    terms = aae.loss(x).terms
    assert {name: weight for name, (weight, _) in terms.items()} == {"distortion": 1.0, "non_saturating(z)": 7.0}
    for divergence, term in (("mmd", "mmd(z)"), ("adversarial", "kl(z)")):
        model = models.create("info_vae", alpha=0.25, lam=3.0, divergence=divergence, **SMALL)
        weights = {name: weight for name, (weight, _) in model.loss(x).terms.items()}
        assert weights == {"distortion": 1.0, "rate": 0.75, term: 2.25}
    terms = models.create("beta_tc_vae", beta=5.0, examples=100, **SMALL).loss(x).terms
    assert {name: weight for name, (weight, _) in terms.items()} == {
        "distortion": 1.0,
        "mi_q": 1.0,
        "total_correlation": 5.0,
        "dimension_kl": 1.0,
    }


def test_info_vae_at_its_elbo_weights_and_beta_tc_vae_at_one_are_the_vae():
    x = binary()
    vae = away(models.create("vae", **SMALL))
    for name, settings in (("info_vae", {"alpha": 0.0, "lam": 1.0}), ("beta_tc_vae", {"beta": 1.0, "examples": 24})):
        model = models.create(name, **settings, **SMALL)
        model.load_state_dict(vae.state_dict())
        torch.manual_seed(0)
        draw = Draw(vae, x)
        by_draws = draw.posterior.log_prob(draw.z) - draw.prior.log_prob(draw.z) + vae.decoder(draw.z).log_prob(x) * -1
        torch.manual_seed(0)
        expected = vae.loss(x).total if name == "info_vae" else by_draws.mean()
        torch.manual_seed(0)
        torch.testing.assert_close(model.loss(x).total, expected)


@pytest.mark.parametrize("case", ["aae", "info_vae", "labelled_aae"])
def test_a_critic_of_latents_is_smooth_unless_told_otherwise(case):
    name, settings = CASES[case]

    def terms(**chosen):
        model = models.create(name, **settings, **chosen)
        return model.players()[1].loss(batch(model)).terms

    assert terms()["slope(z)"][0] == 0.05 and terms(smooth=0.4)["slope(z)"][0] == 0.2
    assert "slope(z)" not in terms(smooth=0.0)
    with pytest.raises(ValueError, match="steep"):
        terms(smooth=-1.0)


def test_an_aae_s_posterior_starts_narrow():
    sigma = models.create("aae", **SMALL).posterior(binary()).base_dist.scale
    assert sigma.min() > 0.02 and sigma.max() < 0.1


@pytest.mark.parametrize("game", ["jsd", "non_saturating", "kl", "least_squares", "wasserstein"])
@pytest.mark.parametrize("name", ["gan", "aae", "flow_gan"])
def test_a_copy_plays_against_a_critic_of_its_own(name, game):
    """``copy.deepcopy``, as for an average of weights or the best model so far: losses, gradients and training."""
    settings = {"x_dim": 6, "layers": 2} if name == "flow_gan" else SMALL
    model, x = away(models.create(name, game=game, **settings)), torch.rand(24, 6).round()
    x = (x + torch.rand(24, 6)) / 2 if name == "flow_gan" else x
    twin = copy.deepcopy(model)
    before = {key: value.clone() for key, value in model.state_dict().items()}
    training.fit(twin, x, steps=2, batch_size=8, progress=False)
    assert all(torch.equal(value, before[key]) for key, value in model.state_dict().items())
    assert all((value != before[key]).any() for key, value in twin.named_parameters() if "weight" in key)
    training.fit(model, x, steps=2, batch_size=8, progress=False)
    assert all(torch.equal(a, b) for a, b in zip(twin.parameters(), model.parameters(), strict=True))


# what the players of a step see


def test_a_critic_moves_itself_alone_by_the_samples_that_it_then_judges(model):
    draw = model.draw(batch(model))
    assert model.draw(draw) is draw
    own, critic = model.players()
    seen = []
    model.critics["critic"].register_forward_pre_hook(lambda _, points: seen.append(points[0].detach()))
    critic.loss(draw).total.backward()
    assert all(p.grad is None for p in own.parameters) and all(p.grad is not None for p in critic.parameters)
    own.loss(draw).total.backward(inputs=own.parameters)
    assert all(p.grad is not None for p in own.parameters)
    made = draw.p("x").points if model.name == "gan" else draw.q("z").points
    assert sum(torch.equal(points, made) for points in seen) == 2  # the critic's own look, and the game's


def test_a_critic_moves_first_so_that_the_game_is_judged_by_what_it_has_learnt(model):
    x, moves = batch(model), []
    own, critic = model.players()
    before = [p.detach().clone() for p in critic.parameters]
    moved = lambda: any(not torch.equal(p, b) for p, b in zip(critic.parameters, before, strict=True))  # noqa: E731
    model.decoder.register_forward_hook(lambda *_: moves.append(moved()))
    model.critics["critic"].register_forward_hook(lambda *_: moves.append(moved()))
    training.fit(model, x, steps=1, progress=False, device="cpu")
    assert not moves[0] and moves[-1] and critic.first and not own.first


def test_a_draw_again_is_the_same_batch_with_other_samples(model):
    draw = model.draw(batch(model))
    other = draw.again()
    assert type(other) is type(draw) and torch.equal(other.x, draw.x)
    assert not torch.equal(other.prior_z, draw.prior_z)


@pytest.mark.parametrize(
    ("name", "settings", "part", "passes"),
    [("aae", SMALL, "posterior", 1), ("vae_gan", SMALL, "decoder", 2)]  # at z and at p(z)'s
    + [(name, {**SMALL, "critic_steps": 3}, "decoder", 3) for name in ("gan", "info_gan")],  # fresh for the later two
)
def test_no_network_runs_twice_on_one_draw_of_a_step(name, settings, part, passes):
    settings = {key: value for key, value in settings.items() if name != "info_gan" or key != "z_dim"}
    model, calls = models.create(name, **settings), []
    getattr(model, part).register_forward_pre_hook(lambda *_: calls.append(1))
    training.fit(model, binary(), steps=1, progress=False, device="cpu")
    assert len(calls) == passes


@pytest.mark.parametrize("stop", [1, 7])
def test_a_game_that_was_stopped_goes_on_to_the_same_bits(tmp_path, model, stop):
    x, path = batch(model), tmp_path / "run.safetensors"

    def run(steps, **settings):
        fresh = models.create(model.name, seed=1, **model.settings)
        history = training.fit(fresh, x, steps=steps, batch_size=8, progress=False, device="cpu", **settings)
        return fresh, history

    straight, whole = run(12)
    run(stop, checkpoint=path)
    resumed, history = run(12, checkpoint=path)
    assert all(torch.equal(a, b) for a, b in zip(straight.parameters(), resumed.parameters(), strict=True))
    assert all(torch.equal(history[c][-1], whole[c][-1]) for c in whole.columns)


@pytest.mark.parametrize(("alpha", "lam"), [(-1.0, 1.0), (0.0, 0.5), (1.0, -0.001), (0.0, float("nan"))])
def test_a_divergence_that_would_be_maximised_is_refused(alpha, lam):
    with pytest.raises(ValueError, match="would be maximised; raise lam"):
        models.create("info_vae", alpha=alpha, lam=lam, **SMALL)


@pytest.mark.parametrize(
    ("name", "settings", "message"),
    [
        ("info_vae", {"alpha": 1.5, "lam": 2.0}, "at most 1"),
        ("info_vae", {"divergence": "stein"}, "'mmd' or 'adversarial'"),
        ("aae", {"weight": -1.0}, "drive"),
        ("aae", {"prior": "swiss_rol"}, "'swiss_roll'"),
        ("aae", {"prior": "mixture", "z_dim": 3}, "z_dim=2"),
        ("aae", {"game": "hinge"}, "expected jsd"),
        ("gan", {"output": "tanh"}, "'unit'"),
        ("gan", {"critic_steps": 0}, "critic_steps"),
        ("beta_tc_vae", {"beta": -1.0}, "maximise"),
        ("beta_tc_vae", {"examples": 1}, "size of the data set"),
    ],
)
def test_bad_settings_are_refused_with_what_was_expected(name, settings, message):
    with pytest.raises(ValueError, match=message):
        models.create(name, **{**SMALL, **settings})


# what is intractable, and what is not


def test_a_gan_has_no_likelihood_and_says_what_to_do():
    model = models.create("gan", **SMALL)
    for ask in (model.log_prob, model.elbo, model.log_marginal):
        with pytest.raises(models.Intractable, match=r"sample\(n\)"):
            ask(binary())


def test_a_labelled_aae_has_no_bound_and_says_what_to_do():
    model = models.create("labelled_aae", classes=3, **SMALL)
    for ask in (model.elbo, model.log_marginal):
        with pytest.raises(models.Intractable, match=r"classify\(x\)"):
            ask(binary())


@pytest.mark.parametrize("prior", ["standard", "swiss_roll"])
def test_the_bounds_of_an_aae_bound_its_exact_likelihood(prior):
    model = away(models.create("aae", prior=prior, **SMALL))
    model.posterior.scale = 1.0  # a narrow q(z|x) misses much of p(z|x): its bounds hold and are far off
    line = torch.linspace(-5, 5, 141)
    z = torch.cartesian_prod(line, line)
    x = binary(8)
    log_joint = model.prior().log_prob(z)[:, None] + model.decoder(z[:, None]).log_prob(x)
    exact = log_joint.logsumexp(0) + 2 * math.log(10 / 140)
    torch.manual_seed(0)
    elbo, closer = model.elbo(x, samples=500), model.log_marginal(x, samples=4000)
    assert (elbo < exact).all()
    assert (closer - exact).abs().mean() < 0.2 and (closer - exact).abs().mean() < (elbo - exact).abs().mean()


def test_a_prior_that_only_samples_makes_the_bound_intractable():
    class Ring(torch.nn.Module):
        def forward(self):
            class OnlySamples(torch.distributions.Distribution):
                arg_constraints = {}

                def sample(self, shape=()):
                    return torch.nn.functional.normalize(torch.randn(*shape, 2), dim=-1)

            return OnlySamples(event_shape=torch.Size([2]), validate_args=False)

    model = models.create("aae", prior=Ring(), **SMALL)
    assert model.loss(binary()).total.isfinite() and model.sample(5).shape == (5, 6)
    with pytest.raises(models.Intractable, match="squared_mmd"):
        model.elbo(binary())


@pytest.mark.parametrize("name", SHAPES)
def test_shapes_are_what_they_sample(name):
    """The density integrates to one, and samples have its entropy."""
    shape = SHAPES[name]
    line = torch.linspace(-shape.extent, shape.extent, 161, dtype=torch.float64)
    log_p = shape.log_prob(torch.cartesian_prod(line, line))
    p = log_p.exp() * (line[1] - line[0]) ** 2
    assert p.sum().item() == pytest.approx(1.0, abs=2e-2)
    x, _ = shape.sample(4000, torch.Generator().manual_seed(0))
    entropy = -torch.where(p > 0, p * log_p, 0.0).sum()
    assert -shape.log_prob(x.double()).mean().item() == pytest.approx(entropy.item(), abs=0.08)


# the labelled variant


def test_labels_train_the_classifier_alone_where_they_are_known():
    model = away(models.create("labelled_aae", classes=3, label_weight=1.0, weight=0.0, **SMALL))
    x = binary(6)
    labels = torch.tensor([2, -1, 0, -1, -1, 1])
    value = model.loss(model.join(x, labels)).terms["cross_entropy"][1]
    told = model.classify(x).log()
    expected = -(told[0, 2] + told[2, 0] + told[5, 1]) / 3
    torch.testing.assert_close(value.detach(), expected)
    assert model.loss(model.join(x)).terms["cross_entropy"][1] == 0


def test_labels_out_of_range_or_left_out_are_refused():
    model = models.create("labelled_aae", classes=3, **SMALL)
    with pytest.raises(ValueError, match="0 to 2"):
        model.join(binary(2), torch.tensor([0, 3]))
    with pytest.raises(ValueError, match="join"):
        model.loss(binary(2))


# files and training


def test_save_and_load_keep_everything_and_seeds_repeat(model, tmp_path):
    if model.name == "aae" and not isinstance(model.settings.get("prior", ""), str):
        return
    models.save(model, tmp_path / "m.safetensors")
    loaded = models.load(tmp_path / "m.safetensors")
    assert all(torch.equal(a, b) for a, b in zip(model.parameters(), loaded.parameters(), strict=True))
    x = batch(model)
    runs = []
    for _ in range(2):
        fresh = models.create(model.name, seed=1, **model.settings)
        runs.append(training.fit(fresh, x, steps=5, batch_size=12, seed=4, progress=False, device="cpu"))
    assert all(torch.equal(runs[0][c], runs[1][c]) for c in runs[0].columns)
    assert {c.split("/")[0] for c in runs[0].columns} == {model.player, "critic"}
