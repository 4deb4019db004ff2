"""MVAE: exact in a linear-Gaussian world for every subset; the absent say nothing; subsets are what is trained."""

import pytest
import torch
from torch import nn
from torch.distributions import MultivariateNormal, kl_divergence

from dgm_tutor import data, models, training
from dgm_tutor.components import GaussianNoiseHead, ModalityDecoders, StandardNormal
from dgm_tutor.models.mvae import MVAE, SubsetDraw
from dgm_tutor.objectives import distortion, rate
from tests.components.test_experts import SUBSETS, exact_experts, linear_gaussian
from tests.models.test_models import away

SMALL = {
    "modalities": {"picture": (5, "bernoulli"), "label": (3, "categorical"), "sound": (2, "gaussian")},
    "z_dim": 2,
    "hidden": (8,),
}
SIZES = [5, 3, 2]


def parts(n=6, seed=2):
    generator = torch.Generator().manual_seed(seed)
    return {
        "picture": torch.bernoulli(torch.full((n, 5), 0.4), generator=generator),
        "label": torch.eye(3)[torch.randint(3, (n,), generator=generator)],
        "sound": torch.randn(n, 2, generator=generator),
    }


@pytest.fixture
def model():
    return away(models.create("mvae", **SMALL, sigma=0.7), scale=0.3)


class Affine(nn.Module):
    def __init__(self, w, b):
        super().__init__()
        self.w, self.b = nn.Parameter(w), nn.Parameter(b)

    def forward(self, z):
        return self.w * z + self.b


def exact_model():
    """The MVAE of the linear-Gaussian world, with the exact experts and thus the exact posterior of every subset."""
    w, b, sigma, joint = linear_gaussian()
    heads = {f"x{i}": GaussianNoiseHead(Affine(w[i], b[i]), sigma[i].item()) for i in range(3)}
    decoder = ModalityDecoders(heads, [2, 2, 2])
    return MVAE(StandardNormal(2).double(), decoder, exact_experts(w, b, sigma), distortion + rate), joint


@pytest.mark.parametrize("subset", SUBSETS[1:], ids=str)
def test_with_exact_experts_every_subset_s_bound_is_its_likelihood(subset):
    model, joint = exact_model()
    x = 2 * torch.randn(4, 6, dtype=torch.float64, generator=torch.Generator().manual_seed(5))
    marginal = joint.marginal([f"x{i}" for i in subset])
    seen = {f"x{i}": x[:, 2 * i : 2 * i + 2] for i in subset}
    exact = MultivariateNormal(marginal.bias, marginal.cov).log_prob(torch.cat(list(seen.values()), -1))
    for samples in (1, 7):
        torch.testing.assert_close(model.log_marginal(seen, samples), exact, rtol=0, atol=1e-9)
    torch.manual_seed(0)
    each = model.elbo({name: part.repeat(5000, 1) for name, part in seen.items()}).view(5000, 4)
    assert ((each.mean(0) - exact).abs() < 5 * each.std(0) / 5000**0.5).all()


@pytest.mark.parametrize("subset", [(0,), (1, 2), (0, 1, 2)], ids=str)
def test_with_other_experts_the_bound_is_below_and_importance_weights_close_it(subset):
    torch.manual_seed(0)
    model, joint = exact_model()
    x = 2 * torch.randn(4, 6, dtype=torch.float64, generator=torch.Generator().manual_seed(5))
    marginal = joint.marginal([f"x{i}" for i in subset])
    seen = {f"x{i}": x[:, 2 * i : 2 * i + 2] for i in subset}
    exact = MultivariateNormal(marginal.bias, marginal.cov).log_prob(torch.cat(list(seen.values()), -1))
    for expert in model.posterior.encoders.values():
        expert.b, expert.sigma = expert.b + 0.3, 1.5 * expert.sigma
    elbo = model.elbo(seen, 20_000)
    assert (elbo < exact - 0.05).all()
    many = model.log_marginal({name: part.repeat(50, 1) for name, part in seen.items()}, 2000).view(50, 4)
    ratio = (many - exact).exp()  # whose expectation is one
    error = ratio.std(0) / 50**0.5
    assert ((ratio.mean(0) - 1).abs() < 4 * error).all() and error.max() < 0.02


