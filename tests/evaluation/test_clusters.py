"""Clusters against labels: names do not matter, chance counts for little, scikit-learn agrees."""

import pytest
import torch
from sklearn.metrics import normalized_mutual_info_score

from dgm_tutor.evaluation import cluster_accuracy, normalised_mutual_information


def labels(n=600, k=10, seed=0):
    return torch.randint(k, (n,), generator=torch.Generator().manual_seed(seed))


def test_names_of_clusters_do_not_matter():
    y = labels()
    renamed = torch.randperm(10, generator=torch.Generator().manual_seed(1))[y] * 7 - 3
    assert cluster_accuracy(renamed, y) == 1.0
    assert normalised_mutual_information(renamed, y) == pytest.approx(1.0)


def test_independent_clusters_are_worth_nothing():
    y, other = labels(20_000), labels(20_000, seed=1)
    assert cluster_accuracy(other, y) == pytest.approx(0.1, abs=0.02)
    assert normalised_mutual_information(other, y) == pytest.approx(0.0, abs=2e-3)
    assert normalised_mutual_information(torch.zeros_like(y), y) == 0.0


def test_the_matching_is_the_best_one_and_one_to_one():
    """Greedy would match cluster 0 with label 0 (5) and be left with 0: the best matching has 4 + 4."""
    clusters = torch.tensor([0] * 9 + [1] * 4)
    y = torch.tensor([0] * 5 + [1] * 4 + [0] * 4)
    assert cluster_accuracy(clusters, y) == pytest.approx(8 / 13)
    split = torch.arange(10)  # ten clusters of one label: only one of them is matched
    assert cluster_accuracy(split, torch.zeros(10, dtype=torch.long)) == pytest.approx(0.1)


def test_scikit_learn_agrees():
    y = labels()
    noisy = torch.where(torch.rand(600, generator=torch.Generator().manual_seed(2)) < 0.4, labels(k=6, seed=3), y)
    assert normalised_mutual_information(noisy, y) == pytest.approx(normalized_mutual_info_score(y, noisy))


def test_bad_input_is_refused_with_what_was_expected():
    with pytest.raises(ValueError, match="argmax"):
        cluster_accuracy(torch.rand(5, 10), labels(5))
    with pytest.raises(ValueError, match="5 clusters and 6 labels"):
        normalised_mutual_information(labels(5), labels(6))
