"""log q(z) from a minibatch, when the whole mixture is too dear (Chen et al. 2018, section 3.1, appendix C).

Both take log_q[i, j] = log q(z_i | x_j) for z_i ~ q(z|x_i) and a batch of M of the N = size points, drawn
without replacement: (M, M), or (M, M, d) for one density a dimension. Both estimate log q(z_i), (M,) or
(M, d), in nats, are differentiable and *biased low*: they overstate MI_q and understate KL(q(z) || p(z)).
`evaluation.information` has no such bias: prefer it where N is affordable.
"""

import math

from torch import Tensor

from dgm_tutor.kernels.mixture import log_mixture


def minibatch_weighted(log_q: Tensor, size: int) -> Tensor:
    """log 1/(N M) sum_j q(z_i|x_j): minibatch-weighted sampling (eq. 5).

    Its mean over batches is at most q(z_i) / M, so the logarithm is low by log M or more, and by exactly
    log N when the batch is the whole set. A constant offset is harmless in a gradient and wrong in a report:
    the total correlation of d dimensions is then overstated by (d-1) log N.
    """
    batch = _batch_size(log_q, size)
    return log_q.logsumexp(1) - math.log(batch * size)


def minibatch_stratified(log_q: Tensor, size: int) -> Tensor:
    """log of q(z_i|x_i) / N + (N-1)/N mean_{j != i} q(z_i|x_j): minibatch-stratified sampling (appendix C.2).

    Before the logarithm it is unbiased, so Jensen's inequality gives the sign: low, less with a larger batch,
    exact when the batch is the whole set. (The paper's appendix gives one of the other points another weight;
    they are exchangeable, and equal weights have the same mean and the least variance.)
    """
    batch = _batch_size(log_q, size)
    log_weight = log_q.new_full((batch, batch), math.log((size - 1) / (size * (batch - 1))))
    log_weight.fill_diagonal_(-math.log(size))
    return (log_q + (log_weight if log_q.dim() == 2 else log_weight.unsqueeze(-1))).logsumexp(1)


def gaussian_stratified(z: Tensor, mean: Tensor, std: Tensor, size: int, marginals: bool = False) -> Tensor:
    """``minibatch_stratified`` for q(z|x_j) = N(mean_j, diag std_j^2), (M, d) each, in O(M d) memory.

    log q(z_i), (M,), or that of each dimension by itself, (M, d).
    """
    batch = len(z)
    _check_size(size, batch)
    log_other = math.log((size - 1) / (size * (batch - 1)))
    return log_mixture(z, mean, std, -math.log(size) - log_other, marginals) + log_other


def _batch_size(log_q: Tensor, size: int) -> int:
    if log_q.dim() not in (2, 3) or log_q.shape[0] != log_q.shape[1]:
        raise ValueError(f"log_q: expected (M, M) or (M, M, d), got shape {tuple(log_q.shape)}")
    _check_size(size, len(log_q))
    return len(log_q)


def _check_size(size: int, batch: int) -> None:
    if batch < 2:
        raise ValueError(f"the batch: expected at least 2 points, got {batch}")
    if not isinstance(size, int) or size < batch:
        raise ValueError(
            f"size, the number of points the batch is drawn from, expected an integer of at least {batch}, got {size!r}"
        )
