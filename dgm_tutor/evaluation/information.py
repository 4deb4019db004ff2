"""The terms of D16 on a data set: mutual information, KL of the aggregate posterior, and what they add up to.

p_data is the empirical distribution on the N given points, so q(z) = 1/N sum_n q(z|x_n) is a mixture that
can be evaluated in full: no bias, and no error but that of the draws of z. Every point is drawn from
`samples` >= 2 times, because the error is measured between the draws of one point. With p_data so read,
H(p_data) = log N (the points counted as distinct) and MI_q <= log N, draw by draw.
"""

import math
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.distributions import Distribution

from dgm_tutor.components.distributions import gaussian_of
from dgm_tutor.kernels.mixture import log_mixture

from .estimates import Estimate, check_count, check_data, draw, marginals, over_draws, posterior_of, seeded
from .likelihood import kl

PAIRS = 2**18  # (z, x) pairs whose density is evaluated at a time


@dataclass(frozen=True)
class Information:
    """D16's terms, nats: mi_q = MI_q(x; z), kl_aggregate = KL(q(z) || p(z)), kl_likelihood =
    E_{q(z)} KL(q(x|z) || p_theta(x|z)), rate = E KL(q(z|x) || p(z)) = mi_q + kl_aggregate,
    distortion = -E_q[log p(x|z)], entropy_data = H(p_data) = log N."""

    mi_q: Estimate
    kl_aggregate: Estimate
    kl_likelihood: Estimate
    rate: Estimate
    distortion: Estimate
    entropy_data: Estimate


@dataclass(frozen=True)
class D16:
    """Both sides of D16 at `beta`, from independent draws, nats; `terms` are the right side's, unweighted."""

    beta: float
    loss: Estimate
    identity: Estimate
    terms: Information

    @property
    def difference(self) -> Estimate:
        """loss - identity: 0 but for the draws."""
        error = math.hypot(self.loss.standard_error, self.identity.standard_error)
        return Estimate(self.loss.value - self.identity.value, error)


@dataclass(frozen=True)
class Decomposition:
    """rate = mi_q + total_correlation + dimension_kl, nats (Chen et al. 2018, eq. 2): the total correlation
    KL(q(z) || prod_j q(z_j)) and sum_j KL(q(z_j) || p(z_j)) together are KL(q(z) || p(z))."""

    mi_q: Estimate
    total_correlation: Estimate
    dimension_kl: Estimate


@torch.no_grad()
def information(model, x: Tensor, samples: int = 2, seed: int | None = None, chunk: int = PAIRS) -> Information:
    """Estimate D16's terms on the points x (N, D), N >= 2, from `samples` >= 2 draws for each.

    Time is O(samples N^2), memory O(N + chunk): the densities of `chunk` pairs (z, x) are held at a time,
    which changes no result. ValueError for a wrong shape, a NaN, or too few points or samples.
    """
    _check(x, samples, chunk)
    with seeded(seed, x.device):
        return _information(_log_probs(model, x, samples, chunk))


@torch.no_grad()
def d16(model, x: Tensor, beta: float, samples: int = 2, seed: int | None = None, chunk: int = PAIRS) -> D16:
    """The beta-VAE's loss and the sum D16 says it is, on the points x (N, D), each from draws of its own.

    loss = -E_q[log p(x|z)] + beta E KL(q(z|x) || p(z)); identity = (beta-1) MI_q + beta KL(q(z) || p(z)) +
    E_{q(z)} KL(q(x|z) || p_theta(x|z)) + H(p_data). The terms share draws, so the error of their sum is
    measured on the sum. ValueError as in `information`, and for a beta that is negative or not finite.
    """
    if not (math.isfinite(beta) and beta >= 0):
        raise ValueError(f"beta: expected a finite weight of at least 0, got {beta}")
    _check(x, samples, chunk)
    with seeded(seed, x.device):
        left = _log_probs(model, x, samples, chunk)
        right = _log_probs(model, x, samples, chunk)
    mi_q, kl_aggregate, kl_likelihood = _terms(right)
    identity = (beta - 1) * mi_q + beta * kl_aggregate + kl_likelihood + math.log(len(x))
    return D16(beta, over_draws(beta * left.kl - left.log_px_z), over_draws(identity), _information(right))


