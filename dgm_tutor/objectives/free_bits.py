"""Free bits: a rate that costs nothing below a floor, so that the posterior need not collapse onto the prior."""

import torch
from torch import Tensor
from torch.distributions import Independent, kl_divergence

from dgm_tutor.objectives.draw import Draw
from dgm_tutor.objectives.objective import Term


def free_bits(floor: float) -> Term:
    """sum_j max(floor, E_batch KL(q(z_j|x) || p(z_j))), nats: use it in the place of ``rate``.

    Kingma et al. 2016, appendix C.8, each dimension a group of its own. The floor is on the batch's mean, not on
    each example's rate. A loss with it is an upper bound on -ELBO, and so on -log p(x).

    Args:
        floor: nats for each dimension; 0 gives the rate back.
    """
    if not 0 <= floor < float("inf"):
        raise ValueError(f"floor: expected a number of nats >= 0, got {floor}")

    def value(draw: Draw) -> Tensor:
        q, p = draw.posterior, draw.prior
        if not (isinstance(q, Independent) and isinstance(p, Independent)):
            raise TypeError(
                f"free bits need a rate for each dimension of z, expected Independent q and p, got {q}, {p}"
            )
        rate = kl_divergence(q.base_dist, p.base_dist)  # (..., n, d)
        above = rate.mean(-2, keepdim=True) > floor
        return torch.where(above, rate, floor).sum(-1)

    latex = rf"\sum_j \max\!\left({floor:g}, \mathbb{{E}}\,\mathrm{{KL}}(q(z_j \mid x)\,\|\,p(z_j))\right)"
    return Term("rate with free bits", latex, value)
