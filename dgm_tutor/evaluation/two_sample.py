"""Are two samples from one distribution? Tests whose p-value is uniform where they are.

Both compare x (n, d) with y (m, d), rows independent, and get their p-value by exchanging the rows' sides: whatever
the distribution, P(p <= a) <= a under the null, with equality for a a multiple of 1 / (permutations + 1) where no two
statistics tie. A large p-value does not prove that the distributions agree: look at the power on a difference that
matters.
"""

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from dgm_tutor.components.networks import mlp
from dgm_tutor.kernels.pairwise import KERNELS, kernel_matrix

from .estimates import check_count, check_data, seeded

CHUNK = 2**23  # differences of coordinates held at a time: 64 MB


@dataclass(frozen=True)
class TwoSample:
    """``statistic``: the larger, the more the samples differ; ``p_value``: the probability of one as large under the
    null, in (0, 1]."""

    statistic: float
    p_value: float


@torch.no_grad()
def mmd_test(x: Tensor, y: Tensor, kernel: str = "rbf", permutations: int = 999, seed: int = 0) -> TwoSample:
    """Permutation test of the unbiased MMD^2 (Gretton et al. 2012), the bandwidths about the pooled median distance.

    Memory O((n + m)^2): a few thousand points.

    Args:
        kernel: "rbf" or "imq", as in ``objectives.squared_mmd``.

    Raises:
        ValueError: shapes that do not fit, NaN, fewer than 2 rows, an unknown kernel, or points that are mostly equal.
    """
    pooled = _pooled(x, y, least=2)
    if kernel not in KERNELS:
        raise ValueError(f"kernel={kernel!r}: expected one of {', '.join(KERNELS)}")
    median = torch.pdist(pooled).square().median().item()
    if not median > 0:
        raise ValueError("half of the points are equal: there is no distance to compare them by")
    chunk = max(1, CHUNK // pooled.numel())
    gram = torch.cat([kernel_matrix(rows, pooled, kernel, median) for rows in pooled.split(chunk)]).fill_diagonal_(0)
    first = _sides(len(x), len(y), permutations, seed).to(gram)  # (1 + permutations, n + m): 1 for the x side
    n, m, total, rows = len(x), len(y), gram.sum(), first @ gram.sum(1)
    within_x = (first @ gram * first).sum(1)
    between = rows - within_x
    within_y = total - rows - between
    return _judged(within_x / (n * (n - 1)) + within_y / (m * (m - 1)) - 2 * between / (n * m))


def classifier_test(x: Tensor, y: Tensor, steps: int = 200, permutations: int = 999, seed: int = 0) -> TwoSample:
    """A small network learns to tell the samples apart on half of the rows; its AUC on the other half is the statistic.

    1/2: it cannot; 1: it always can. The classifier two-sample test (Lopez-Paz and Oquab 2017) with the AUC for the
    accuracy, whose few values would tie.

    Raises:
        ValueError: shapes that do not fit, NaN, or fewer than 4 rows.
    """
    check_count("steps", steps)
    pooled = _pooled(x, y, least=4)
    pooled = ((pooled - pooled.mean(0)) / pooled.std(0).clamp_min(1e-12)).float()
    with seeded(seed, pooled.device):
        halves = [rows[torch.randperm(len(rows))].tensor_split(2) for rows in pooled.split([len(x), len(y)])]
        (fit_x, test_x), (fit_y, test_y) = halves
        network = _fitted(fit_x, fit_y, steps)
    with torch.no_grad():
        logits = network(torch.cat([test_x, test_y])).squeeze(-1)
    ordered = logits.sort().values
    ranks = (torch.searchsorted(ordered, logits) + torch.searchsorted(ordered, logits, right=True) + 1).double() / 2
    n, m = len(test_x), len(test_y)
    of_y = (1 - _sides(n, m, permutations, seed).to(ranks)) @ ranks
    return _judged((of_y - m * (m + 1) / 2) / (n * m))


def _fitted(x: Tensor, y: Tensor, steps: int) -> torch.nn.Module:
    points, labels = torch.cat([x, y]), torch.cat([torch.zeros(len(x)), torch.ones(len(y))]).to(x)
    network = mlp([x.shape[1], 64, 1]).to(x.device)
    optimizer = torch.optim.AdamW(network.parameters(), lr=1e-2, weight_decay=0.1)
    with torch.enable_grad():
        for _ in range(steps):
            loss = F.binary_cross_entropy_with_logits(network(points).squeeze(-1), labels)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
    return network


def _pooled(x: Tensor, y: Tensor, least: int) -> Tensor:
    check_data(x, least)
    check_data(y, least)
    if x.shape[1] != y.shape[1]:
        raise ValueError(f"expected points of one dimension, got {tuple(x.shape)} and {tuple(y.shape)}")
    return torch.cat([x, y]).detach().double()


def _sides(n: int, m: int, permutations: int, seed: int) -> Tensor:
    """Which rows are on the x side: the true sides in the first line, then random ones, (1 + permutations, n + m)."""
    check_count("permutations", permutations)
    generator = torch.Generator().manual_seed(seed)
    orders = torch.rand(permutations, n + m, generator=generator).argsort(1)
    return torch.cat([torch.arange(n + m)[None], orders]).lt(n).double()


def _judged(statistics: Tensor) -> TwoSample:
    """The true statistic comes first; rounding must not make a permutation of equal value look smaller."""
    true = statistics[0]
    p_value = (statistics >= true - 1e-12).double().mean().item()
    return TwoSample(true.item(), p_value)
