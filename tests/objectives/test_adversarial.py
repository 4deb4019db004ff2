"""Games: their values at known critics, the best critic, and who moves whom."""

import math

import pytest
import torch
from torch import nn

from dgm_tutor.components import GaussianHead, StandardNormal, mlp
from dgm_tutor.components.critics import Generator, TableCritic, mlp_critic
from dgm_tutor.models.finite import exact_draw, exact_world, table_model
from dgm_tutor.objectives import Draw, adversarial, best_critic
from dgm_tutor.objectives.adversarial import KINDS, cross_entropy, density_ratio_kl, gradient_penalty, jsd, slope
from tests.components.test_components import shaken
from tests.objectives.worlds import random_world, value


class Pair(nn.Module):
    """A small model with every part a game may ask for."""

    def __init__(self):
        super().__init__()
        self.prior = StandardNormal(2)
        self.decoder = Generator(mlp([2, 8, 3]))
        self.posterior = GaussianHead(mlp([3, 8, 4]))


@pytest.fixture
def model():
    torch.manual_seed(0)
    return shaken(Pair(), seed=1)


def batch(n=16):
    return torch.randn(n, 3, generator=torch.Generator().manual_seed(2))


def close(a, b, atol=1e-10):
    torch.testing.assert_close(torch.as_tensor(a), torch.as_tensor(b), rtol=0, atol=atol, check_dtype=False)


# values


TRUTH = {
    "jsd": lambda generated, real: generated.jsd(real),
    "kl": lambda generated, real: generated.kl(real),
    "non_saturating": lambda generated, real: generated.kl(real) - 2 * generated.jsd(real),
}


@pytest.mark.parametrize("over", ["x", "z"])
@pytest.mark.parametrize("kind", TRUTH)
def test_against_the_best_critic_the_other_side_s_gradient_is_the_divergence_s(kind, over):
    """The critic is held: that it would follow the other side is worth nothing at its optimum (D10)."""
    world, _ = random_world(4)
    model, p_data = table_model(world), world.data.probs
    draw, now = exact_draw(model, p_data), exact_world(model, p_data)
    real, generated = (now.data, now.model) if over == "x" else (now.prior, now.aggregate)
    moved = [model.decoder.logits, model.prior.logits] if over == "x" else [model.posterior.logits]
    played = value(adversarial(kind, over, best_critic(draw, over)).term, draw)
    exact = torch.autograd.grad(TRUTH[kind](generated, real), moved)
    for found, truth in zip(torch.autograd.grad(played, moved), exact, strict=True):
        assert truth.abs().max() > 1e-3
        close(found, truth)


@pytest.mark.parametrize("seed", range(5))
def test_the_best_critic_gives_the_exact_divergences(seed):
    world, draw = random_world(seed)
    exact = {"x": world.jsd_data(), "z": world.aggregate.jsd(world.prior)}
    reverse = {"x": world.kl_data_reverse(), "z": world.kl_aggregate()}
    for over in ("x", "z"):
        critic = best_critic(draw, over)
        close(value(jsd(over, critic), draw), exact[over])
        close(cross_entropy(over, critic)(draw).total, math.log(4) - 2 * exact[over])
        close(value(density_ratio_kl(over, critic), draw), reverse[over])


@pytest.mark.parametrize("over", ["x", "z"])
def test_any_other_critic_gives_less_than_the_jsd(over):
    _, draw = random_world(1)
    best = value(jsd(over, best_critic(draw, over)), draw)
    logits = best_critic(draw, over)(draw.q(over).points)
    for seed in range(10):
        noise = torch.randn(logits.shape, generator=torch.Generator().manual_seed(seed), dtype=logits.dtype)
        assert value(jsd(over, TableCritic(logits + 0.5 * noise)), draw) < best


