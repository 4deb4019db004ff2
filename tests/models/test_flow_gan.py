"""FlowGAN: the likelihood's weight and the game's, who moves whom, and the exact JSD in a plane."""

import copy

import pytest
import torch
from torch import nn
from torch.distributions import MultivariateNormal

from dgm_tutor import data, evaluation, models, training
from dgm_tutor.models.flow_gan import FlowGan
from dgm_tutor.objectives import adversarial
from tests.models.test_models import away

SMALL = {"x_dim": 4, "layers": 2, "hidden": (8,), "critic_hidden": (8,)}


def made(seed=0, **settings):
    return away(models.create("flow_gan", seed=seed, **{**SMALL, **settings}), scale=0.15)


def batch(n=64, d=4, seed=2):
    return torch.randn(n, d, generator=torch.Generator().manual_seed(seed)) * 0.5 + 0.2


@pytest.mark.parametrize("game", ["jsd", "wasserstein"])
def test_each_player_s_step_moves_its_own_parameters_and_no_other(game):
    model = made(t=0.4, game=game)
    owned = {"flow": set(model.density.parameters()), "critic": set(model.critic.parameters())}
    assert owned["flow"] | owned["critic"] == set(model.parameters()) and not owned["flow"] & owned["critic"]
    for player in model.players()[:2]:
        assert set(player.parameters) == owned[player.name]
        before = copy.deepcopy(dict(model.named_parameters()))
        model.zero_grad()
        player.loss(batch()).total.backward(inputs=player.parameters)
        torch.optim.SGD(player.parameters, lr=0.1).step()
        moved = {p for name, p in model.named_parameters() if not torch.equal(p, before[name])}
        assert moved <= owned[player.name] and moved


def test_the_critic_s_loss_leaves_no_gradient_in_the_flow():
    model = made(t=0.4)
    model.players()[1].loss(batch()).total.backward()
    assert all(p.grad is None for p in model.density.parameters())
    assert all(p.grad.abs().sum() > 0 for p in model.critic.parameters())


def test_the_critic_moves_by_the_samples_that_it_judges_and_then_by_fresh_ones():
    model, calls = made(t=1.0, critic_steps=3), []
    flow, *critics = model.players()
    assert [player.name for player in critics] == ["critic"] * 3 and all(player.first for player in critics)
    model.density.transform.register_forward_pre_hook(lambda *_: calls.append(1))
    draw, runs = model.draw(batch()), []
    for player in (*critics, flow):
        player.loss(draw)
        runs.append(len(calls))
    assert runs == [1, 2, 3, 3]


@pytest.mark.parametrize("t", [0.0, 0.3, 1.0])
def test_the_flow_s_gradient_reaches_every_parameter(t):
    model = made(t=t)
    model.loss(batch()).total.backward()
    assert all(p.grad.abs().sum() > 0 for p in model.density.parameters())


def test_t_zero_is_the_flow_itself():
    settings = {"x_dim": 4, "layers": 2, "hidden": (8,)}
    model, flow = models.create("flow_gan", t=0.0, seed=3, **SMALL), models.create("flow", seed=3, **settings)
    x = batch()
    assert torch.equal(model.loss(x).total, flow.loss(x).total)
    assert [player.name for player in model.players()] == ["flow"]
    for m in (model, flow):
        training.fit(m, x, steps=20, lr=1e-2, progress=False)
    assert torch.equal(model.log_prob(x), flow.log_prob(x))


@pytest.mark.parametrize("t", [0.2, 0.5, 0.9])
def test_the_loss_is_the_two_terms_weighted_by_one_minus_t_and_t(t):
    model, x = made(t=t), batch()
    torch.manual_seed(0)
    loss = model.loss(x)
    (_, nll), (_, jsd) = loss.terms["negative_log_likelihood"], loss.terms["jsd(x)"]
    torch.testing.assert_close(nll, -model.log_prob(x).mean())
    torch.testing.assert_close(loss.total, (1 - t) * nll + t * jsd)
    torch.manual_seed(0)
    z = model.prior().sample((len(x),))
    fake = model.density.transform(z)[0]
    d, not_d = (nn.functional.logsigmoid(s * model.critic(p)).mean() for s, p in ((1, x), (-1, fake)))
    torch.testing.assert_close(jsd, (d + not_d + torch.tensor(4.0).log()) / 2)


def test_adversarial_alone_asks_the_density_for_nothing_and_still_has_it(monkeypatch):
    model, x = made(t=1.0), batch()
    exact = -model.log_prob(x).mean()
    with monkeypatch.context() as patch:
        patch.setattr(model.density.transform, "inverse", None)
        assert list(model.loss(x).terms) == ["jsd(x)"]
    torch.testing.assert_close(exact, -model.log_prob(x).mean())


@pytest.mark.parametrize("transform", ["real_nvp", "maf"])
@pytest.mark.parametrize("t", [0.0, 0.5, 1.0])
def test_log_prob_is_exact_for_every_t(transform, t):
    model = made(x_dim=2, t=t, transform=transform).double()
    line = torch.linspace(-12, 12, 401, dtype=torch.float64)
    plane = torch.cartesian_prod(line, line)
    mass = model.log_prob(plane).exp()
    assert mass.sum().item() * 0.06**2 == pytest.approx(1.0, abs=2e-3)
    torch.manual_seed(0)
    drawn = model.sample(20_000).mean(0)
    torch.testing.assert_close(drawn, (mass[:, None] * plane).sum(0) * 0.06**2, rtol=0, atol=0.06)


