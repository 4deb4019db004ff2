"""Components: modules that, called on their condition, return a distribution.

``posterior(x)``, ``decoder(z)`` and ``prior()`` all answer ``log_prob`` and ``rsample``/``sample``, with one event
dimension, so that any posterior goes with any prior and any decoder. Units are nats.
"""

from dgm_tutor.components.convolutions import ConvDecoder, ConvEncoder
from dgm_tutor.components.critics import Critic, Generator, PointMass, TableCritic, conv_critic, mlp_critic
from dgm_tutor.components.distributions import bernoulli, normal
from dgm_tutor.components.experts import ModalityDecoders, ProductOfExperts, SymbolsHead, product_of_experts
from dgm_tutor.components.heads import (
    BernoulliHead,
    CategoricalHead,
    GaussianHead,
    GaussianNoiseHead,
    StandardNormal,
    Table,
)
from dgm_tutor.components.logistics import DiscretisedLogisticMixture, LogisticMixtureHead
from dgm_tutor.components.networks import At, FiLM, Linear, mlp
from dgm_tutor.components.pixelcnn import PixelCNN, PixelDecoder, pixels_of
from dgm_tutor.components.recurrent import FixedPrior, LatentGRU, NoMemory, ReadingMLP

__all__ = [
    "At",
    "BernoulliHead",
    "CategoricalHead",
    "ConvDecoder",
    "ConvEncoder",
    "Critic",
    "DiscretisedLogisticMixture",
    "FiLM",
    "FixedPrior",
    "GaussianHead",
    "GaussianNoiseHead",
    "Generator",
    "LatentGRU",
    "Linear",
    "LogisticMixtureHead",
    "ModalityDecoders",
    "NoMemory",
    "PixelCNN",
    "PixelDecoder",
    "PointMass",
    "ProductOfExperts",
    "ReadingMLP",
    "StandardNormal",
    "SymbolsHead",
    "Table",
    "TableCritic",
    "bernoulli",
    "conv_critic",
    "mlp",
    "mlp_critic",
    "normal",
    "pixels_of",
    "product_of_experts",
]
