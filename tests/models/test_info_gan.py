"""InfoGAN: the bound's sign and size, who moves whom, codes that are set and read, and what is intractable."""

import math

import pytest
import torch

from dgm_tutor import data, evaluation, models, training
from dgm_tutor.components.info_codes import InfoPrior
from dgm_tutor.objectives.adversarial import KINDS as GAMES
from tests.models.players import assert_runs_repeat, assert_ten_of_ten_seeds_stay_finite, moved_by, saved_and_read
from tests.models.test_models import away

SMALL = {"x_dim": 6, "classes": 3, "continuous": 2, "noise": 2, "hidden": (8,)}


def made(seed=0, **settings):
    return away(models.create("info_gan", seed=seed, **{**SMALL, "weight": 0.7, "sigma": 0.4, **settings}))


def batch(n=32, seed=2):
    return torch.rand(n, 6, generator=torch.Generator().manual_seed(seed))


def term(model, name):
    return next(term for term in model.objective.weights if term.name == name)


def test_each_player_s_step_moves_its_own_parameters_and_no_other_s():
    model = made()
    assert [player.name for player in model.players()] == ["generator", "critic"]
    assert set(model.players()[0].parameters) == {*model.decoder.parameters(), *model.posterior.parameters()}
    assert set(model.players()[1].parameters) == set(model.critics.parameters())
    for player in model.players():
        assert moved_by(player, model, batch()) == set(player.parameters)


def test_the_critic_moves_as_often_as_it_is_told_and_is_as_smooth():
    players = made(critic_steps=3, smooth=0.4).players()
    assert [player.name for player in players] == ["generator", "critic", "critic", "critic"]
    assert players[1].loss(batch()).terms["slope(x)"][0] == 0.2


def test_the_bound_moves_generator_and_q_and_not_the_critic():
    model = made()
    (1.0 * term(model, "info_bound"))(model.draw(batch())).total.backward()
    assert all(p.grad.abs().sum() > 0 for p in (*model.decoder.parameters(), *model.posterior.parameters()))
    assert all(p.grad is None for p in model.critics.parameters())
    model.zero_grad()
    model.players()[1].loss(batch()).total.backward()
    assert all(p.grad is None for p in (*model.decoder.parameters(), *model.posterior.parameters()))


def test_the_loss_is_the_game_less_the_weighted_bound():
    model, x = made(game="jsd"), batch()
    torch.manual_seed(0)
    loss = model.loss(x)
    torch.manual_seed(0)
    z = model.prior().sample((len(x),))
    made_x = model.decoder(z).sample()
    y, c = z[:, :3], z[:, 3:5]
    q = model.posterior(made_x)
    told = (y * q.y.probs.log()).sum(-1) - ((c - q.z.mean) / 0.4).square().sum(-1) / 2 - math.log(2 * math.pi * 0.16)
    bound = told.mean() + math.log(3) + 2 * math.log(2)
    critic = model.critics["critic"]
    real, fake = (torch.nn.functional.logsigmoid(s * critic(p)).mean() for s, p in ((1, x), (-1, made_x)))
    torch.testing.assert_close(loss.terms["info_bound"][1], bound)
    torch.testing.assert_close(loss.total, (real + fake + math.log(4)) / 2 - 0.7 * bound)


def test_what_both_do_raises_the_bound():
    """A step of generator and q on the bound's own share of the loss."""
    model = made(weight=1.0)
    bound, parameters = term(model, "info_bound"), model.players()[0].parameters

    def value():
        torch.manual_seed(3)
        return (model.objective.weights[bound] * bound)(model.draw(batch(500)))

    before = value()
    before.total.backward()
    torch.optim.SGD(parameters, 1e-3).step()
    assert value().terms["info_bound"][1] > before.terms["info_bound"][1]


