"""PixelCNN and PixelVAE: probabilities that sum to one, bounds that bound, levels with a KL each, files that keep."""

import pytest
import torch
from torch.distributions import kl_divergence

from dgm_tutor import evaluation, models
from dgm_tutor.components import CategoricalHead, ConvDecoder, PixelCNN, PixelDecoder, Table, mlp
from dgm_tutor.models.latent import LatentVariableModel
from dgm_tutor.objectives import distortion, rate
from tests.components.pixelcnn.networks import all_images
from tests.models.test_models import away, binary

SMALL = {"x_dim": 9, "layers": 2, "channels": 4}
SCALE = 0.1  # wide layers add many shaken weights: more, and sigma overflows
RECIPES = [("pixelcnn", {}), ("pixel_vae", {"z_dim": 2}), ("pixel_vae", {"z_dim": 2, "levels": 2})]


@pytest.fixture(params=RECIPES, ids=["pixelcnn", "pixel_vae", "two_levels"])
def model(request):
    name, settings = request.param
    return away(models.create(name, **SMALL, **settings), scale=SCALE)


def discrete_pixel_vae():
    """A PixelVAE over 3 x 3 images whose z is one of three codes: every sum can be done."""
    torch.manual_seed(0)
    decoder = PixelDecoder(
        ConvDecoder(3, (3, 3), features=2, channels=3),
        PixelCNN((3, 3), channels=4, layers=2, condition=2, first_kernel=3),
    )
    posterior = CategoricalHead(mlp([9, 8, 3]))
    model = LatentVariableModel(Table(torch.tensor([0.5, 0.3, 0.2])), decoder, posterior, distortion + rate, 9)
    return away(model, scale=0.5).double()


def test_pixel_vae_with_discrete_z_sums_to_one_and_its_elbo_is_below_log_p():
    model, images, codes = discrete_pixel_vae(), all_images(), torch.eye(3, dtype=torch.float64)
    with torch.no_grad():
        given_z = model.decoder(codes[:, None]).log_prob(images)  # (3, 512)
        log_p = (model.prior().log_prob(codes)[:, None] + given_z).logsumexp(0)
        q = model.posterior(images).probs.T
        elbo = (q * given_z).sum(0) - kl_divergence(model.posterior(images), model.prior())
    assert log_p.exp().sum().item() == pytest.approx(1.0, abs=1e-12)
    assert (elbo < log_p - 1e-9).all()
    assert (given_z.std(0) > 0.1).any(), "z must matter, or there is nothing to bound"
    torch.manual_seed(0)
    estimate = evaluation.elbo(model, images[::16], samples=300)
    assert (estimate - elbo[::16]).abs().max() < 0.2
    assert estimate.mean().item() == pytest.approx(elbo[::16].mean().item(), abs=0.03)


def test_pixelcnn_recipe_sums_to_one_and_its_loss_is_minus_log_prob():
    model = away(models.create("pixelcnn", **SMALL)).double()
    assert model.log_prob(all_images()).exp().sum().item() == pytest.approx(1.0, abs=1e-12)
    x = all_images()[::50]
    loss = model.loss(x)
    torch.testing.assert_close(loss.total, -model.log_prob(x).mean())
    assert str(model.objective) == "1 negative_log_likelihood"


@pytest.mark.parametrize("likelihood", ["categorical", "logistic_mixture"])
def test_grey_levels_sum_to_one(likelihood):
    settings = {"x_dim": 4, "layers": 2, "channels": 4, "likelihood": likelihood, "grey_levels": 3}
    model = away(models.create("pixelcnn", **settings)).double()
    assert model.log_prob(all_images(4, 3)).exp().sum().item() == pytest.approx(1.0, abs=1e-12)
    assert model.checked(model.sample(5)).shape == (5, 4)


def test_pixelcnn_has_no_bounds_and_says_that_log_prob_is_exact():
    model = models.create("pixelcnn", **SMALL)
    with pytest.raises(models.Intractable, match="log_prob"):
        model.elbo(binary(d=9))
    with pytest.raises(models.Intractable, match="log_prob"):
        model.log_marginal(binary(d=9))


