"""The flow recipes: exact densities, bounds below quadrature's log p(x), posteriors that tighten them, files, seeds."""

import math

import pytest
import torch

from dgm_tutor import data, evaluation, models, training
from dgm_tutor.components.flows import Flow
from tests.models.test_models import away, binary, exact_log_p

SMALL = {"x_dim": 6, "z_dim": 2, "hidden": (8,)}
LATENT = {
    "maf prior": ("flow_prior_vae", {"prior": "maf", "flow_hidden": (8,), **SMALL}),
    "naf prior": ("flow_prior_vae", {"prior": "naf", "layers": 1, "flow_hidden": (8,), **SMALL}),
    "real_nvp prior": ("flow_prior_vae", {"prior": "real_nvp", "flow_hidden": (8,), **SMALL}),
    "planar posterior": ("flow_posterior_vae", {"posterior": "planar", "context_dim": 4, **SMALL}),
    "radial posterior": ("flow_posterior_vae", {"posterior": "radial", "context_dim": 4, **SMALL}),
    "sylvester posterior": ("flow_posterior_vae", {"posterior": "sylvester", "context_dim": 4, **SMALL}),
    "iaf posterior": ("flow_posterior_vae", {"posterior": "iaf", "flow_hidden": (8,), "context_dim": 4, **SMALL}),
}
EXACT = {name: ("flow", {"transform": name, "layers": 2, "hidden": (8,)}) for name in ("maf", "naf", "real_nvp")}
EVERY = LATENT | EXACT


def made(case, seed=0):
    name, settings = EVERY[case]
    return away(models.create(name, seed=seed, **settings), scale=0.15)


def batch(model):
    return binary() if model.name != "flow" else torch.randn(12, 2, generator=torch.Generator().manual_seed(2))


@pytest.fixture(params=LATENT)
def latent(request):
    return made(request.param)


@pytest.fixture(params=EVERY)
def model(request):
    return made(request.param)


def test_p_sums_to_one_over_all_images(latent):
    images = torch.cartesian_prod(*[torch.tensor([0.0, 1.0])] * 6)
    with torch.no_grad():
        assert exact_log_p(latent, images, points=201, width=10.0).exp().sum().item() == pytest.approx(1.0, abs=2e-3)


def test_bounds_stay_below_log_p_and_tighten(latent):
    torch.manual_seed(0)
    x = binary()
    with torch.no_grad():
        exact = exact_log_p(latent, x, points=201, width=10.0).mean()
    elbo = latent.elbo(x, samples=2000).mean()
    few, many = (latent.log_marginal(x.repeat(r, 1), samples=k).mean() for r, k in ((200, 2), (20, 1000)))
    assert elbo < few < many
    assert many.item() == pytest.approx(exact.item(), abs=0.2)  # a planar q is thin in places: heavy-tailed weights
    assert elbo < exact - 0.01


def test_the_loss_is_minus_the_elbo(latent):
    torch.manual_seed(0)
    x = binary()
    with torch.no_grad():
        loss = torch.stack([latent.loss(x).total for _ in range(300)])
    elbo = latent.elbo(x, samples=2000).mean()
    assert loss.mean().item() == pytest.approx(-elbo.item(), abs=6 * loss.std().item() / 300**0.5)


def test_the_rate_is_log_q_less_log_p_at_the_z_that_is_decoded():
    model, x = made("iaf posterior"), binary()
    torch.manual_seed(0)
    loss = model.loss(x)
    torch.manual_seed(0)
    q = model.posterior(x)
    z_0 = q.base.rsample()
    z, log_det = q.transform(z_0, q.context)
    by_hand = q.base.log_prob(z_0) - log_det - torch.distributions.Normal(0.0, 1.0).log_prob(z).sum(-1)
    torch.testing.assert_close(loss.terms["rate"][1], by_hand.mean())
    torch.testing.assert_close(loss.terms["distortion"][1], -model.decoder(z).log_prob(x).mean())


def test_an_iaf_posterior_trains_and_is_evaluated_without_its_slow_direction(monkeypatch):
    model, x = made("iaf posterior"), binary()

    def slow(*_):
        raise AssertionError("the slow direction was run")

    for step in model.posterior.transform.transforms:
        monkeypatch.setattr(step, "inverse", slow)
    model.loss(x).total.backward()
    model.elbo(x, samples=3)
    model.log_marginal(x, samples=5)
    evaluation.rate_distortion(model, x)


def test_gradients_reach_every_parameter(model):
    model.loss(batch(model)).total.backward()
    assert [key for key, p in model.named_parameters() if p.grad is None or not p.grad.abs().sum() > 0] == []


def test_saved_models_come_back(model, tmp_path):
    back = models.load(models.save(model, tmp_path / "m.safetensors"))
    x = batch(model)
    losses = []
    for m in (model, back):
        torch.manual_seed(0)
        losses.append(m.loss(x).total)
    assert torch.equal(*losses)


@pytest.mark.parametrize("case", EVERY)
def test_seeds_repeat(case):
    name, settings = EVERY[case]
    histories = []
    for seed in (3, 3, 4):
        model = models.create(name, seed=seed, **settings)
        histories.append(training.fit(model, batch(model), steps=3, seed=seed, progress=False))
    column = next(iter(histories[0].columns))
    first, again, other = (h[column] for h in histories)
    assert torch.equal(first, again) and not torch.equal(first, other)
    torch.manual_seed(0)
    one = model.sample(5)
    torch.manual_seed(0)
    assert torch.equal(one, model.sample(5)) and one.shape == (5, model.x_dim)


