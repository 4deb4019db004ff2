"""What samples are worth, looked at through a classifier: classifier score, Frechet distance, precision and recall.

None of them is a likelihood: each can be high where the likelihood is low, and the other way round (C13, C21).
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from .classifier import DigitClassifier, digit_classifier
from .estimates import Estimate, check_count, check_data, over_examples


@dataclass(frozen=True)
class SampleScores:
    """Of n generated images against n real ones, all through one classifier.

    classifier_score: in [1, 10], more is better. frechet: 0 is best; real against real is not quite 0, see
    ``frechet_distance``. precision, recall: shares in [0, 1].
    """

    classifier_score: Estimate
    frechet: float
    precision: float
    recall: float


@torch.no_grad()
def sample_scores(generated: Tensor, real: Tensor, classifier: DigitClassifier | None = None) -> SampleScores:
    """All scores of generated (n, D) against real (m, D) grey images in [0, 1]; values outside are clipped.

    Args:
        classifier: the package's own where None.

    Raises:
        ValueError: a wrong shape, NaN, or fewer than 4 images on a side.
    """
    check_data(generated, least=4)
    check_data(real, least=4)
    classifier = classifier or digit_classifier()
    made, true = (classifier.features(x.clamp(0, 1)) for x in (generated, real))
    precision, recall = precision_recall(true, made)
    return SampleScores(
        classifier_score(classifier.last(made).log_softmax(-1)), frechet_distance(true, made), precision, recall
    )


def classifier_score(log_probs: Tensor) -> Estimate:
    """exp E_x KL(p(y|x) || p(y)), p(y) = E_x p(y|x), from log p(y|x) (n, classes): in [1, classes].

    The inception score's formula (Salimans et al. 2016), so exp of a mutual information of label and image: 1 where
    every image gets the same answer, the number of classes where answers are sure and evenly spread. The standard
    error is over images. It rises with the images' variety between classes alone: one perfect image a class scores
    full marks.

    Raises:
        ValueError: rows that are not log-probabilities.
    """
    check_data(log_probs, least=2)
    log_probs = log_probs.double()
    if (log_probs.exp().sum(-1) - 1).abs().max() > 1e-3:
        raise ValueError("log_probs: rows do not sum to one; give classifier(x).log_softmax(-1)")
    marginal = log_probs.exp().mean(0).log()
    # The score's first-order change with one image is its own KL: p(y), a mean, adds none at the stationary point.
    information = over_examples((log_probs.exp() * (log_probs - marginal).clamp_min(-1e6)).sum(-1))
    score = torch.tensor(information.value).exp().item()
    return Estimate(score, score * information.standard_error)


def frechet_distance(real: Tensor, generated: Tensor) -> float:
    """|m_1 - m_2|^2 + tr(S_1 + S_2 - 2 (S_1 S_2)^1/2) of features (n, d) and (m, d): 0 for equal moments.

    The squared 2-Wasserstein distance of two Gaussians with the features' moments (Heusel et al. 2017, eq. 6). Biased
    up by the moments' own noise, the more the fewer images: compare at equal n.

    Raises:
        ValueError: a wrong shape, NaN, fewer than 2 rows, or different dimensions.
    """
    real, generated = _features(real, generated, least=2)
    means = (real.mean(0) - generated.mean(0)).square().sum()
    a, b = (torch.atleast_2d(features.T.cov()) for features in (real, generated))
    values, vectors = torch.linalg.eigh(a)
    root = vectors * values.clamp_min(0).sqrt() @ vectors.T
    overlap = torch.linalg.eigvalsh(root @ b @ root).clamp_min(0).sqrt().sum()  # tr (S_1 S_2)^1/2
    return max((means + a.trace() + b.trace() - 2 * overlap).item(), 0.0)


def precision_recall(real: Tensor, generated: Tensor, k: int = 3) -> tuple[float, float]:
    """Precision and recall of features (n, d), (m, d) (Kynkäänniemi et al. 2019, eq. 1 and 2).

    A set's manifold is the union of balls about its points, each out to the point's k-th neighbour in the set.
    Precision: the share of generated points on the real manifold; recall: of real points on the generated one. On
    equal distributions both are near one value below 1 that depends on k, n and d: compare at equal ones.

    Raises:
        ValueError: as in ``frechet_distance``; k is not smaller than both sets.
    """
    check_count("k", k)
    real, generated = _features(real, generated, least=k + 1)
    return _covered(generated, real, k), _covered(real, generated, k)


def _covered(points: Tensor, by: Tensor, k: int, chunk: int = 1024) -> float:
    """The share of points (n, d) that lie in a ball of ``by`` (m, d); memory O(chunk m)."""
    radius = torch.cat([torch.cdist(rows, by).kthvalue(k + 1).values for rows in by.split(chunk)])  # itself is one
    inside = torch.cat([(torch.cdist(rows, by) <= radius).any(1) for rows in points.split(chunk)])
    return inside.double().mean().item()


def _features(real: Tensor, generated: Tensor, least: int) -> tuple[Tensor, Tensor]:
    check_data(real, least)
    check_data(generated, least)
    if real.shape[1] != generated.shape[1]:
        raise ValueError(f"expected features of one dimension, got {tuple(real.shape)} and {tuple(generated.shape)}")
    return real.double(), generated.double()
