"""VRNN and RNN: causal, blind to padding, sampling as their densities say. Against Kalman: test_state_space."""

import math

import pytest
import torch
from torch import nn

from dgm_tutor import data, models, training
from dgm_tutor.data import padded
from dgm_tutor.data.chorales import SYMBOLS, from_one_hot, one_hot, piano_roll
from dgm_tutor.models.vrnn import VRNNDraw
from tests.models.test_models import away

SMALL = {"x_dim": 3, "steps": 4, "hidden": 6}
LATENT = {**SMALL, "z_dim": 2}


def bits(n=7, steps=4, seed=2):
    x = torch.bernoulli(torch.full((n, steps, 3), 0.4), generator=torch.Generator().manual_seed(seed))
    return x.flatten(1)


VARIANTS = [
    ("vrnn", LATENT),
    ("vrnn", {**LATENT, "prior": "standard"}),
    ("vrnn", {**LATENT, "recurrent": False}),
    ("rnn", SMALL),
]


@pytest.fixture(params=VARIANTS, ids=str)
def model(request):
    name, settings = request.param
    return away(models.create(name, **settings))


@pytest.fixture
def vrnn():
    return away(models.create("vrnn", **LATENT))


@pytest.fixture
def rnn():
    return away(models.create("rnn", **SMALL))


def test_the_loss_is_minus_the_elbo_and_its_terms_sum(vrnn):
    x = bits()
    torch.manual_seed(1)
    loss = vrnn.loss(x)
    torch.testing.assert_close(loss.total, loss.terms["distortion"][1] + loss.terms["rate"][1])
    torch.manual_seed(1)
    torch.testing.assert_close(vrnn.elbo(x).mean(), -loss.total)


def test_the_rnn_s_probabilities_sum_to_one_and_are_its_loss(rnn):
    every = torch.cartesian_prod(*[torch.tensor([0.0, 1.0])] * 9)
    assert rnn.log_prob(every).exp().sum().item() == pytest.approx(1.0, abs=1e-5)
    torch.testing.assert_close(rnn.loss(bits()).total, -rnn.log_prob(bits()).mean())


RARE = 4 / 40_000  # four draws of 40,000, of what is so improbable that its count is far from normal


class Unread(nn.Module):
    def read(self, x):
        return x


class FromPrior(nn.Module):
    """q = p(z_t|h_{t-1}): paths whose weight is p(x|z), at most one, so that averages of it are safe."""

    def __init__(self, prior):
        super().__init__()
        self.prior, self.network = prior, Unread()

    def forward(self, read, h):
        return self.prior(h)


