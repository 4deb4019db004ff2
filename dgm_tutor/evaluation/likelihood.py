"""Bounds on log p(x) and the rate-distortion point, in nats per example."""

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from dgm_tutor.objectives.terms import kl

from .estimates import Estimate, check_count, check_data, draw, over_examples, posterior_of


def elbo(model, x: Tensor, samples: int = 1) -> Tensor:
    """E_q[log p(x|z)] - KL(q(z|x) || p(z)) of x (n, D) from `samples` draws: (n,), nats (D1).

    Differentiable where the posterior is. ValueError for a wrong shape, a NaN, or samples < 1.
    """
    check_count("samples", samples)
    check_data(x)
    q = posterior_of(model, x)
    z = draw(q, samples)  # (S, n, d)
    return (model.decoder(z).log_prob(x) - kl(q, model.prior(), z)).mean(0)


@torch.no_grad()
def log_marginal(model, x: Tensor, samples: int, chunk: int = 1024) -> Tensor:
    """Importance weighted bound log 1/K sum_k p(x, z_k) / q(z_k|x), K = samples: (n,), nats, no gradient.

    At most log p(x) in expectation, which it approaches as K grows (Burda et al. 2016). At most
    `chunk` latents are decoded at a time, so memory grows with neither n nor K; the seed's draws come in
    another order for another chunk. ValueError for a wrong shape, a NaN, samples < 1 or chunk < 1.
    """
    check_count("samples", samples)
    check_count("chunk", chunk)
    check_data(x)
    return torch.cat([_log_mean_weight(model, block, samples, chunk) for block in x.split(chunk)])


def _log_mean_weight(model, x: Tensor, samples: int, chunk: int) -> Tensor:
    q, prior = posterior_of(model, x), model.prior()
    step = max(1, chunk // len(x))
    total = x.new_full((len(x),), -math.inf, dtype=torch.float64)  # log of the sum of weights so far
    for start in range(0, samples, step):
        z = draw(q, min(step, samples - start))
        log_weight = model.decoder(z).log_prob(x) + prior.log_prob(z) - q.log_prob(z)
        total = torch.logaddexp(total, log_weight.double().logsumexp(0))
    return (total - math.log(samples)).to(log_weight.dtype)


def bits_per_dim(log_prob: Tensor | float, dims: int, levels: int = 1) -> Tensor | float:
    """-log_prob / (dims log 2) + log2 levels: bits per dimension of a log-likelihood in nats per example.

    levels: 1 for probabilities; for a density of grey levels spread over [0, 1) by ``data.dequantise``, their number:
    a cell is 1 / levels wide.
    """
    check_count("dims", dims)
    check_count("levels", levels)
    return -log_prob / (dims * math.log(2)) + math.log2(levels)


@dataclass(frozen=True)
class RateDistortion:
    """rate E KL(q(z|x) || p(z)) and distortion -E_q[log p(x|z)], nats per example (Alemi et al. 2018)."""

    rate: Estimate
    distortion: Estimate


@torch.no_grad()
def rate_distortion(model, x: Tensor, samples: int = 1) -> RateDistortion:
    """The model's point on the rate-distortion plane; -(rate + distortion) is the mean ELBO.

    x (n, D), n >= 2, is a sample from p_data: the standard errors are over examples. ValueError as in `elbo`.
    """
    check_count("samples", samples)
    check_data(x, least=2)
    q = posterior_of(model, x)
    z = draw(q, samples)
    rate = kl(q, model.prior(), z).expand(samples, -1).mean(0)
    distortion = -model.decoder(z).log_prob(x).mean(0)
    return RateDistortion(over_examples(rate), over_examples(distortion))