def test_a_naf_prior_s_samples_come_back_through_its_numerical_inverse():
    prior = made("naf prior").double().prior()
    torch.manual_seed(0)
    z = prior.sample((200,))
    torch.manual_seed(0)
    noise = prior.base.sample((200,))
    torch.testing.assert_close(prior.transform.inverse(z)[0], noise, rtol=0, atol=1e-9)
    assert (z - noise).abs().max() > 0.1


def test_every_iaf_step_is_told_what_the_encoder_says():
    """The context through one step alone, the others without it, changes z each time."""
    model, x = made("iaf posterior"), binary()
    q, steps = model.posterior(x), model.posterior.transform.transforms
    z = q.base.sample()
    for told in steps:
        outputs = []
        for context in (q.context, q.context + 1):
            point = z
            for step in steps:
                point = step(point, context if step is told else q.context)[0]
            outputs.append(point)
        assert ((outputs[0] - outputs[1]).abs() > 1e-4).all()


def test_a_multi_scale_flow_of_images():
    model = away(models.create("flow", x_dim=16, transform="multi_scale", hidden=(4,)), scale=0.1).double()
    x, f = model.sample(8), model.density.transform
    z, log_det = f.inverse(x)
    torch.testing.assert_close(f(z)[0], x)
    torch.testing.assert_close(model.log_prob(x), torch.distributions.Normal(0, 1).log_prob(z).sum(-1) + log_det)
    with pytest.raises(ValueError, match="square image"):
        models.create("flow", x_dim=15, transform="multi_scale")


@pytest.mark.parametrize("case", EXACT)
def test_a_flow_s_log_prob_is_exact_and_its_loss_is_its_negative(case):
    model = made(case)
    line = torch.linspace(-12, 12, 401)
    mass = model.log_prob(torch.cartesian_prod(line, line)).double().exp().sum() * (24 / 400) ** 2
    assert mass.item() == pytest.approx(1.0, abs=2e-3)
    x = batch(model)
    torch.testing.assert_close(model.loss(x).total, -model.log_prob(x).mean())


def test_a_flow_learns_two_moons():
    moons = data.load("two_moons")
    model = models.create("flow", transform="naf", layers=2, hidden=(32,))
    training.fit(model, moons.train.x, steps=300, batch_size=256, lr=5e-3, progress=False)
    gap = (moons.density.log_prob(moons.test.x) - model.log_prob(moons.test.x)).mean()
    gaussian = torch.distributions.MultivariateNormal(moons.train.x.mean(0), moons.train.x.T.cov())
    worst = (moons.density.log_prob(moons.test.x) - gaussian.log_prob(moons.test.x)).mean()
    assert 0 < gap < 0.3 * worst


@pytest.mark.parametrize(("posterior", "layers"), [pytest.param("planar", 6, marks=pytest.mark.slow), ("iaf", 2)])
def test_c8_a_flow_posterior_is_closer_to_log_p_than_a_diagonal_one(posterior, layers):
    """One fixed decoder whose true posterior is bent: only q learns, so the gaps are the families' own."""
    torch.manual_seed(0)
    settings = {"x_dim": 2, "z_dim": 2, "hidden": (24,), "likelihood": "gaussian", "sigma": 0.5}
    x = torch.tensor([[1.5, 0.2], [0.3, -1.0], [2.0, 1.0], [0.7, 0.0]])
    gaps = {}
    for name, extra in (
        ("vae", {}),
        ("flow_posterior_vae", {"posterior": posterior, "layers": layers, "flow_hidden": (24,)}),
    ):
        model = models.create(name, **settings, **extra)
        model.decoder.network = Ring()
        optimizer = torch.optim.Adam(model.posterior.parameters(), lr=5e-3)
        for _ in range(400):
            loss = model.loss(x.repeat(32, 1)).total
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        torch.manual_seed(1)
        gaps[name] = (exact_log_p(model, x) - model.elbo(x, samples=4000)).mean().item()
    assert 0.01 < gaps["flow_posterior_vae"] < 0.75 * gaps["vae"]


class Ring(torch.nn.Module):
    """x sees z through its length and a product: posteriors are arcs, which no axis-parallel Gaussian is."""

    def forward(self, z):
        return torch.stack([z.norm(dim=-1), z[..., 0] * z[..., 1]], -1)


@pytest.mark.parametrize(
    ("name", "settings", "message"),
    [
        ("flow", {"transform": "glow"}, "expected one of maf, naf, real_nvp, multi_scale"),
        ("flow", {"transform": "real_nvp", "x_dim": 1}, "use maf"),
        ("flow_prior_vae", {"prior": "normal"}, "expected one of maf"),
        ("flow_posterior_vae", {"posterior": "maf"}, "expected one of iaf, planar, radial, sylvester"),
        ("flow_posterior_vae", {"context_dim": 0}, "would not know x"),
    ],
)
def test_bad_settings_are_refused_with_what_was_expected(name, settings, message):
    with pytest.raises(ValueError, match=message):
        models.create(name, **settings)


def test_a_flow_refuses_data_without_a_density():
    model = models.create("flow")
    with pytest.raises(ValueError, match="rand_like"):
        model.loss(torch.ones(4, 2))
    with pytest.raises(ValueError, match="NaN"):
        model.log_prob(torch.full((4, 2), math.nan))
    with pytest.raises(ValueError, match="x_dim=3"):
        model.log_prob(torch.rand(4, 3))
    with pytest.raises(models.Intractable, match="log_prob"):
        model.elbo(torch.rand(4, 2))
    with pytest.raises(models.Intractable, match="log_prob"):
        model.log_marginal(torch.rand(4, 2))


def test_the_posterior_and_the_prior_are_flows():
    assert isinstance(made("iaf posterior").posterior(binary()), Flow)
    assert isinstance(made("naf prior").prior(), Flow)
