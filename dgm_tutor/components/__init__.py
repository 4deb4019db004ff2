"""Components: modules that, called on their condition, return a distribution.

``posterior(x)``, ``decoder(z)`` and ``prior()`` all answer ``log_prob`` and ``rsample``/``sample``, with one event
dimension, so that any posterior goes with any prior and any decoder. Units are nats.
"""

from dgm_tutor.components.distributions import bernoulli, normal
from dgm_tutor.components.heads import (
    BernoulliHead,
    CategoricalHead,
    GaussianHead,
    GaussianNoiseHead,
    StandardNormal,
    Table,
)
from dgm_tutor.components.networks import At, FiLM, Linear, mlp

__all__ = [
    "At",
    "BernoulliHead",
    "CategoricalHead",
    "FiLM",
    "GaussianHead",
    "GaussianNoiseHead",
    "Linear",
    "StandardNormal",
    "Table",
    "bernoulli",
    "mlp",
    "normal",
]
