"""PixelCNN and PixelVAE: probabilities that sum to one, bounds that bound, levels with a KL each, files that keep."""

import pytest
import torch
from torch.distributions import kl_divergence

from dgm_tutor import evaluation, models
from dgm_tutor.components import CategoricalHead, ConvDecoder, PixelCNN, PixelDecoder, Table, mlp
from dgm_tutor.models.latent import LatentVariableModel
from dgm_tutor.models.pixel_vae import rate_1, rate_2
from dgm_tutor.objectives import Draw, distortion, rate
from tests.components.pixelcnn.networks import all_images
from tests.models.test_models import away, binary

SMALL = {"x_dim": 9, "layers": 2, "channels": 4}
SCALE = 0.1  # wide layers add many shaken weights: more, and sigma overflows
VAES = {  # 5 x 5 images have a coarse grid of 2 x 2, so that maps have an order
    "vector": {"z_dim": 2},
    "vector_maf": {"z_dim": 2, "prior": "autoregressive"},
    "map": {"x_dim": 25, "z_channels": 2},
    "map_pixelcnn": {"x_dim": 25, "z_channels": 2, "prior": "autoregressive"},
    "two_levels": {"z_dim": 2, "levels": 2},
    "two_levels_maf": {"z_dim": 2, "levels": 2, "prior": "autoregressive"},
    "two_levels_map": {"x_dim": 25, "z_dim": 3, "z_channels": 2, "levels": 2},
    "two_levels_map_pixelcnn": {"x_dim": 25, "z_dim": 3, "z_channels": 2, "levels": 2, "prior": "autoregressive"},
}
TWO_LEVELS = [kind for kind in VAES if kind.startswith("two")]


def pixel_vae(kind, scale=SCALE):
    """A small PixelVAE whose weights are away from initialisation, its loss the ELBO from the first step."""
    return away(models.create("pixel_vae", **SMALL | {"warm_up": 0} | VAES[kind]), scale=scale)


def images_for(model, n=12):
    return binary(n, model.x_dim)


@pytest.fixture(params=["pixelcnn", *VAES])
def model(request):
    return (
        away(models.create("pixelcnn", **SMALL), scale=SCALE)
        if request.param == "pixelcnn"
        else pixel_vae(request.param)
    )


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
    variance = ((q * given_z.square()).sum(0) - (q * given_z).sum(0).square())[::16] / 300  # the KL is exact
    assert ((estimate - elbo[::16]).abs() < 5 * variance.sqrt()).all()
    assert estimate.mean().item() == pytest.approx(
        elbo[::16].mean().item(), abs=4 * (variance.sum().sqrt() / 32).item()
    )


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


@pytest.mark.parametrize("kind", VAES)
def test_loss_is_minus_elbo_and_importance_sampling_tightens_it(kind):
    model = pixel_vae(kind)
    x = images_for(model)
    torch.manual_seed(0)
    losses = torch.stack([model.loss(x).total.detach() for _ in range(60)])
    elbo = model.elbo(x, samples=60).mean()
    assert losses.mean().item() == pytest.approx(
        -elbo.item(), abs=5 * losses.std().item() * (2 / 60) ** 0.5
    )  # both drawn
    assert elbo < model.log_marginal(x, samples=60).mean() < 0


@pytest.mark.parametrize("kind", TWO_LEVELS)
def test_two_levels_split_the_rate_into_their_two_kls(kind):
    """E_q(z_2|x) KL(q(z_1|x) || p(z_1|z_2)) + KL(q(z_2|x) || p(z_2)) = KL(q(z|x) || p(z)), by draws of either side."""
    model = pixel_vae(kind, scale=0.07)  # more, and log q - log p is too noisy to show a lost KL
    with torch.no_grad():
        model.posterior.heads[1].network.layers[-1].bias.chunk(2)[0].add_(1)  # mu_2: no KL is small
    x = images_for(model)
    loss = model.loss(x)
    assert list(loss.terms) == ["distortion", "rate_1", "rate_2"]
    torch.testing.assert_close(loss.total, sum(value for _, value in loss.terms.values()))
    torch.manual_seed(0)
    with torch.no_grad():
        draw = Draw(model, x.repeat(150, 1))
        whole = draw.posterior.log_prob(draw.z) - draw.prior.log_prob(draw.z)
        levels = [term.value(draw) for term in (rate_1, rate_2)]
    difference = (whole - sum(levels)).unflatten(0, (150, -1)).mean(1)  # the same z: their noise is mostly shared
    error = difference.std().item() / 150**0.5
    assert all(rate.mean() > 8 * error for rate in levels), "too few draws to miss a level"
    assert difference.mean().item() == pytest.approx(0.0, abs=4 * error)


