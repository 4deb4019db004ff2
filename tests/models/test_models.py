"""The recipes: bounds bound, terms sum, gradients reach every parameter, files keep everything."""

import functools
import math

import pytest
import torch
from safetensors.torch import save_file

from dgm_tutor import models
from dgm_tutor.models.vae import vae

SMALL = {"x_dim": 6, "z_dim": 2, "hidden": (8,)}


def away(model, seed=1, scale=0.4):
    """The model with weights moved away from initialisation, where sigma is not 1."""
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for p in model.parameters():
            p.add_(scale * torch.randn(p.shape, generator=generator))
    return model


def binary(n=12, d=6, seed=2):
    return torch.bernoulli(torch.full((n, d), 0.4), generator=torch.Generator().manual_seed(seed))


@pytest.fixture(params=["vae", "beta_vae"])
def model(request):
    return away(models.create(request.param, **SMALL))


def exact_log_p(model, x, points=301, width=7.0):
    """log p(x) by quadrature over the two-dimensional z."""
    line = torch.linspace(-width, width, points)
    z = torch.cartesian_prod(line, line)
    log_joint = model.prior().log_prob(z)[:, None] + model.decoder(z[:, None]).log_prob(x)
    return log_joint.logsumexp(0) + 2 * math.log(2 * width / (points - 1))


def test_p_sums_to_one_over_all_images(model):
    images = torch.cartesian_prod(*[torch.tensor([0.0, 1.0])] * 6)
    assert exact_log_p(model, images).exp().sum().item() == pytest.approx(1.0, abs=1e-4)


def test_bounds_stay_below_log_p_and_tighten(model):
    torch.manual_seed(0)
    x = binary()
    exact = exact_log_p(model, x).mean()
    elbo = model.elbo(x, samples=4000).mean()
    few, many = (model.log_marginal(x.repeat(200, 1), samples=k).mean() for k in (2, 200))
    assert elbo < few < many
    assert many.item() == pytest.approx(exact.item(), abs=0.05)
    assert elbo < exact - 0.01


def test_beta_one_is_the_vae_and_beta_changes_only_the_weight():
    torch.manual_seed(0)
    x = binary()
    vae, beta_vae = (away(m) for m in (models.create("vae", **SMALL), models.create("beta_vae", beta=3.0, **SMALL)))
    torch.manual_seed(5)
    one = vae.loss(x)
    torch.manual_seed(5)
    three = beta_vae.loss(x)
    torch.testing.assert_close(three.total, one.terms["distortion"][1] + 3 * one.terms["rate"][1])
    torch.testing.assert_close(one.total, one.terms["distortion"][1] + one.terms["rate"][1])


def test_the_vae_s_loss_is_minus_its_elbo():
    model, x = away(models.create("vae", **SMALL)), binary()
    torch.manual_seed(0)
    loss = torch.stack([model.loss(x).total for _ in range(2000)])
    elbo = model.elbo(x, samples=2000).mean()
    assert loss.mean().item() == pytest.approx(-elbo.item(), abs=5 * loss.std().item() / 2000**0.5)


def test_gradients_reach_every_parameter(model):
    model.loss(binary()).total.backward()
    assert all(p.grad.abs().sum() > 0 for p in model.parameters())


def test_samples_have_the_model_s_mean(model):
    torch.manual_seed(0)
    samples = model.sample(20_000)
    images = torch.cartesian_prod(*[torch.tensor([0.0, 1.0])] * 6)
    mean = (exact_log_p(model, images).exp()[:, None] * images).sum(0)
    assert (samples.mean(0) - mean).abs().max() < 5 * 0.5 / 20_000**0.5


def test_beta_zero_leaves_the_rate_out():
    model, x = away(models.create("beta_vae", beta=0.0, **SMALL)), binary()
    loss = model.loss(x)
    torch.testing.assert_close(loss.total, loss.terms["distortion"][1])


def test_create_is_seeded_and_leaves_the_caller_s_random_state():
    torch.manual_seed(7)
    before = torch.get_rng_state()
    first, again, other = (models.create("vae", seed=s, **SMALL) for s in (3, 3, 4))
    assert torch.equal(before, torch.get_rng_state())
    weight = "posterior.network.0.weight"
    assert torch.equal(first.state_dict()[weight], again.state_dict()[weight])
    assert not torch.equal(first.state_dict()[weight], other.state_dict()[weight])


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"beta": -1.0}, "maximise"),
        ({"beta": float("nan")}, "number >= 0"),
        ({"beta": (2.0, 1.0)}, "lowest < highest"),
        ({"bta": 2.0}, "no setting bta; it has beta"),
        ({"likelihood": "poisson"}, "expected 'bernoulli'"),
        ({"likelihood": "gaussian", "sigma": 0.0}, "positive"),
    ],
)
def test_bad_settings_are_refused_with_what_was_expected(settings, message):
    with pytest.raises(ValueError, match=message):
        models.create("beta_vae", **settings)


