"""Clusters found without labels, compared with labels: accuracy under the best matching, and NMI (C18)."""

from importlib import import_module

import torch
from torch import Tensor


def cluster_accuracy(clusters: Tensor, labels: Tensor) -> float:
    """The share of examples whose cluster is matched with their label, under the best one-to-one matching.

    clusters and labels are integers (n,); with k clusters and labels of equal size chance is a little above 1/k. The
    matching is the assignment problem's solution (Kuhn 1955). ValueError for shapes that do not match; ImportError
    without scipy, which comes with scikit-learn.
    """
    table = contingency(clusters, labels)
    try:
        optimize = import_module("scipy.optimize")
    except ImportError as error:
        raise ImportError("cluster_accuracy needs scipy, which is missing: pip install dgm-tutor[course]") from error
    rows, columns = optimize.linear_sum_assignment(table.numpy(), maximize=True)
    return (table[rows, columns].sum() / table.sum()).item()


def normalised_mutual_information(clusters: Tensor, labels: Tensor) -> float:
    """MI(clusters; labels) / mean of their entropies, in [0, 1]; 0 where one of them is constant.

    Plug-in: biased up for few examples. ValueError for shapes that do not match.
    """
    joint = contingency(clusters, labels).double()
    joint = joint / joint.sum()
    entropy_a, entropy_b, entropy_joint = (_entropy(p) for p in (joint.sum(1), joint.sum(0), joint))
    both = (entropy_a + entropy_b) / 2
    return ((entropy_a + entropy_b - entropy_joint).clamp_min(0) / both).item() if both > 0 else 0.0


def contingency(clusters: Tensor, labels: Tensor) -> Tensor:
    """How many examples are in cluster i and have label j: int64 (clusters, labels), values in their order.

    Raises:
        ValueError: not two sets of integers (n,) of one length, n >= 1.
    """
    for name, values in (("clusters", clusters), ("labels", labels)):
        if values.dim() != 1 or values.is_floating_point() or len(values) == 0:
            raise ValueError(
                f"{name}: expected integers (n,), got {values.dtype} {tuple(values.shape)}; try argmax(-1)"
            )
    if len(clusters) != len(labels):
        raise ValueError(f"expected one label an example, got {len(clusters)} clusters and {len(labels)} labels")
    (rows, i), (columns, j) = (values.unique(return_inverse=True) for values in (clusters, labels))
    return torch.bincount(i * len(columns) + j, minlength=len(rows) * len(columns)).reshape(len(rows), -1).cpu()


def _entropy(p: Tensor) -> Tensor:
    return -torch.special.xlogy(p, p).sum()
