"""Models by name."""

import difflib
import inspect
from collections.abc import Sequence
from numbers import Integral, Real

import numpy as np
import torch

from dgm_tutor.models.aae import aae
from dgm_tutor.models.base import Model
from dgm_tutor.models.beta_tc_vae import beta_tc_vae
from dgm_tutor.models.beta_vae import beta_vae
from dgm_tutor.models.flow import flow
from dgm_tutor.models.flow_gan import flow_gan
from dgm_tutor.models.flow_posterior_vae import flow_posterior_vae
from dgm_tutor.models.flow_prior_vae import flow_prior_vae
from dgm_tutor.models.full import full_settings
from dgm_tutor.models.gan import gan
from dgm_tutor.models.info_gan import info_gan
from dgm_tutor.models.info_vae import info_vae
from dgm_tutor.models.labelled_aae import labelled_aae
from dgm_tutor.models.lag_vae import lag_vae
from dgm_tutor.models.mvae import mvae
from dgm_tutor.models.pixel_vae import pixel_vae
from dgm_tutor.models.pixelcnn import pixelcnn
from dgm_tutor.models.rnn import rnn
from dgm_tutor.models.vae import vae
from dgm_tutor.models.vae_gan import vae_gan
from dgm_tutor.models.vrnn import vrnn

RECIPES = {
    "aae": aae,
    "beta_tc_vae": beta_tc_vae,
    "beta_vae": beta_vae,
    "flow": flow,
    "flow_gan": flow_gan,
    "flow_posterior_vae": flow_posterior_vae,
    "flow_prior_vae": flow_prior_vae,
    "gan": gan,
    "info_gan": info_gan,
    "info_vae": info_vae,
    "labelled_aae": labelled_aae,
    "lag_vae": lag_vae,
    "mvae": mvae,
    "pixel_vae": pixel_vae,
    "pixelcnn": pixelcnn,
    "rnn": rnn,
    "vae": vae,
    "vae_gan": vae_gan,
    "vrnn": vrnn,
}


def names() -> list[str]:
    """The names that ``create`` knows."""
    return list(RECIPES)


def create(name: str, seed: int = 0, full: bool = False, **settings) -> Model:
    """The model of that name, freshly initialised.

    Args:
        name: one of ``names()``.
        seed: of the initial weights; the caller's random state is left as it was.
        full: the paper's sizes (``models.full.FULL`` names the sources) where ``settings`` say nothing else.
        settings: the recipe's own, see for example ``help(models.registry.RECIPES["beta_vae"])``.

    Raises:
        ValueError: unknown name or setting, or a value that makes no sense; the message says what was expected.
    """
    if name not in RECIPES:
        close = difflib.get_close_matches(str(name).lower(), RECIPES, n=1)
        hint = f"; did you mean {close[0]!r}?" if close else ""
        raise ValueError(f"unknown model {name!r}, expected one of {', '.join(RECIPES)}{hint}")
    recipe = RECIPES[name]
    known = inspect.signature(recipe).parameters
    if unknown := set(settings) - set(known):
        raise ValueError(f"{name} has no setting {', '.join(sorted(unknown))}; it has {', '.join(known)}")
    settings = {key: value.item() if isinstance(value, np.generic) else value for key, value in settings.items()}
    for setting, value in settings.items():
        _check_kind(name, setting, value, known[setting].annotation)
    if full:
        settings = full_settings(name) | settings
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model = recipe(**settings)
    model.name, model.settings = name, settings
    # past nn.Module, which would keep an annealed objective's state twice
    vars(model)["own_objective"] = getattr(model, "objective", None)
    return model


def _check_kind(name: str, setting: str, value: object, kind: object) -> None:
    """ValueError where a value is not of the kind that the recipe's signature declares; the recipe judges the rest."""
    expected, fits = KINDS.get(kind, ("", lambda value: True))
    if not fits(value):
        raise ValueError(f"{name}: {setting}={value!r}: expected {expected}")


def _whole(value: object) -> bool:
    return isinstance(value, Integral) and not isinstance(value, bool)


KINDS = {
    int: ("a whole number", _whole),
    float: ("a number", lambda value: isinstance(value, Real)),
    Sequence[int]: ("sizes of layers, such as (256, 128)", lambda v: isinstance(v, Sequence) and all(map(_whole, v))),
}
"""A setting's annotation to what it says in words, and a test of a value; others have none."""