@pytest.mark.parametrize("levels", [1, 2])
def test_loss_is_minus_elbo_and_importance_sampling_tightens_it(levels):
    model, x = away(models.create("pixel_vae", **SMALL, z_dim=2, levels=levels), scale=SCALE), binary(d=9)
    torch.manual_seed(0)
    losses = torch.stack([model.loss(x).total.detach() for _ in range(150)])
    elbo = model.elbo(x, samples=400).mean()
    assert losses.mean().item() == pytest.approx(-elbo.item(), abs=6 * losses.std().item() / 150**0.5)
    assert elbo < model.log_marginal(x, samples=200).mean() < 0


def test_two_levels_split_the_rate_into_their_two_kls():
    """E_q(z_2|x) KL(q(z_1|x) || p(z_1|z_2)) + KL(q(z_2|x) || p(z_2)) = KL(q(z|x) || p(z)), by 20,000 draws."""
    model, x = away(models.create("pixel_vae", **SMALL, z_dim=2, levels=2), scale=SCALE).double(), binary(d=9).double()
    loss = model.loss(x)
    assert list(loss.terms) == ["distortion", "rate_1", "rate_2"]
    torch.testing.assert_close(loss.total, sum(value for _, value in loss.terms.values()))
    torch.manual_seed(0)
    with torch.no_grad():
        q, p = model.posterior(x), model.prior()
        z = q.sample((20_000,))
        draws = q.log_prob(z) - p.log_prob(z)
        terms = [model.loss(x.repeat(300, 1)).terms[name][1] for name in ("rate_1", "rate_2")]
    assert terms[0] > 0.01 and terms[1] > 0.01
    assert sum(terms).item() == pytest.approx(draws.mean().item(), abs=0.05)


def test_the_decoder_sees_the_lower_level_alone():
    model, x = away(models.create("pixel_vae", **SMALL, z_dim=2, levels=2), scale=SCALE), binary(d=9)
    z = torch.randn(12, 4, requires_grad=True)
    (gradient,) = torch.autograd.grad(model.decoder(z).log_prob(x).sum(), z)
    assert (gradient[:, :2].abs() > 0).any() and (gradient[:, 2:] == 0).all()


def test_the_upper_level_s_prior_is_a_chain():
    model = away(models.create("pixel_vae", **SMALL, z_dim=2, levels=2), scale=SCALE)
    torch.manual_seed(0)
    z = model.prior().sample((50_000,))
    z_1, z_2 = z.chunk(2, -1)
    assert z_2.mean(0).abs().max() < 0.03 and (z_2.std(0) - 1).abs().max() < 0.03
    residual = (z_1 - model.prior.below(z_2).mean) / model.prior.below(z_2).stddev
    assert residual.mean(0).abs().max() < 0.03 and (residual.std(0) - 1).abs().max() < 0.03
    expected = model.prior.below(z_2).log_prob(z_1) + model.prior.top().log_prob(z_2)
    torch.testing.assert_close(model.prior().log_prob(z), expected)


def test_gradients_reach_every_parameter(model):
    model.loss(binary(d=9)).total.backward()
    assert all(p.grad.abs().sum() > 0 for p in model.parameters())


def test_saved_models_come_back_and_seeds_repeat(model, tmp_path):
    back, x = models.load(models.save(model, tmp_path / "m.safetensors")), binary(d=9)
    assert back.settings == model.settings
    torch.manual_seed(0)
    first, loss = model.sample(6), model.loss(x).total
    torch.manual_seed(0)
    again, loss_again = back.sample(6), back.loss(x).total
    assert first.shape == (6, 9) and torch.equal(first, again)
    torch.testing.assert_close(loss, loss_again)


def test_bad_data_are_refused_with_what_to_do(model):
    with pytest.raises(ValueError, match="binarise"):
        model.loss(torch.full((3, 9), 0.5))
    with pytest.raises(ValueError, match="x_dim=16"):
        model.loss(torch.zeros(3, 16))


@pytest.mark.parametrize(
    ("settings", "message"),
    [({"x_dim": 10}, "square"), ({"levels": 3}, "1 or 2"), ({"likelihood": "gaussian"}, "logistic_mixture")],
)
def test_bad_settings_are_refused_with_what_was_expected(settings, message):
    with pytest.raises(ValueError, match=message):
        models.create("pixel_vae", **settings)