def test_an_unknown_name_suggests_a_known_one():
    with pytest.raises(ValueError, match="did you mean 'beta_vae'"):
        models.create("betavae")


def test_bad_data_are_refused_with_what_to_do(model):
    with pytest.raises(ValueError, match="binarise"):
        model.loss(torch.full((3, 6), 0.5))
    with pytest.raises(ValueError, match="x_dim=5"):
        model.loss(torch.zeros(3, 5))
    with pytest.raises(TypeError, match=r"pixels"):
        model.elbo(torch.zeros(3, 6, dtype=torch.uint8))
    with pytest.raises(ValueError, match="unsqueeze"):
        model.loss(torch.zeros(6))


def test_exact_log_prob_is_intractable_and_says_what_to_use(model):
    with pytest.raises(models.Intractable, match="log_marginal"):
        model.log_prob(binary())


def test_a_conditional_model_at_beta_is_the_beta_vae_with_its_weights():
    family = away(models.create("beta_vae", beta=(0.1, 10.0), **SMALL))
    x = binary()
    one = family.at(1.0)
    torch.manual_seed(0)
    loss = one.loss(x)
    torch.testing.assert_close(loss.total, loss.terms["distortion"][1] + loss.terms["rate"][1])
    assert (family.at(0.1).posterior(x).mean - family.at(10.0).posterior(x).mean).abs().max() > 1e-3
    with pytest.raises(ValueError, match="0.1 to 10.0"):
        family.at(11.0)
    with pytest.raises(models.Intractable, match=r"at\(beta\)"):
        family.elbo(x)


def test_a_conditional_model_weighs_each_example_by_its_own_beta():
    family, x = away(models.create("beta_vae", beta=(0.1, 10.0), **SMALL)), binary()
    beta = torch.logspace(-1, 1, len(x))
    torch.manual_seed(0)
    together = family._at(beta).loss(x).total
    torch.manual_seed(0)
    model = family._at(beta)
    q = model.posterior(x)
    z = q.rsample()
    kl = torch.distributions.kl_divergence(q, model.prior())
    by_hand = (-model.decoder(z).log_prob(x) + beta * kl).mean()
    torch.testing.assert_close(together, by_hand)


@pytest.mark.parametrize("beta", [2.5, (0.1, 10.0)])
def test_saved_models_come_back(tmp_path, beta):
    model = away(models.create("beta_vae", beta=beta, **SMALL))
    path = models.save(model, tmp_path / "m.safetensors", notes={"elbo": -1.5})
    back = models.load(path)
    assert back.name == "beta_vae" and back.settings == model.settings and models.notes(path) == {"elbo": -1.5}
    for key, value in model.state_dict().items():
        assert torch.equal(value, back.state_dict()[key])


def test_half_size_files_keep_three_digits(tmp_path):
    model = away(models.create("vae", **SMALL))
    full, half = (models.save(model, tmp_path / f"{h}.safetensors", half=h) for h in (False, True))
    assert half.stat().st_size < 0.8 * full.stat().st_size
    for key, value in model.state_dict().items():
        torch.testing.assert_close(models.load(half).state_dict()[key], value, rtol=1e-3, atol=1e-6)


def test_half_size_files_leave_integers_alone(tmp_path, monkeypatch):
    @functools.wraps(vae)
    def counting(**settings):
        model = vae(**settings)
        model.register_buffer("seen", torch.tensor(2**24 + 1))  # neither 16 nor 32 bits of float hold it
        return model

    monkeypatch.setitem(models.registry.RECIPES, "counting", counting)
    for half in (False, True):
        back = models.load(models.save(models.create("counting", **SMALL), tmp_path / "m.safetensors", half=half))
        assert back.seen.dtype == torch.int64 and back.seen.item() == 2**24 + 1


def test_foreign_files_are_refused(tmp_path):
    with pytest.raises(FileNotFoundError, match="shipped"):
        models.load(tmp_path / "nothing")
    save_file({"a": torch.zeros(1)}, tmp_path / "other.safetensors")
    with pytest.raises(ValueError, match=r"models\.save"):
        models.load(tmp_path / "other.safetensors")
    (tmp_path / "torn.safetensors").write_bytes(b"not safetensors")
    with pytest.raises(ValueError, match=r"models\.save"):
        models.load(tmp_path / "torn.safetensors")