def test_the_loss_sums_minus_the_elbo_of_each_subset(model):
    x = model.join(parts())
    torch.manual_seed(3)
    subsets = model.subsets()
    torch.manual_seed(3)
    loss = torch.stack([model.loss(x.repeat(50, 1)).total.detach() for _ in range(200)])
    rows = [[True] * 3, *torch.eye(3, dtype=torch.bool).tolist()]
    assert subsets[:4].tolist() == rows and len(subsets) == 5 and subsets[4].sum() == 2
    elbos = {}
    for chosen in {tuple(r) for r in rows} | {(True, True, False), (True, False, True), (False, True, True)}:
        seen = {name: part for (name, part), there in zip(parts().items(), chosen, strict=True) if there}
        elbos[chosen] = model.elbo(seen, 4000).mean()
    pairs = [value for chosen, value in elbos.items() if sum(chosen) == 2]
    expected = -sum(elbos[tuple(r)] for r in rows) - sum(pairs) / 3
    assert loss.mean().item() == pytest.approx(expected.item(), abs=5 * loss.std().item() / len(loss) ** 0.5 + 0.05)


def test_the_rate_is_the_sum_of_every_subset_s_divergence(model):
    x = model.join(parts())
    subsets = torch.tensor([[1, 1, 1], [0, 1, 0], [1, 0, 1]], dtype=torch.bool)
    by_hand = 0
    for row in subsets:
        seen = {name: part for (name, part), there in zip(parts().items(), row, strict=True) if there}
        by_hand = by_hand + kl_divergence(model.infer(seen), model.prior()).mean()
    loss = model.objective(SubsetDraw(model, x, subsets))
    torch.testing.assert_close(loss.terms["rate"][1], by_hand)
    torch.testing.assert_close(loss.total, sum(w * v for w, v in loss.terms.values()))


def test_subsampling_can_be_left_out_and_pairs_have_no_other_subsets():
    joint_only = models.create("mvae", **SMALL, subsampled=False)
    assert joint_only.subsets().tolist() == [[True] * 3]
    pair = models.create("mvae", modalities={"a": (2, "bernoulli"), "b": (2, "bernoulli")}, z_dim=1)
    assert pair.subsets().tolist() == [[True, True], [True, False], [False, True]]
    drawn = {tuple(models.create("mvae", **SMALL).subsets()[4].tolist()) for _ in range(60)}
    assert len(drawn) == 3


@pytest.mark.parametrize("absent", list(SMALL["modalities"]))
def test_a_missing_modality_gets_and_gives_no_gradient_and_the_others_do(model, absent):
    model.loss({**parts(), absent: None}).total.backward()
    for side in (model.posterior.encoders, model.decoder.heads):
        for name, network in side.items():
            assert all(
                (p.grad is not None and p.grad.abs().sum() > 0) == (name != absent) for p in network.parameters()
            )
    assert all(p.grad.isfinite().all() for p in model.parameters() if p.grad is not None)


def test_rows_may_lack_different_modalities(model):
    x = model.join(parts())
    x[0, :5], x[1, 5:8], x[2, 5:] = torch.nan, torch.nan, torch.nan
    loss = model.loss(x)
    loss.total.backward()
    assert loss.total.isfinite() and all(p.grad.isfinite().all() and p.grad.abs().sum() > 0 for p in model.parameters())
    mean = model.infer(x).mean
    for row in range(3):
        torch.testing.assert_close(mean[row], model.infer(x[row : row + 1]).mean[0])
    assert not torch.allclose(mean, model.infer(parts()).mean)


def test_weights_change_the_loss_and_no_bound(model):
    heavy = away(models.create("mvae", **SMALL, sigma=0.7, weights={"label": 50.0}), scale=0.3)
    one, fifty = (_same_noise(m.loss, parts()) for m in (model, heavy))
    extra = 49 * one.terms["distortion of label"][1]
    torch.testing.assert_close(fifty.total, one.total + extra)
    torch.testing.assert_close(_same_noise(model.elbo, parts()), _same_noise(heavy.elbo, parts()))


def test_samples_and_generated_modalities_have_the_shapes_and_values_asked_for(model):
    torch.manual_seed(0)
    generated = model.generate({"label": torch.eye(3)})
    assert {name: tuple(x.shape) for name, x in generated.items()} == {
        "picture": (3, 5),
        "label": (3, 3),
        "sound": (3, 2),
    }
    assert model.decoder.refuse(model.join(generated)) is None
    assert torch.equal(model.split(model.join(parts()))["sound"], parts()["sound"])
    assert model.decoder.refuse(model.sample(50)) is None


