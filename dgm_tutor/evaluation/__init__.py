"""What a trained model is worth: likelihood bounds, rate and distortion, information, disentanglement.

Every function that takes a `model` asks three things of it and nothing else:
`model.posterior(x)` -> distribution, batch (n,), event (d,); `model.prior()` -> the same, batch ();
`model.decoder(z)` -> distribution, batch z.shape[:-1], event (D,). x is (n, D); all values are in nats.
"""

from dgm_tutor.objectives.minibatch import minibatch_stratified, minibatch_weighted

from .disentanglement import Dci, Scores, dci, disentanglement, factor_vae, mean_codes, mig, mutual_information, sap
from .estimates import Estimate
from .information import D16, Decomposition, Information, d16, decomposition, information
from .likelihood import RateDistortion, bits_per_dim, elbo, kl, log_marginal, rate_distortion

__all__ = [
    "D16",
    "Dci",
    "Decomposition",
    "Estimate",
    "Information",
    "RateDistortion",
    "Scores",
    "bits_per_dim",
    "d16",
    "dci",
    "decomposition",
    "disentanglement",
    "elbo",
    "factor_vae",
    "information",
    "kl",
    "log_marginal",
    "mean_codes",
    "mig",
    "minibatch_stratified",
    "minibatch_weighted",
    "mutual_information",
    "rate_distortion",
    "sap",
]
