"""Recipes: each model of the lecture as the components and the objective that its slide names.

>>> from dgm_tutor import models
>>> model = models.create("beta_vae", beta=4.0)
>>> print(model.objective)
1 distortion + 4 rate
"""

from dgm_tutor.models.base import Intractable, Model
from dgm_tutor.models.conditional import ConditionalBetaVAE
from dgm_tutor.models.finite import exact_loss, exact_world, finite_vae
from dgm_tutor.models.latent import LatentVariableModel
from dgm_tutor.models.registry import create, names
from dgm_tutor.models.storage import WEIGHTS, load, notes, save, shipped

__all__ = [
    "WEIGHTS",
    "ConditionalBetaVAE",
    "Intractable",
    "LatentVariableModel",
    "Model",
    "create",
    "exact_loss",
    "exact_world",
    "finite_vae",
    "load",
    "names",
    "notes",
    "save",
    "shipped",
]