def near_exact(vrnn, x, samples):
    """Twenty independent estimates of p(x), (20, n), each an average of p(x|z) over paths from the prior."""
    torch.manual_seed(0)
    vrnn.posterior = FromPrior(vrnn.prior)
    return vrnn.log_marginal(x.repeat(20, 1), samples // 20).exp().view(20, -1)


def standard_error(estimates):
    return estimates.std(0) / len(estimates) ** 0.5


def sums_to_one(estimates):
    """Whether estimates of every probability do, up to four standard errors, which must be small."""
    error = standard_error(estimates.sum(1)).item()
    return error < 0.005 and abs(estimates.sum(1).mean().item() - 1) < 4 * error


def test_the_vrnn_s_probabilities_sum_to_one_and_its_bounds_are_below(vrnn):
    every = torch.cartesian_prod(*[torch.tensor([0.0, 1.0])] * 6)
    elbo = vrnn.elbo(every, 300)
    exact = near_exact(vrnn, every, 3000)
    assert sums_to_one(exact)
    assert (elbo < exact.mean(0).log()).all()


@pytest.mark.parametrize("t", range(4))
def test_nothing_depends_on_the_future(vrnn, t):
    x = bits().requires_grad_()

    def seen(values):
        torch.manual_seed(0)
        (gradient,) = torch.autograd.grad(values(VRNNDraw(vrnn, x)).square().sum(), x, allow_unused=True)
        gradient = torch.zeros_like(x) if gradient is None else gradient
        return (gradient.view(7, 4, 3).abs().sum((0, 2)) > 0).tolist()

    past = [step < t for step in range(4)]
    assert seen(lambda draw: draw.prior.mean[t] + draw.prior.stddev[t] if t else 0 * draw.x.sum()) == past
    assert seen(lambda draw: draw.posterior.mean[t]) == [step <= t for step in range(4)]
    z = torch.ones(7, 2)
    assert seen(lambda draw: vrnn.decode(z, draw.h[t]).mean if t else 0 * draw.x.sum()) == past


@pytest.mark.parametrize("t", range(1, 4))
def test_the_rnn_s_conditionals_depend_on_all_the_past_and_nothing_else(rnn, t):
    x = bits().view(7, 4, 3).transpose(0, 1).clone().requires_grad_()
    (gradient,) = torch.autograd.grad(rnn.conditionals(x).mean[t].square().sum(), x)
    assert (gradient.abs().sum((1, 2)) > 0).tolist() == [step < t for step in range(4)]


def test_padding_has_no_influence(model):
    x = bits()
    longer = padded(torch.cat([x.view(7, 4, 3), torch.ones(7, 3, 3)], 1), torch.full((7,), 4)).flatten(1)
    scores = []
    for sequences in (x, longer):
        torch.manual_seed(0)  # the steps' noise is drawn in turn, so the first four draw the same
        scores.append(model.log_prob(sequences) if model.name == "rnn" else model.elbo(sequences))
    torch.testing.assert_close(*scores)
    model.loss(longer).total.backward()
    assert all(p.grad.isfinite().all() for p in model.parameters())


def test_sequences_of_several_lengths_are_each_their_own(rnn, vrnn):
    x = padded(bits().view(7, 4, 3), torch.tensor([1, 2, 3, 4, 4, 2, 1])).flatten(1)
    for row in range(7):
        steps = int((~x[row].isnan()).sum()) // 3
        alone = x[row : row + 1, : 3 * steps]
        torch.testing.assert_close(rnn.log_prob(x)[row], rnn.log_prob(alone)[0])
    assert vrnn.loss(x).total.isfinite() and vrnn.log_marginal(x, 5).isfinite().all()


def test_the_prior_s_ablation_changes_the_rate_alone(vrnn):
    independent = models.create("vrnn", **LATENT, prior="standard")
    kept = {key: value for key, value in vrnn.state_dict().items() if not key.startswith("prior.")}
    independent.load_state_dict(kept)
    losses = []
    for model in (vrnn, independent):
        torch.manual_seed(0)
        losses.append(model.loss(bits()))
    learned, standard = (loss.terms for loss in losses)
    torch.testing.assert_close(learned["distortion"][1], standard["distortion"][1])
    assert abs(learned["rate"][1] - standard["rate"][1]) > 0.05
    torch.manual_seed(0)
    draw = VRNNDraw(independent, bits())
    mu, sigma = draw.posterior.mean, draw.posterior.stddev
    by_hand = 0.5 * (mu.square() + sigma.square() - 1 - 2 * sigma.log()).sum((0, 2)).mean()
    torch.testing.assert_close(standard["rate"][1], by_hand)


def test_gradients_reach_every_parameter(model):
    model.loss(bits(64)).total.backward()
    assert all(p.grad is not None and p.grad.abs().sum() > 0 for p in model.parameters())


def test_the_distortion_s_gradient_goes_through_z(vrnn):
    vrnn.loss(bits(64)).terms["distortion"][1].backward()
    assert all(p.grad is not None and p.grad.abs().sum() > 0 for p in vrnn.posterior.parameters())


def test_what_is_fed_back_is_what_was_drawn(model):
    read = []
    embed = model.embed if model.name == "rnn" else model.embed_x
    embed.register_forward_hook(lambda module, inputs, output: read.append(inputs[0]))
    drawn = model.sample(50).view(50, 4, 3)
    for t in range(3):
        assert torch.equal(read[t].view(50, 3), drawn[:, t])


def test_the_rnn_s_samples_are_as_probable_as_it_says(rnn):
    torch.manual_seed(0)
    model = away(models.create("rnn", x_dim=2, steps=3, hidden=6), scale=1.0)
    every = torch.cartesian_prod(*[torch.tensor([0.0, 1.0])] * 6)
    expected = model.log_prob(every).exp()
    code = (model.sample(40_000) @ 2.0 ** torch.arange(5, -1, -1)).long()
    counts = torch.bincount(code, minlength=64) / 40_000
    assert ((counts - expected).abs() < 5 * (expected / 40_000).sqrt() + RARE).all()


def test_the_vrnn_s_samples_are_as_probable_as_it_says():
    """Feeding means back, or forgetting the noise of z, would lose what ties one step to the next."""
    model = away(models.create("vrnn", x_dim=2, steps=2, z_dim=1, hidden=6), scale=0.8, seed=6)  # x_1 matters to x_2
    every = torch.cartesian_prod(*[torch.tensor([0.0, 1.0])] * 4)
    exact = near_exact(model, every, 20_000)
    expected = exact.mean(0)
    code = (model.sample(40_000) @ 2.0 ** torch.arange(3, -1, -1)).long()
    counts = torch.bincount(code, minlength=16) / 40_000
    error = (expected / 40_000 + standard_error(exact).square()).sqrt()
    assert ((counts - expected).abs() < 5 * error + RARE).all()


def test_log_probabilities_are_finite_where_a_probability_is_zero_or_one(model):
    with torch.no_grad():
        for p in model.decoder.parameters():
            p.mul_(300)
    x = bits()
    loss = model.loss(x)
    loss.total.backward()
    assert loss.total.isfinite() and all(p.grad.isfinite().all() for p in model.parameters())
    assert loss.total > 12 * 16  # twelve wrong pixels with probabilities held away from 0 would not cost that much


@pytest.mark.slow
def test_training_learns_what_the_past_tells_and_z_what_values_share():
    """One bit, twice at each step: an RNN pays 2 log 2, its outputs being independent; z pays it once."""
    bit = torch.randint(2, (400, 1, 1), generator=torch.Generator().manual_seed(0)).float()
    losses = {}
    for name, extra in (("rnn", {}), ("vrnn", {"z_dim": 1})):
        model = models.create(name, x_dim=2, steps=5, hidden=16, **extra)
        training.fit(model, bit.expand(400, 5, 2), steps=250, lr=1e-2, progress=False)
        torch.manual_seed(0)
        losses[name] = model.loss(bit.expand(400, 5, 2).flatten(1)).total.item()
        sample = model.sample(300).view(300, 5, 2)
        assert (sample[:, 1:] == sample[:, 1:2]).float().mean() > 0.9
    assert 2 * math.log(2) - 0.01 < losses["rnn"] < 1.45
    assert math.log(2) - 0.01 < losses["vrnn"] < 1.1


VOICES = {"x_dim": (3, 2), "steps": 2, "hidden": 6, "likelihood": "categorical"}


def chords():
    """Every sequence of two steps in which a voice has one of three symbols, and another one of two: (36, 10)."""
    chord = torch.tensor([[*a, *b] for a in torch.eye(3).tolist() for b in torch.eye(2).tolist()])
    return torch.cat([chord.repeat_interleave(6, 0), chord.repeat(6, 1)], 1)


def test_categorical_voices_probabilities_sum_to_one_over_all_chords():
    assert away(models.create("rnn", **VOICES)).log_prob(chords()).exp().sum().item() == pytest.approx(1.0, abs=1e-5)
    vrnn = away(models.create("vrnn", **VOICES, z_dim=1))
    elbo, exact = vrnn.elbo(chords(), 300), near_exact(vrnn, chords(), 3000)
    assert sums_to_one(exact) and (elbo < exact.mean(0).log()).all()


def test_a_chord_costs_what_its_voices_cost():
    """log p(x_1) by hand: each voice's own softmax over its own logits."""
    rnn = away(models.create("rnn", **VOICES))
    logits = rnn.decoder.network(torch.zeros(1, 6)).detach()[0]
    expected = logits[:3].log_softmax(0)[2] + logits[3:].log_softmax(0)[0]
    torch.testing.assert_close(rnn.log_prob(torch.tensor([[0.0, 0, 1, 1, 0]]))[0], expected)


def test_categorical_samples_are_chords_as_probable_as_the_model_says():
    torch.manual_seed(0)
    for name, z in (("rnn", {}), ("vrnn", {"z_dim": 1})):
        model = away(models.create(name, **VOICES, **z))
        drawn = model.sample(40_000)
        exact = model.log_prob(chords()).exp().expand(20, -1) if name == "rnn" else near_exact(model, chords(), 20_000)
        expected = exact.mean(0)
        found = drawn @ chords().T == 4  # a sequence meets itself, and no other, in four places
        assert (found.sum(1) == 1).all()
        counts = found.float().mean(0)
        error = (expected / 40_000 + standard_error(exact).square()).sqrt()
        assert ((counts - expected).abs() < 5 * error + RARE).all()
        with pytest.raises(ValueError, match="one-hot symbols"):
            model.loss(torch.tensor([[1.0, 0, 1, 0, 0]]))  # two symbols of the first voice, none of the second


def test_without_recurrence_there_are_separate_vaes_of_the_same_weights():
    """p(x_1, x_2) = p(x_1) p(x_2), and each step's bound does not depend on its place."""
    model = away(models.create("vrnn", **VOICES, z_dim=1, recurrent=False))
    pair = near_exact(model, chords(), 20_000).view(20, 6, 6)
    alone = near_exact(model, chords()[::6, :5], 20_000)
    product = alone[:, :, None] * alone[:, None, :]
    difference = pair.mean(0) - alone.mean(0).outer(alone.mean(0))
    assert (difference.abs() < 5 * (standard_error(pair).square() + standard_error(product).square()).sqrt()).all()


def test_warm_up_weighs_the_rate_less_at_first_and_ends_at_the_bound():
    model, x = away(models.create("vrnn", **LATENT, warm_up=4)), bits()
    weights = []
    for _ in range(6):
        loss = model.loss(x)
        weights.append(float(loss.terms["rate"][0]))
        loss.total.backward()
    assert weights == [0, 0.25, 0.5, 0.75, 1, 1]
    model.eval()
    torch.testing.assert_close(
        *(_seeded(f, x) for f in (lambda x: -model.loss(x).total, lambda x: model.elbo(x).mean()))
    )


def _seeded(call, x):
    torch.manual_seed(3)
    return call(x).detach()


def test_nothing_becomes_nan_at_extreme_logits_of_voices():
    for name in ("rnn", "vrnn"):
        model = away(models.create(name, **VOICES))
        with torch.no_grad():
            for p in model.decoder.parameters():
                p.mul_(1000)
        loss = model.loss(chords())
        loss.total.backward()
        assert loss.total.isfinite() and all(p.grad.isfinite().all() for p in model.parameters())
        assert loss.total > 50  # and no probability is held away from 0


def test_double_precision_stays_double():
    for name, settings in VARIANTS:
        model, x = away(models.create(name, **settings)).double(), bits().double()
        loss = model.loss(x)
        assert loss.total.dtype == torch.float64 and model.sample(2).dtype == torch.float64
        loss.total.backward()


def test_the_models_take_the_chorales_and_sing_in_their_ranges():
    split = data.load("chorales").test
    x = data.windows(padded(one_hot(split.x), split.length), 12)[:6].flatten(1)
    for name in ("rnn", "vrnn"):
        model = models.create(name, x_dim=SYMBOLS, likelihood="categorical", steps=12, hidden=8)
        assert model.loss(x).total.isfinite()
        sung = from_one_hot(model.sample(3))
        assert sung.shape == (3, 12, 4) and torch.equal(from_one_hot(one_hot(sung)), sung)
    roll = padded(piano_roll(split.x), split.length)[:4, :20]
    assert models.create("vrnn", x_dim=46, hidden=8, z_dim=2).loss(roll.flatten(1)).total.isfinite()


def test_seeds_repeat_and_files_keep_everything(model, tmp_path):
    back = models.load(models.save(model, tmp_path / "m.safetensors"))
    losses = []
    for one in (model, model, back):
        torch.manual_seed(3)
        losses.append(one.loss(bits()).total.detach())
    assert torch.equal(losses[0], losses[1]) and torch.equal(losses[0], losses[2])


@pytest.mark.parametrize(
    ("name", "settings", "message"),
    [
        ("vrnn", {"prior": "none"}, "expected 'learned'"),
        ("vrnn", {"likelihood": "poisson"}, "unknown likelihood"),
        ("rnn", {"steps": 0}, "at least 1"),
        ("rnn", {"x_dim": (3, 2)}, "likelihood='categorical'"),
        ("vrnn", {"warm_up": -1}, "at least 0"),
    ],
)
def test_bad_settings_are_refused(name, settings, message):
    with pytest.raises(ValueError, match=message):
        models.create(name, **settings)


def test_bad_data_are_refused_with_what_to_do(model):
    with pytest.raises(ValueError, match="steps of 3 values"):
        model.loss(torch.zeros(2, 7))
    with pytest.raises(ValueError, match="binarise"):
        model.loss(torch.full((2, 6), 0.5))
    for place in (slice(0, 3), slice(4, 6)):  # a gap before the end, and half a step
        x = torch.zeros(2, 6)
        x[0, place] = torch.nan
        with pytest.raises(ValueError, match="padded"):
            model.loss(x)


def test_a_vrnn_has_no_exact_likelihood_and_says_what_to_use(vrnn):
    with pytest.raises(models.Intractable, match="log_marginal"):
        vrnn.log_prob(bits())