@pytest.mark.parametrize("over", ["x", "z"])
def test_the_critic_s_loss_is_least_at_the_best_critic(over):
    _, draw = random_world(2)
    critic = TableCritic(torch.zeros(draw.q(over).points.shape[-1], dtype=torch.float64))
    optimizer = torch.optim.LBFGS(
        critic.parameters(), max_iter=200, tolerance_grad=1e-12, line_search_fn="strong_wolfe"
    )

    def closure():
        optimizer.zero_grad()
        total = cross_entropy(over, critic)(draw).total
        total.backward()
        return total

    optimizer.step(closure)
    points = draw.q(over).points
    close(critic(points).detach(), best_critic(draw, over)(points), atol=1e-4)


@pytest.mark.parametrize(
    ("kind", "at_zero", "at_two"),  # of a critic that answers 0, or 2, everywhere
    [
        ("jsd", 0.0, (math.log(4) - math.log1p(math.exp(-2)) - math.log1p(math.exp(2))) / 2),
        ("non_saturating", math.log(2), math.log1p(math.exp(-2))),
        ("kl", 0.0, -2.0),
        ("least_squares", 0.5, 0.5),
        ("wasserstein", 0.0, 0.0),
    ],
)
def test_terms_at_constant_critics(model, kind, at_zero, at_two):
    for over in ("x", "z"):
        for constant, expected in ((0.0, at_zero), (2.0, at_two)):
            game = adversarial(kind, over, lambda points, c=constant: 0 * points.sum(-1) + c)
            close(value(game.term, Draw(model, batch())).detach(), expected, atol=1e-6)


@pytest.mark.parametrize(
    ("kind", "real", "generated"),  # of a critic that answers 2 everywhere
    [
        ("jsd", math.log1p(math.exp(-2)), math.log1p(math.exp(2))),
        ("least_squares", 0.5, 2.0),
        ("wasserstein", -2.0, 2.0),
    ],
)
def test_the_critic_s_terms_at_a_constant_critic(model, kind, real, generated):
    for over in ("x", "z"):
        terms = adversarial(kind, over, lambda points: 0 * points.sum(-1) + 2.0).critic(Draw(model, batch())).terms
        close(terms[f"real({over})"][1], real, atol=1e-6)
        close(terms[f"generated({over})"][1], generated, atol=1e-6)


def test_over_x_the_data_are_real_and_over_z_the_prior_is(model):
    x = batch() + 100  # data far away; latents near the prior
    draw = Draw(model, x)
    terms = adversarial("wasserstein", "x", lambda points: points.sum(-1) / 3).critic(draw).terms
    assert terms["real(x)"][1] < -90 and terms["generated(x)"][1] < 50
    draw = Draw(model, x)
    terms = adversarial("wasserstein", "z", lambda points: points.square().sum(-1)).critic(draw).terms
    assert -10 < terms["real(z)"][1] < 0 and terms["generated(z)"][1] > 1000


def test_the_gradient_penalty_of_a_linear_critic_is_its_slope_s(model):
    slope = torch.tensor([0.0, 3.0, 4.0])
    close(value(gradient_penalty("x", lambda points: points @ slope), Draw(model, batch())), 16.0, atol=1e-4)
    with pytest.raises(TypeError, match="finite world"):
        _, draw = random_world()
        value(gradient_penalty("x", best_critic(draw, "x")), draw)


@pytest.mark.parametrize("over", ["x", "z"])
def test_the_slope_is_the_critic_s_at_real_points(model, over):
    draw = Draw(model, batch())
    real = draw.q("x").points if over == "x" else draw.p("z").points
    found = value(slope(over, lambda points: 1.5 * points.square().sum(-1)), draw)
    close(found, 9 * real.square().sum(-1).mean(), atol=1e-5)


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind != "wasserstein"])
def test_a_smooth_game_adds_half_the_weighted_slope_to_the_critic_s_loss_and_nothing_to_the_term(model, kind):
    critic, draw = shaken(mlp_critic(2, (8,)), seed=3), Draw(model, batch())
    plain, smooth = adversarial(kind, "z", critic), adversarial(kind, "z", critic, smooth=3.0)
    added = smooth.critic(draw).total - plain.critic(draw).total
    close(added.detach(), 1.5 * value(slope("z", critic), draw).detach(), atol=1e-5)
    close(value(smooth.term, draw).detach(), value(plain.term, draw).detach())


