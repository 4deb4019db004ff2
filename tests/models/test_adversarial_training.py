"""Short trainings of the games' recipes: none ends in NaN, and each comes closer to what it aims at."""

import pytest
import torch

from dgm_tutor import data, evaluation, models, training
from dgm_tutor.objectives import squared_mmd
from dgm_tutor.objectives.adversarial import KINDS as GAMES

QUICK = [
    *(("gan", {"game": game, "output": "real", "x_dim": 2, "z_dim": 2, "hidden": (32, 32)}) for game in GAMES),
    *(("aae", {"game": game, "prior": "swiss_roll"}) for game in GAMES),
    ("info_vae", {}),
    ("info_vae", {"divergence": "adversarial", "lam": 1.0}),
    ("beta_tc_vae", {"examples": 1000}),
    ("labelled_aae", {}),
    *(("lag_vae", {"information": information}) for information in ("most", "least")),
]


@pytest.mark.slow
@pytest.mark.parametrize(("name", "settings"), QUICK, ids=lambda value: str(value))
def test_ten_of_ten_seeds_end_without_nan(name, settings):
    if name == "gan":
        x, _ = data.densities.mixture.sample(1000, torch.Generator().manual_seed(0))
    else:
        settings = {"z_dim": 2, "hidden": (32,), **settings}
        x = data.binarise(data.load("mnist").train.pixels().flatten(1)[:1000])
    for seed in range(10):
        model = models.create(name, seed=seed, **settings)
        joined = model.join(x, torch.arange(1000) % 11 - 1) if name == "labelled_aae" else x
        history = training.fit(model, joined, steps=60, batch_size=64, seed=seed, progress=False, device="cpu")
        assert all(history[column].isfinite().all() for column in history.columns)
        assert model.sample(10).isfinite().all()


@pytest.mark.slow
def test_a_gan_comes_close_to_the_data():
    x, _ = data.densities.mixture.sample(4000, torch.Generator().manual_seed(0))
    model = models.create("gan", game="least_squares", output="real", x_dim=2, z_dim=2, hidden=(64, 64))
    before = squared_mmd(model.sample(1000), x[:1000])
    training.fit(model, x, steps=800, progress=False, device="cpu")
    assert squared_mmd(model.sample(1000), x[:1000]) < before / 5


@pytest.mark.slow
def test_a_wasserstein_game_needs_more_than_one_step_of_its_critic():
    x, _ = data.densities.mixture.sample(4000, torch.Generator().manual_seed(0))

    def distance(critic_steps):
        settings = {"game": "wasserstein", "output": "real", "x_dim": 2, "z_dim": 2, "hidden": (64, 64)}
        model = models.create("gan", critic_steps=critic_steps, **settings)
        training.fit(model, x, steps=800, progress=False, device="cpu")
        return squared_mmd(model.sample(2000), x[:2000], bandwidth="median")

    assert distance(5) < distance(1) / 3


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "settings", "unmatched"),
    [
        ("aae", {"prior": "swiss_roll"}, {"prior": "swiss_roll", "weight": 0.0}),
        ("info_vae", {"alpha": 1.0, "lam": 500.0}, {"alpha": 1.0, "lam": 0.0}),
    ],
)
def test_the_aggregate_posterior_is_nearer_to_the_prior_than_without_the_divergence(name, settings, unmatched):
    x = data.binarise(data.load("mnist").train.pixels().flatten(1)[:2000])

    def distance(chosen):
        model = models.create(name, z_dim=2, hidden=(64,), **chosen)
        training.fit(model, x, steps=300, progress=False, device="cpu")
        with torch.no_grad():
            return squared_mmd(model.posterior(x).rsample(), model.prior().sample((2000,)), bandwidth="median")

    assert distance(settings) < distance(unmatched) / 3


@pytest.mark.slow
def test_an_aae_takes_the_shape_of_a_mixture_and_not_its_moments_alone():
    """Nearer on held-out digits than a Gaussian with the mixture's own mean and covariance: the shape is there."""
    digits = data.load("mnist")
    train, test = (evaluation.resized(half.pixels().flatten(1), 14) for half in (digits.train, digits.test))
    model = models.create("aae", prior="mixture", x_dim=196, z_dim=2, hidden=(128,))
    training.fit(model, train, steps=2000, transform=data.binarise, progress=False, device="cpu")
    torch.manual_seed(0)
    with torch.no_grad():
        z = model.posterior(data.binarise(test[:1000])).rsample()
    truth = model.prior().sample((1000,))
    blurred = torch.distributions.MultivariateNormal(truth.mean(0), truth.T.cov()).sample((1000,))

    def distance(points):
        return squared_mmd(points, truth, bandwidth="median").item()

    assert distance(z) < distance(blurred)
