"""A stack of models trains each as if it were alone."""

import pytest
import torch

from dgm_tutor import models, training
from dgm_tutor.objectives import annealed, distortion, rate
from tests.training.test_fit import SMALL, patterns

BETAS = [0.1, 1.0, 6.0]


def family(**settings):
    return [models.create("beta_vae", beta=b, seed=i, **(SMALL | settings)) for i, b in enumerate(BETAS)]


def test_each_member_is_the_model_trained_alone():
    settings = {"steps": 60, "batch_size": 32, "lr": 1e-2, "seed": 3, "progress": False}
    together, alone = family(), family()
    history = training.sweep(together, patterns(), **settings)
    for index, model in enumerate(alone):
        single = training.fit(model, patterns(), **settings)
        for key, value in model.state_dict().items():
            torch.testing.assert_close(together[index].state_dict()[key], value, rtol=1e-3, atol=1e-4)
        column = history["autoencoder/total"][:, index]
        torch.testing.assert_close(column, single["autoencoder/total"], rtol=1e-3, atol=1e-3)


def test_the_rate_falls_as_beta_grows():
    members = family()
    training.sweep(members, patterns(), steps=400, batch_size=64, lr=1e-2, progress=False)
    q = [torch.distributions.kl_divergence(m.posterior(patterns()), m.prior()).mean() for m in members]
    assert q[0] > q[1] > q[2]


def test_a_stopped_sweep_resumes_exactly(tmp_path):
    settings = {"batch_size": 32, "lr": 1e-2, "progress": False}
    straight, resumed = family(), family()
    training.sweep(straight, patterns(), steps=40, **settings)
    training.sweep(resumed, patterns(), steps=15, checkpoint=tmp_path / "s.safetensors", **settings)
    training.sweep(resumed, patterns(), steps=40, checkpoint=tmp_path / "s.safetensors", **settings)
    for a, b in zip(straight, resumed, strict=True):
        assert all(torch.equal(x, b.state_dict()[k]) for k, x in a.state_dict().items())


def test_models_of_different_shapes_are_refused():
    with pytest.raises(ValueError, match="one shape"):
        training.Ensemble([models.create("vae", **SMALL), models.create("vae", **(SMALL | {"hidden": (9,)}))])


def test_layers_that_cannot_be_stacked_are_named():
    def with_a_batch_norm():
        model = models.create("vae", **SMALL)
        model.posterior.network[1] = torch.nn.BatchNorm1d(8)
        return model

    with pytest.raises(ValueError, match="BatchNorm1d.*one by one"):
        training.Ensemble([with_a_batch_norm(), with_a_batch_norm()])


def test_annealed_objectives_are_refused_with_what_to_do():
    def annealed_vae():
        model = models.create("vae", **SMALL)
        model.objective = distortion + annealed(rate, 10)
        return model

    for pair in ([annealed_vae(), annealed_vae()], [models.create("vae", **SMALL), annealed_vae()]):
        with pytest.raises(ValueError, match=r"annealed .* one by one"):
            training.Ensemble(pair)


def test_models_with_terms_of_their_own_are_refused_with_what_to_do():
    """An MMD or a critic belongs to its model: the stack has no one term for all of them."""
    for name in ("info_vae", "aae"):
        members = [models.create(name, x_dim=6, z_dim=2, hidden=(8,), seed=seed) for seed in (0, 1)]
        with pytest.raises(ValueError, match="terms of their own.*one by one"):
            training.sweep(members, patterns(), steps=1, progress=False)
    with pytest.raises(ValueError, match="at least one model"):
        training.sweep([], patterns(), steps=1, progress=False)