def test_generated_modalities_are_drawn_from_p_given_the_others():
    """x0 given x1 in the linear-Gaussian world, whose conditional is exact."""
    torch.manual_seed(0)
    model, joint = exact_model()
    x1 = torch.tensor([[1.0, -2.0]], dtype=torch.float64)
    drawn = model.generate({"x1": x1.expand(40_000, 2)})["x0"]
    exact = joint.conditional("x0", "x1")
    sigma = exact.cov.diagonal().sqrt()
    assert ((drawn.mean(0) - (x1 @ exact.weight.mT + exact.bias)[0]).abs() < 5 * sigma / 200).all()
    error = ((sigma.outer(sigma).square() + exact.cov.square()) / 40_000).sqrt()  # a normal covariance's
    assert ((drawn.T.cov() - exact.cov).abs() < 5 * error).all()


PAIR = {"modalities": {"picture": (5, "bernoulli"), "label": (3, "categorical")}, "z_dim": 2, "hidden": (8,)}


def pairs(model, n=40, unlabelled=25):
    x = model.join({name: part for name, part in parts(n).items() if name in model.names})
    return model.without(x, "label", torch.arange(n) < unlabelled)


def test_without_takes_a_modality_from_the_rows_named_and_nothing_else(model):
    x = model.join(parts())
    less = model.without(x, "label", torch.tensor([True, False, True, False, False, False]))
    assert less[:, 5:8].isnan().all(1).tolist() == [True, False, True, False, False, False]
    assert torch.equal(less[:, :5], x[:, :5]) and torch.equal(less[:, 8:], x[:, 8:]) and not x.isnan().any()
    with pytest.raises(ValueError, match="unknown modality lable"):
        model.without(x, "lable", torch.zeros(6, dtype=torch.bool))


def test_the_semi_supervised_vae_has_the_elbo_of_what_each_row_holds():
    """-ELBO(x, y) where there is a label, -ELBO(x) where there is none; of every other subset nothing."""
    semi = away(models.create("mvae", **PAIR, subsampled=False), scale=0.3)
    x = pairs(semi)
    loss = torch.stack([_seeded(semi.loss, x, seed=seed).total.detach() for seed in range(400)])
    labelled, unlabelled = semi.elbo(x[25:], 4000), semi.elbo({"picture": x[:25, :5]}, 4000)
    expected = -torch.cat([unlabelled, labelled]).mean()
    assert loss.mean().item() == pytest.approx(expected.item(), abs=5 * loss.std().item() / 20 + 0.01)


def test_the_mvae_s_loss_is_the_semi_supervised_one_and_the_single_modalities():
    """The whole-x term of both is the same; on rows without a label the MVAE counts the picture's ELBO twice."""
    semi, both = (away(models.create("mvae", **PAIR, subsampled=s), scale=0.3) for s in (False, True))
    both.load_state_dict(semi.state_dict())
    x = pairs(semi)
    picture, label = torch.tensor([[True, False]]), torch.tensor([[False, True]])
    draws = [SubsetDraw(both, x, rows) for rows in (torch.tensor([[True, True]]), picture, label)]
    rates = [kl_divergence(draw.posterior, draw.prior).mean() for draw in draws]
    torch.testing.assert_close(semi.loss(x).terms["rate"][1], rates[0])
    torch.testing.assert_close(both.loss(x).terms["rate"][1], sum(rates))
    unlabelled = x[:25]
    rate = semi.loss(unlabelled).terms["rate"][1]
    torch.testing.assert_close(both.loss(unlabelled).terms["rate"][1], 2 * rate)
    torch.testing.assert_close(rate, kl_divergence(semi.infer({"picture": unlabelled[:, :5]}), semi.prior()).mean())
    torch.testing.assert_close(draws[2].posterior.mean[0, :25], torch.zeros(25, 2))  # no label: the prior


def test_a_label_s_networks_learn_from_the_labelled_rows_alone():
    semi = away(models.create("mvae", **PAIR, subsampled=False), scale=0.3)
    x = pairs(semi)
    for rows, reached in ((x[:25], False), (x[25:], True)):
        semi.zero_grad()
        semi.loss(rows).total.backward()
        for network in (semi.posterior.encoders["label"], semi.decoder.heads["label"]):
            grads = [p.grad for p in network.parameters()]
            assert all((g is not None and g.abs().sum() > 0) == reached for g in grads)