@torch.no_grad()
def decomposition(model, x: Tensor, samples: int = 2, seed: int | None = None, chunk: int = PAIRS) -> Decomposition:
    """Split the rate on the points x (N, D) in three; arguments, time, memory and errors as in `information`.

    TypeError unless posterior and prior are `Independent` over dimensions: the split needs q(z_j|x).
    """
    _check(x, samples, chunk)
    q, p = posterior_of(model, x), model.prior()
    base_q, base_p = marginals(q, "model.posterior(x)"), marginals(p, "model.prior()")
    with seeded(seed, x.device):
        z = draw(q, samples)  # (S, N, d)
    log_qz = aggregate_log_prob(q, z, chunk)
    log_marginals = _log_marginals(q, base_q, z, chunk)
    return Decomposition(
        mi_q=over_draws(q.log_prob(z) - log_qz),
        total_correlation=over_draws(log_qz - log_marginals),
        dimension_kl=over_draws(log_marginals - base_p.log_prob(z).sum(-1)),
    )


def _log_marginals(q: Distribution, base: Distribution, z: Tensor, chunk: int) -> Tensor:
    """sum_j log q(z_j), each q(z_j) = 1/N sum_n q(z_j|x_n), at z (..., d): shape (...)."""
    points, gaussian, flat = q.batch_shape[0], gaussian_of(q), z.flatten(0, -2)
    if gaussian is not None:
        sums = log_mixture(flat, *gaussian, marginals=True)
    else:
        blocks = flat.split(max(1, chunk // points))
        sums = torch.cat([base.log_prob(block.unsqueeze(1)).logsumexp(1) for block in blocks])
    return (sums - math.log(points)).sum(-1).view(z.shape[:-1])


def _check(x: Tensor, samples: int, chunk: int) -> None:
    check_data(x, least=2)
    check_count("samples", samples, least=2)
    check_count("chunk", chunk)


@dataclass(frozen=True)
class _LogProbs:
    """Log-densities (S, N) at draws z ~ q(z|x_n), float64; kl is (N,) where it has a closed form."""

    log_qz_x: Tensor
    log_qz: Tensor
    log_pz: Tensor
    log_px_z: Tensor
    kl: Tensor


def _log_probs(model, x: Tensor, samples: int, chunk: int) -> _LogProbs:
    q, p = posterior_of(model, x), model.prior()
    z = draw(q, samples)
    log_px_z = torch.stack([model.decoder(one).log_prob(x) for one in z])
    parts = q.log_prob(z), aggregate_log_prob(q, z, chunk), p.log_prob(z), log_px_z, kl(q, p, z)
    return _LogProbs(*(part.double().expand(samples, -1) for part in parts))


def aggregate_log_prob(q: Distribution, z: Tensor, chunk: int = PAIRS) -> Tensor:
    """log q(z) = log 1/N sum_n q(z|x_n), the whole mixture q of batch (N,) at z (..., d): shape (...)."""
    points, gaussian = q.batch_shape[0], gaussian_of(q)
    if gaussian is not None:
        return log_mixture(z.flatten(0, -2), *gaussian).view(z.shape[:-1]) - math.log(points)
    blocks = z.flatten(0, -2).split(max(1, chunk // points))
    sums = [q.log_prob(block.unsqueeze(1).expand(-1, points, -1)).logsumexp(1) for block in blocks]
    return torch.cat(sums).view(z.shape[:-1]) - math.log(points)


def _terms(log: _LogProbs) -> tuple[Tensor, Tensor, Tensor]:
    mi_q = log.log_qz_x - log.log_qz
    # q(x_n|z) = q(z|x_n) / (N q(z)): Bayes' rule on the N points.
    kl_likelihood = mi_q - math.log(mi_q.shape[1]) - log.log_px_z
    return mi_q, log.log_qz - log.log_pz, kl_likelihood


def _information(log: _LogProbs) -> Information:
    terms = (over_draws(term) for term in (*_terms(log), log.kl, -log.log_px_z))
    return Information(*terms, entropy_data=Estimate(math.log(log.log_qz.shape[1]), 0.0))