def test_the_prior_is_what_its_entropy_says():
    torch.manual_seed(0)
    prior = InfoPrior(3, 2, 4)
    z = prior().sample((5000,))
    assert z.shape == (5000, 9) and prior.codes == 5
    torch.testing.assert_close(z[:, :3].mean(0), torch.full((3,), 1 / 3), rtol=0, atol=0.03)
    assert (z[:, :3].sum(-1) == 1).all() and z[:, 3:5].abs().max() <= 1
    torch.testing.assert_close(z[:, 3:5].std(0), torch.full((2,), 3**-0.5), rtol=0, atol=0.02)
    noise = torch.distributions.Normal(0.0, 1.0).entropy() * 4
    assert -prior().log_prob(z).mean().item() == pytest.approx(prior.code_entropy + noise.item(), abs=0.1)


def test_the_bound_stays_below_the_information_that_there_is():
    """With c the only cause of x and q off the mark, L_I for y is below H(y) and reaches it where q reads y off."""
    model = made(noise=1)
    torch.manual_seed(0)
    z = model.prior().sample((2000,))
    q = model.posterior(model.decoder(z).sample())
    assert (q.y.log_prob(z[:, :3]).mean() + math.log(3)) < math.log(3) - 0.05
    readable = models.create("info_gan", **{**SMALL, "x_dim": 3, "hidden": (), "output": "real"})
    with torch.no_grad():  # x = 30 y, and q's logits are x
        for linear, size in ((readable.decoder.network[0][0], 30.0), (readable.posterior.network[0], 1.0)):
            linear.weight.zero_(), linear.bias.zero_()
            linear.weight[:3, :3] = size * torch.eye(3)
    z = readable.prior().sample((500,))
    told = readable.posterior(readable.decoder(z).sample()).y.log_prob(z[:, :3]).mean()
    assert told.item() == pytest.approx(0.0, abs=1e-6)
    assert torch.equal(readable.classify(readable.sample(9, z[:9, :5])).argmax(1), z[:9, :3].argmax(1))


def test_q_says_any_number_for_a_continuous_code():
    mu = made().posterior(batch()).z.mean
    assert mu.min() < 0 < mu.max() and not torch.allclose(mu.sum(-1), torch.ones(len(mu)))


def test_codes_that_are_set_are_the_codes():
    model = made(weight=0.0)
    codes = torch.tensor([0.0, 1.0, 0.0, 0.3, -0.9])
    torch.manual_seed(0)
    x = model.sample(6, codes)
    torch.manual_seed(0)
    z = model.prior().sample((6,))
    z[:, :5] = codes
    assert torch.equal(x, model.decoder(z).sample()) and x.std(0).min() > 0
    with pytest.raises(ValueError, match="5 numbers"):
        model.sample(6, codes[:3])


def test_a_traversal_moves_one_code_and_keeps_the_rest():
    model, values = made(), torch.linspace(-1, 1, 5)
    images = model.traversal(values, code=1)
    assert images.shape == (3, 5, 6)
    torch.manual_seed(1)
    first = model.traversal(values)
    torch.manual_seed(1)
    second = model.traversal(values, code=1)
    assert torch.equal(first[:, 2], second[:, 2])  # both codes are 0 there, and the noise is one
    assert (first[:, 0] - second[:, 0]).abs().max() > 1e-3 and (first[0] - first[1]).abs().max() > 1e-3
    same = model.traversal(torch.tensor([0.3, 0.3]))
    assert torch.equal(same[:, 0], same[:, 1])
    with pytest.raises(ValueError, match="expected 0 to 1"):
        model.traversal(values, code=2)


def convolving(seed=0, **settings):
    return away(models.create("info_gan", seed=seed, **{**SMALL, "x_dim": 49, "channels": 2, **settings}))


def test_with_convolutions_q_reads_the_trunk_that_the_critic_alone_moves():
    model = convolving().train()
    trunk = set(model.posterior.parameters()) & set(model.critics.parameters())
    head = set(model.posterior.parameters()) - trunk
    assert len(head) == 2 and len(trunk) == len(list(model.critics.parameters())) - 2
    generator, critic = model.players()
    assert set(generator.parameters) == {*model.decoder.parameters(), *head}
    assert set(critic.parameters) == set(model.critics.parameters())
    x = torch.rand(32, 49, generator=torch.Generator().manual_seed(2))
    assert moved_by(generator, model, x) <= set(generator.parameters)
    assert {*head, *list(model.decoder.parameters())[-2:]} <= moved_by(generator, model, x)
    assert trunk & moved_by(critic, model, x) and moved_by(critic, model, x) <= set(critic.parameters)


