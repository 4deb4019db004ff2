"""What a trained model is worth: likelihood bounds, rate and distortion, information, disentanglement, samples.

Every function that takes a `model` asks three things of it and nothing else:
`model.posterior(x)` -> distribution, batch (n,), event (d,); `model.prior()` -> the same, batch ();
`model.decoder(z)` -> distribution, batch z.shape[:-1], event (D,). x is (n, D); all values are in nats.
"""

from dgm_tutor.objectives.minibatch import minibatch_stratified, minibatch_weighted

from .classifier import DigitClassifier, digit_classifier, resized
from .clusters import cluster_accuracy, normalised_mutual_information
from .disentanglement import Dci, Scores, dci, disentanglement, factor_vae, mean_codes, mig, mutual_information, sap
from .estimates import Estimate
from .games import game_record, gradient_norms, log_condition, singular_values
from .information import D16, Decomposition, Information, d16, decomposition, information
from .likelihood import RateDistortion, bits_per_dim, elbo, kl, log_marginal, rate_distortion
from .probe import probe_accuracy
from .samples import SampleScores, classifier_score, frechet_distance, precision_recall, sample_scores
from .two_sample import TwoSample, classifier_test, mmd_test

__all__ = [
    "D16",
    "Dci",
    "Decomposition",
    "DigitClassifier",
    "Estimate",
    "Information",
    "RateDistortion",
    "SampleScores",
    "Scores",
    "TwoSample",
    "bits_per_dim",
    "classifier_score",
    "classifier_test",
    "cluster_accuracy",
    "d16",
    "dci",
    "decomposition",
    "digit_classifier",
    "disentanglement",
    "elbo",
    "factor_vae",
    "frechet_distance",
    "game_record",
    "gradient_norms",
    "information",
    "kl",
    "log_condition",
    "log_marginal",
    "mean_codes",
    "mig",
    "minibatch_stratified",
    "minibatch_weighted",
    "mmd_test",
    "mutual_information",
    "normalised_mutual_information",
    "precision_recall",
    "probe_accuracy",
    "rate_distortion",
    "resized",
    "sample_scores",
    "sap",
    "singular_values",
]