def test_labels_are_inferred_after_training_on_few_pairs():
    """The semi-supervised case: a label for one example in four."""
    generator = torch.Generator().manual_seed(0)
    label = torch.randint(3, (600,), generator=generator)
    prototypes = torch.tensor([[0.95] * 4 + [0.05] * 8, [0.05] * 4 + [0.95] * 4 + [0.05] * 4, [0.05] * 8 + [0.95] * 4])
    picture = torch.bernoulli(prototypes[label], generator=generator)
    modalities = {"picture": (12, "bernoulli"), "label": (3, "categorical")}
    model = models.create("mvae", modalities=modalities, z_dim=2, hidden=(16,), weights={"label": 3.0})
    x = model.join({"picture": picture, "label": torch.eye(3)[label]})
    x[::4, 12:], x[1::4, 12:], x[2::4, 12:] = torch.nan, torch.nan, torch.nan
    training.fit(model, x, steps=250, batch_size=100, lr=1e-2, progress=False)
    torch.manual_seed(0)
    inferred = model.decoder(model.infer({"picture": picture}).mean).parts["label"].probs.argmax(-1)
    assert (inferred == label).float().mean() > 0.9
    means = model.decoder(model.infer({"label": torch.eye(3)}).mean).parts["picture"].mean
    assert ((means - prototypes).abs().mean(1) < 0.3).all()


def test_the_set_ups_take_the_course_s_data():
    digits = data.load("colour_digits").test
    views = {name: view[:4].float() / 255 for name, view in digits.modalities.items()}
    model = models.create("mvae", modalities="colour_grey_edges", z_dim=3, hidden=(6,))
    assert model.loss(views).total.isfinite() and model.join(views).shape == (4, 3920)
    for rows in torch.cartesian_prod(*[torch.tensor([False, True])] * 3)[1:].tolist():
        seen = {name: view for (name, view), there in zip(views.items(), rows, strict=True) if there}
        drawn = model.generate(seen)
        assert [tuple(drawn[name].shape) for name in model.names] == [(4, 2352), (4, 784), (4, 784)]
        assert model.infer(seen).mean.isfinite().all() and model.log_marginal(seen, 3).isfinite().all()
    pair = {"digit": data.binarise(views["grey"]), "label": torch.eye(10)[digits.y[:4]]}
    assert models.create("mvae", hidden=(6,)).loss(pair).total.isfinite()


def test_seeds_repeat_and_files_keep_everything(model, tmp_path):
    again = away(models.create("mvae", **SMALL, sigma=0.7), scale=0.3)
    assert torch.equal(_same_noise(model.loss, parts()).total, _same_noise(again.loss, parts()).total)
    back = models.load(models.save(model, tmp_path / "mvae.safetensors"))
    assert back.names == model.names
    assert torch.equal(_same_noise(back.elbo, parts()), _same_noise(model.elbo, parts()))


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"modalities": "digits"}, "expected digit_label"),
        ({"modalities": {"a": (2, "bernoulli")}}, "two or more"),
        ({"modalities": {"a": (2, "bernoulli"), "b": (2, "poisson")}}, "unknown likelihood"),
        ({"weights": {"lable": 2.0}}, "unknown modality lable"),
        ({"weights": {"label": -1.0}}, ">= 0"),
    ],
)
def test_bad_settings_are_refused(settings, message):
    with pytest.raises(ValueError, match=message):
        models.create("mvae", **settings)


def test_nothing_becomes_nan_at_extreme_logits_or_experts():
    model = away(models.create("mvae", **SMALL), scale=0.3)
    with torch.no_grad():
        for network in (*model.decoder.heads.values(), *model.posterior.encoders.values()):
            for p in network.parameters():
                p.mul_(5)
    loss = model.loss({**parts(), "sound": None})
    loss.total.backward()
    assert loss.total.isfinite()
    assert all(p.grad.isfinite().all() for p in model.parameters() if p.grad is not None)


def test_double_precision_stays_double(model):
    x = model.join(parts()).double()
    model.double()
    assert model.loss(x).total.dtype == torch.float64
    assert {part.dtype for part in model.generate(x).values()} == {torch.float64}


def test_bad_data_are_refused_with_what_to_do(model):
    with pytest.raises(ValueError, match="unknown modality smell"):
        model.loss({"smell": torch.zeros(2, 1)})
    with pytest.raises(ValueError, match="at least one modality"):
        model.loss({"label": None})
    with pytest.raises(TypeError, match="one-hot"):
        model.loss({"label": torch.tensor([[0], [1]])})
    with pytest.raises(ValueError, match=r"'picture'.*binarise"):
        model.loss({**parts(), "picture": torch.full((6, 5), 0.5)})
    x = model.join(parts())
    x[0, 0] = torch.nan
    with pytest.raises(ValueError, match="NaN in part"):
        model.loss(x)


def _same_noise(call, *arguments):
    return _seeded(call, *arguments, seed=11)


def _seeded(call, *arguments, seed):
    torch.manual_seed(seed)
    return call(*arguments)
