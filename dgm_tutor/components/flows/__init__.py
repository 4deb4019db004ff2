"""Normalising flows: invertible transforms with exact log-determinants, and the distributions that they make.

>>> prior = FlowPrior(StandardNormal(2), maf(2))
>>> prior().log_prob(x)  # (n,) nats, exact
"""

from dgm_tutor.components.flows.autoregressive import Autoregressive, iaf, maf, naf
from dgm_tutor.components.flows.coupling import AffineCoupling, multi_scale, real_nvp
from dgm_tutor.components.flows.distribution import Flow
from dgm_tutor.components.flows.heads import FlowPosterior, FlowPrior
from dgm_tutor.components.flows.made import MADE
from dgm_tutor.components.flows.monotone import Affine, DeepSigmoid, Gated, solve
from dgm_tutor.components.flows.residual import Planar, Radial, Sylvester, planar, radial, sylvester
from dgm_tutor.components.flows.transform import Inverted, OnFirst, Permutation, Stack, Transform

__all__ = [
    "MADE",
    "Affine",
    "AffineCoupling",
    "Autoregressive",
    "DeepSigmoid",
    "Flow",
    "FlowPosterior",
    "FlowPrior",
    "Gated",
    "Inverted",
    "OnFirst",
    "Permutation",
    "Planar",
    "Radial",
    "Stack",
    "Sylvester",
    "Transform",
    "iaf",
    "maf",
    "multi_scale",
    "naf",
    "planar",
    "radial",
    "real_nvp",
    "solve",
    "sylvester",
]
