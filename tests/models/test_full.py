"""The papers' sizes: each is a model that takes a step, and is rebuilt from its file."""

import inspect

import pytest
import torch

from dgm_tutor import data, models
from dgm_tutor.models.full import FULL
from dgm_tutor.models.registry import RECIPES

LONG = {"pixelcnn", "vrnn", "rnn", "pixel_vae", "flow_gan"}  # seconds


def test_every_recipe_has_a_full_configuration_of_settings_that_it_knows():
    assert set(FULL) == set(RECIPES)
    for name, (settings, source) in FULL.items():
        assert settings.keys() <= inspect.signature(RECIPES[name]).parameters.keys()
        assert any(year.isdigit() for year in source.replace(",", " ").split())


def batch(name, model):
    """Two examples of the kind that the model takes."""
    generator = torch.Generator().manual_seed(0)
    if name == "flow":
        return torch.randn(2, 2, generator=generator)
    if name == "mvae":
        return model.sample(2)
    if name in ("rnn", "vrnn"):
        return torch.bernoulli(torch.full((2, 2 * 28), 0.4), generator=generator)  # two steps of 28
    if name == "labelled_aae":
        return model.join(data.binarise(torch.rand(2, 784, generator=generator), generator), torch.tensor([3, 7]))
    grey = torch.rand(2, 784, generator=generator)
    return grey if name in ("gan", "flow_gan") else data.binarise(grey, generator)


@pytest.mark.parametrize("name", [pytest.param(n, marks=[pytest.mark.slow] if n in LONG else []) for n in RECIPES])
def test_a_full_configuration_takes_a_step(name):
    model = models.create(name, full=True)
    torch.manual_seed(0)
    x = model.checked(batch(name, model))
    for player in model.players():
        player.loss(x).total.backward(inputs=player.parameters)
        assert all(p.grad is not None and p.grad.isfinite().all() for p in player.parameters)


def test_what_is_said_overrides_the_paper_and_files_keep_both(tmp_path):
    model = models.create("vae", full=True, z_dim=3)
    assert model.settings == {"z_dim": 3, "hidden": (500,)}
    again = models.load(models.save(model, tmp_path / "vae.safetensors"))
    assert all(torch.equal(a, b) for a, b in zip(model.state_dict().values(), again.state_dict().values(), strict=True))
