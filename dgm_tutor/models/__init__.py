"""Recipes: each model of the lecture as the components and the objective that its slide names.

>>> from dgm_tutor import models
>>> model = models.create("beta_vae", beta=4.0)
>>> print(model.objective)
1 distortion + 4 rate
"""

from dgm_tutor.models.base import Intractable, Model
from dgm_tutor.models.conditional import ConditionalBetaVAE
from dgm_tutor.models.finite import exact_draw, exact_loss, exact_world, finite_vae, table_model
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
    "exact_draw",
    "exact_loss",
    "exact_world",
    "finite_vae",
    "load",
    "names",
    "notes",
    "save",
    "shipped",
    "table",
    "table_model",
]


def table():
    """The lecture's map from the code: components, players and losses of every recipe, and the family's weights (D17).

    Printed, or shown in a notebook; ``.recipes`` and ``.family`` are its rows.
    """
    from dgm_tutor.models import overview  # sympy, which the rest of the package does without

    return overview.table()