def test_a_wasserstein_critic_keeps_the_one_penalty_that_it_has(model):
    terms = adversarial("wasserstein", "z", mlp_critic(2, (8,)), smooth=3.0).critic(Draw(model, batch())).terms
    assert terms.keys() == {"real(z)", "generated(z)", "gradient_penalty(z)"}


# gradients


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("over", ["x", "z"])
def test_a_critic_s_loss_moves_the_critic_and_nothing_else(model, kind, over):
    critic = shaken(mlp_critic({"x": 3, "z": 2}[over], (8,)), seed=3)
    draw = Draw(model, batch())
    adversarial(kind, over, critic, smooth=2.0).critic(draw).total.backward()
    moved = list(critic.parameters())[:-1]  # a Wasserstein critic's last bias moves nothing
    assert all(p.grad.abs().sum() > 0 for p in moved)
    assert all(p.grad is None for p in model.parameters())
    made = {again: (d.q("z") if over == "z" else d.p("x")) for again, d in ((False, draw), (True, draw.again()))}
    assert made[False].points.requires_grad and not made[True].points.requires_grad  # what a critic alone sees has none


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(("over", "part"), [("x", "decoder"), ("z", "posterior")])
def test_the_other_side_s_term_moves_what_generates(model, kind, over, part):
    critic = shaken(mlp_critic({"x": 3, "z": 2}[over], (8,)), seed=3)
    value(adversarial(kind, over, critic).term, Draw(model, batch())).backward()
    for name, module in (("decoder", model.decoder), ("posterior", model.posterior)):
        for p in module.parameters():
            assert (p.grad is not None and p.grad.abs().sum() > 0) == (name == part)


@pytest.mark.parametrize("kind", KINDS)
def test_terms_pull_the_generated_points_to_where_the_critic_sees_real_ones(kind):
    """Every game's descent raises the critic's answer at generated points."""
    z = torch.zeros(4, 2, requires_grad=True)

    class Point(nn.Module):
        prior = StandardNormal(2)

        def posterior(self, x):
            return Generator(nn.Identity())(z)

    term = adversarial(kind, "z", lambda points: 0.5 * points[:, 0]).term
    value(term, Draw(Point(), torch.zeros(4, 1))).backward()
    assert (z.grad[:, 0] < 0).all() and (z.grad[:, 1] == 0).all()


def test_the_saturating_game_s_gradient_vanishes_where_the_critic_is_sure_and_the_other_s_does_not(model):
    def sure(points):
        return points.sum(-1) * 1e-3 - 20  # all is generated

    sizes = {}
    for kind in ("jsd", "non_saturating"):
        model.zero_grad()
        value(adversarial(kind, "x", sure).term, Draw(model, batch())).backward()
        sizes[kind] = sum(p.grad.abs().sum() for p in model.decoder.parameters())
    assert sizes["jsd"] < 1e-6 * sizes["non_saturating"]


def test_samples_without_gradients_are_refused_where_gradients_are_wanted():
    from dgm_tutor.components import BernoulliHead

    model = Pair()
    model.decoder = BernoulliHead(mlp([2, 3]))
    with torch.no_grad():
        assert set(Draw(model, batch()).p("x").points.unique().tolist()) <= {0.0, 1.0}
    with pytest.raises(TypeError, match="reparameterised"):
        Draw(model, batch()).p("x")


def test_unknown_games_are_refused():
    with pytest.raises(ValueError, match="expected jsd, non_saturating"):
        adversarial("hinge", "x", lambda points: points)
    with pytest.raises(ValueError, match="over x, z"):
        adversarial("jsd", "y", lambda points: points)
    with pytest.raises(ValueError, match="steep"):
        adversarial("jsd", "x", lambda points: points, smooth=-1.0)