class Best(nn.Module):
    """D*'s logit, log p_data - log p_theta, held fixed (D10)."""

    def __init__(self, p_data, p_theta):
        super().__init__()
        self.p_data, self.p_theta = p_data, [p_theta]

    def forward(self, x):
        return self.p_data.log_prob(x) - self.p_theta[0]().log_prob(x)


def test_at_the_best_critic_the_game_is_the_jsd_and_so_is_its_gradient():
    """Against a Gaussian in the plane, both known densities: the JSD by quadrature, value and gradient."""
    density = made(x_dim=2, t=1.0).density.double()
    p_data = MultivariateNormal(torch.tensor([0.5, 0.0]).double(), torch.diag(torch.tensor([0.5, 1.5]).double()))
    line = torch.linspace(-9, 9, 361, dtype=torch.float64)
    plane = torch.cartesian_prod(line, line)
    log_p, log_q = p_data.log_prob(plane), density().log_prob(plane)
    log_m = torch.logaddexp(log_p, log_q) - torch.tensor(2.0).log()
    exact = ((log_p.exp() * (log_p - log_m) + log_q.exp() * (log_q - log_m)) / 2).sum() * 0.05**2
    parameters = list(density.parameters())
    truth = torch.cat([g.flatten() for g in torch.autograd.grad(exact, parameters)])

    frozen = copy.deepcopy(density)
    best = Best(p_data, frozen)
    model = FlowGan(density, best, adversarial("jsd", "x", best), t=1.0, x_dim=2)
    torch.manual_seed(0)
    loss = model.loss(p_data.sample((200_000,))).total
    estimate = torch.cat([g.flatten() for g in torch.autograd.grad(loss, parameters)])
    assert 0.02 < exact < 0.6
    assert loss.item() == pytest.approx(exact.item(), abs=5e-3)
    assert torch.cosine_similarity(estimate, truth, 0) > 0.99
    assert (estimate.norm() / truth.norm()).item() == pytest.approx(1.0, abs=0.05)


def test_the_critic_moves_as_often_as_asked(monkeypatch):
    model = made(t=0.5, critic_steps=3)
    asked = []
    critic = model.game.critic
    monkeypatch.setattr(model, "game", type("Game", (), {"critic": lambda d: asked.append(d) or critic(d)}))
    training.fit(model, batch(), steps=2, progress=False)
    assert len(asked) == 6 and len(set(map(id, asked))) == 6


def test_images_train_dequantised_and_are_told_in_bits():
    x = data.load("mnist").train.pixels().flatten(1)[:500]
    small = evaluation.resized(x, 4)
    model = models.create("flow_gan", x_dim=16, t=0.0, layers=2, hidden=(16,))
    with pytest.raises(ValueError, match="rand_like"):
        model.loss(small.round())
    before = evaluation.bits_per_dim(model.log_prob(data.dequantise(small, 16)).mean(), 16, levels=16)
    training.fit(model, small, steps=150, lr=5e-3, transform=lambda x: data.dequantise(x, 16), progress=False)
    after = evaluation.bits_per_dim(model.log_prob(data.dequantise(small, 16)).mean(), 16, levels=16)
    assert 0 < after < 4 < before  # 4 bits a pixel are what even guessing takes


def test_what_is_recorded_does_not_change_the_run():
    z = torch.randn(3, 4, generator=torch.Generator().manual_seed(0))
    runs = []
    for record in (None, evaluation.game_record(z)):
        model = made(t=0.5)
        history = training.fit(model, batch(), steps=20, progress=False, record=record)
        runs.append(model.state_dict())
    assert all(torch.equal(a, b) for a, b in zip(runs[0].values(), runs[1].values(), strict=True))
    for column in ("flow/gradient norm", "critic/gradient norm", "flow/log10 condition", "flow/log10 smallest"):
        assert history[column].shape == (2,)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"t": 1.5}, "expected 0"),
        ({"game": "hinge"}, "expected jsd"),
        ({"transform": "naf"}, "take 'real_nvp' or 'maf'"),
        ({"critic_steps": 0}, "critic_steps"),
    ],
)
def test_bad_settings_are_refused_with_what_was_expected(settings, message):
    with pytest.raises(ValueError, match=message):
        models.create("flow_gan", **{**SMALL, **settings})


def test_saved_models_come_back(tmp_path):
    model = made(t=0.5)
    back = models.load(models.save(model, tmp_path / "m.safetensors"))
    assert torch.equal(model.log_prob(batch()), back.log_prob(batch())) and back.t == 0.5


@pytest.mark.slow
@pytest.mark.parametrize(("t", "game"), [(0.5, "jsd"), (1.0, "jsd"), (1.0, "wasserstein")])
def test_ten_of_ten_seeds_end_without_nan(t, game):
    x = evaluation.resized(data.load("mnist").train.pixels().flatten(1), 8)
    for seed in range(10):
        model = models.create("flow_gan", seed=seed, t=t, game=game, layers=4, critic_hidden=(64,), critic_steps=2)
        training.fit(model, x, steps=60, seed=seed, transform=lambda x: data.dequantise(x, 16), progress=False)
        assert model.sample(100).isfinite().all()
        assert all(p.isfinite().all() for p in model.parameters())