@pytest.mark.parametrize("kind", TWO_LEVELS)
def test_the_decoder_sees_the_lower_level_alone(kind):
    model = pixel_vae(kind)
    x, dims = images_for(model), model.prior.dims
    z = torch.randn(12, *model.prior().event_shape, requires_grad=True)
    (gradient,) = torch.autograd.grad(model.decoder(z).log_prob(x).sum(), z)
    assert (gradient[:, :dims].abs() > 0).any(0).all() and (gradient[:, dims:] == 0).all()


@pytest.mark.parametrize("kind", ["two_levels", "two_levels_map"])
def test_the_upper_level_s_prior_is_a_chain(kind):
    model = pixel_vae(kind)
    torch.manual_seed(0)
    z = model.prior().sample((20_000,))
    z_1, z_2 = z.split([model.prior.dims, z.shape[-1] - model.prior.dims], -1)
    residual = (z_1 - model.prior.below(z_2).mean) / model.prior.below(z_2).stddev
    for normal in (z_2, residual):  # five standard errors of a standard normal's mean and standard deviation
        assert normal.mean(0).abs().max() < 5 / 20_000**0.5
        assert (normal.std(0) - 1).abs().max() < 5 / 40_000**0.5
    expected = model.prior.below(z_2).log_prob(z_1) + model.prior.top().log_prob(z_2)
    torch.testing.assert_close(model.prior().log_prob(z), expected)


@pytest.mark.parametrize("kind", [kind for kind in VAES if kind.endswith(("maf", "pixelcnn"))])
def test_samples_of_an_autoregressive_prior_have_its_density(kind):
    """E_p log p(z) by sampling p and by sampling another q with weights p/q: the same number, and E_q p/q = 1."""
    model = pixel_vae(kind)
    torch.manual_seed(0)
    with torch.no_grad():
        p = model.prior()
        own = p.log_prob(p.sample((2000,)))
        q = torch.distributions.Independent(torch.distributions.Normal(torch.zeros(p.event_shape), 1.3), 1)
        z = q.sample((2000,))
        log_p = p.log_prob(z)
        weight = (log_p - q.log_prob(z)).exp()
    error = weight.std().item() / 2000**0.5
    assert error < 0.3 and weight.mean().item() == pytest.approx(1.0, abs=4 * error)
    weighted = weight * (log_p - own.mean())
    assert weighted.mean().item() == pytest.approx(
        0.0, abs=4 * (weighted.std() ** 2 + own.std() ** 2).item() ** 0.5 / 2000**0.5
    )


def test_the_rate_is_annealed_in_training_and_whole_afterwards():
    model = models.create("pixel_vae", **SMALL, levels=2, warm_up=4)
    x = images_for(model)
    for weight in (0.0, 0.25, 0.5):
        loss = model.loss(x)
        assert [float(w) for w, _ in loss.terms.values()] == [1.0, weight, weight]
        loss.total.backward()
    assert [float(w) for w, _ in model.eval().loss(x).terms.values()] == [1.0, 1.0, 1.0]
    assert str(model.objective) == "1 distortion + 1 rate_1 + 1 rate_2"


def test_gradients_reach_every_parameter(model):
    model.loss(images_for(model)).total.backward()
    assert all(p.grad.abs().sum() > 0 for p in model.parameters())


def test_saved_models_come_back_and_seeds_repeat(model, tmp_path):
    back, x = models.load(models.save(model.eval(), tmp_path / "m.safetensors")), images_for(model)
    assert back.settings == model.settings
    torch.manual_seed(0)
    first, loss = model.sample(6), model.loss(x).total
    torch.manual_seed(0)
    again, loss_again = back.sample(6), back.loss(x).total
    assert first.shape == (6, model.x_dim) and torch.equal(first, again)
    torch.testing.assert_close(loss, loss_again)


def test_bad_data_are_refused_with_what_to_do(model):
    with pytest.raises(ValueError, match="binarise"):
        model.loss(torch.full((3, model.x_dim), 0.5))
    with pytest.raises(ValueError, match="x_dim=16"):
        model.loss(torch.zeros(3, 16))


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"x_dim": 10}, "square"),
        ({"levels": 3}, "1 or 2"),
        ({"prior": "maf"}, "autoregressive"),
        ({"z_channels": -1}, "or 0"),
        ({"likelihood": "gaussian"}, "logistic_mixture"),
    ],
)
def test_bad_settings_are_refused_with_what_was_expected(settings, message):
    with pytest.raises(ValueError, match=message):
        models.create("pixel_vae", **settings)