def test_convolving_models_draw_save_repeat_and_resume(tmp_path):
    model, x = convolving().eval(), torch.rand(40, 49, generator=torch.Generator().manual_seed(2))
    assert model.traversal(torch.linspace(-1, 1, 5)).shape == (3, 5, 49) and model.sample(4).shape == (4, 49)
    assert torch.equal(model.classify(x), saved_and_read(model, tmp_path).classify(x))
    assert_runs_repeat(lambda: convolving(1), x)
    whole, halves, path = convolving(), convolving(), tmp_path / "run.safetensors"
    how = {"batch_size": 16, "progress": False, "device": "cpu"}
    training.fit(whole, x, steps=6, **how)
    training.fit(halves, x, steps=3, checkpoint=path, **how)
    training.fit(halves, x, steps=6, checkpoint=path, **how)
    weights = whole.state_dict()
    assert all(torch.equal(weights[name], value) for name, value in halves.state_dict().items())


def test_what_is_intractable_says_what_to_ask_instead():
    model = made()
    for ask in (model.log_prob, model.elbo, model.log_marginal):
        with pytest.raises(models.Intractable, match=r"sample\(n\)"):
            ask(batch())


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"weight": -1.0}, "hide the codes"),
        ({"classes": 1}, "at least 2, 1 and 1"),
        ({"sigma": 0.0}, "positive"),
        ({"critic_steps": 0}, "1 or more"),
        ({"game": "hinge"}, "expected jsd"),
        ({"channels": -1}, "expected 0 for perceptrons"),
        ({"channels": 4}, "pixels of a square image"),
        ({"channels": 4, "x_dim": 49, "game": "wasserstein"}, "slopes cannot be penalised"),
        ({"channels": 4, "x_dim": 49, "smooth": 1.0}, "slopes cannot be penalised"),
    ],
)
def test_bad_settings_are_refused_with_what_was_expected(settings, message):
    with pytest.raises(ValueError, match=message):
        models.create("info_gan", **{**SMALL, **settings})


def test_saved_models_come_back_and_seeds_repeat(tmp_path):
    model, x = made(), batch()
    assert torch.equal(model.classify(x), saved_and_read(model, tmp_path).classify(x))
    assert_runs_repeat(lambda: made(1), x)


@pytest.mark.slow
@pytest.mark.parametrize("game", GAMES)
def test_ten_of_ten_seeds_end_without_nan(game):
    x = evaluation.resized(data.load("mnist").train.pixels().flatten(1)[:1000], 8)
    assert_ten_of_ten_seeds_stay_finite(
        "info_gan", x, lambda model: model.classify(x), game=game, x_dim=64, noise=8, hidden=(32,)
    )


@pytest.mark.slow
def test_training_raises_the_bound_and_only_where_it_is_weighed():
    """Four far Gaussians, four classes: q comes to read the class off what the generator draws."""
    generator = torch.Generator().manual_seed(0)
    corners = torch.tensor([[1.0, 1.0], [1.0, -1.0], [-1.0, 1.0], [-1.0, -1.0]])
    x = corners[torch.randint(4, (1000,), generator=generator)]
    x = x + 0.1 * torch.randn(1000, 2, generator=generator)
    told = {}
    for weight in (0.0, 3.0):
        settings = {"x_dim": 2, "classes": 4, "continuous": 1, "noise": 2, "hidden": (32, 32), "output": "real"}
        model = models.create("info_gan", weight=weight, seed=1, **settings)
        training.fit(model, x, steps=300, lr=5e-3, progress=False, device="cpu")
        z = model.prior().sample((1000,))
        told[weight] = (model.posterior(model.decoder(z).sample()).y.log_prob(z[:, :4]).mean() + math.log(4)).item()
    assert told[0.0] < 0.1 and 1.0 < told[3.0] <= math.log(4)
