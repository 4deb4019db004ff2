"""Importance weights: the bound of IWAE, its doubly reparameterised gradient, and its value with many samples."""

import math
from collections.abc import Callable

import torch
from torch import Tensor
from torch.distributions import Distribution, Independent, Normal

from dgm_tutor.objectives.draw import Draw
from dgm_tutor.objectives.objective import Term


def importance_weighted(samples: int, doubly_reparameterised: bool = False) -> Term:
    """-L_K = -E log 1/K sum_k w_k with w_k = p(x, z_k) / q(z_k|x), z_k ~ q(z|x): at least -log p(x), in nats.

    The bound tightens with K (Burda et al. 2016; K = 1 is the ELBO), while the posterior's gradient drowns
    in its noise. The doubly reparameterised gradient has the same mean and less noise (Tucker et al. 2019).

    Args:
        samples: K, at least 1.
        doubly_reparameterised: changes the posterior's gradient, never the value; needs a Gaussian posterior.
    """
    if not isinstance(samples, int) or samples < 1:
        raise ValueError(f"samples: expected an integer of at least 1, got {samples!r}")

    def value(draw: Draw) -> Tensor:
        q = draw.posterior
        z = q.rsample((samples,))  # (K, n, d)
        log_q = (_held(q) if doubly_reparameterised else q).log_prob(z)
        log_weight = draw.model.decoder(z).log_prob(draw.x) + draw.prior.log_prob(z) - log_q
        if doubly_reparameterised and z.requires_grad:
            # The sum of logs gives z_k its share of the weight once; the second time makes up for q being held.
            share = log_weight.detach().softmax(0).unsqueeze(-1)
            z.register_hook(lambda gradient: share * gradient)
        return math.log(samples) - log_weight.logsumexp(0)

    latex = rf"\mathbb{{E}}\!\left[-\log \tfrac{{1}}{{{samples}}} \sum_k p(x, z_k) / q(z_k \mid x)\right]"
    return Term("importance-weighted bound", latex, value)


def log_mean_weight(log_weights: Callable[[int], Tensor], samples: int, at_once: int) -> Tensor:
    """log 1/K sum_k w_k, K = samples, with no more than ``at_once`` of the weights in memory: (n,) nats.

    ``log_weights(k)`` draws k of them anew, (k, n). ValueError for samples < 1.
    """
    if not isinstance(samples, int) or samples < 1:
        raise ValueError(f"samples: expected an integer of at least 1, got {samples!r}")
    sizes = [min(at_once, samples - start) for start in range(0, samples, at_once)]
    sums = torch.stack([log_weights(size).logsumexp(0) for size in sizes])
    return sums.logsumexp(0) - math.log(samples)


def _held(q: Distribution) -> Distribution:
    """q with its parameters held: a density of z alone."""
    if not (isinstance(q, Independent) and isinstance(q.base_dist, Normal)):
        raise TypeError(
            f"the doubly reparameterised gradient is written for diagonal Gaussian posteriors, got {q}: "
            "use importance_weighted(samples) without it"
        )
    held = Normal(q.base_dist.loc.detach(), q.base_dist.scale.detach(), validate_args=False)
    return Independent(held, q.reinterpreted_batch_ndims, validate_args=False)
