"""What z tells of x, and how q(z) differs from p(z): terms over the aggregate posterior, and InfoGAN's bound.

q(z) = E_{p_data} q(z|x) is a mixture over all of the data. A batch of ``size`` examples estimates log q(z) with a bias
downwards, which overstates MI_q and understates KL(q(z) || p(z)) (Chen et al. 2018); their sum, the rate, has none.
"""

from collections.abc import Callable

from torch import Tensor

from dgm_tutor.objectives.draw import Draw
from dgm_tutor.objectives.objective import Term


def mi_q(size: int | None = None) -> Term:
    """MI_q(x; z) = E_q[log q(z|x) - log q(z)], nats; ``size`` is the number of examples in the data set.

    None says that the batch is the whole set, which makes log q(z) exact.
    """
    return Term(
        "mi_q",
        r"\mathrm{MI}_q(x; z)",
        lambda draw: draw.posterior.log_prob(draw.z) - draw.log_aggregate(size),
    )


def kl_aggregate(size: int | None = None) -> Term:
    """KL(q(z) || p(z)) = E_q[log q(z) - log p(z)], nats; ``size`` as in ``mi_q``."""
    return Term(
        "kl_aggregate",
        r"\mathrm{KL}(q_\phi(z)\,\|\,p(z))",
        lambda draw: draw.log_aggregate(size) - draw.prior.log_prob(draw.z),
    )


def total_correlation(size: int | None = None) -> Term:
    """KL(q(z) || prod_j q(z_j)), nats: how far the dimensions of z are from independent. ``size`` as in ``mi_q``."""
    return Term(
        "total_correlation",
        r"\mathrm{KL}\!\left(q_\phi(z)\,\|\,\textstyle\prod_j q_\phi(z_j)\right)",
        lambda draw: draw.log_aggregate(size) - draw.log_aggregate_marginals(size),
    )


def dimension_kl(size: int | None = None) -> Term:
    """sum_j KL(q(z_j) || p(z_j)), nats. With ``total_correlation`` it makes ``kl_aggregate``."""
    return Term(
        "dimension_kl",
        r"\textstyle\sum_j \mathrm{KL}(q_\phi(z_j)\,\|\,p(z_j))",
        lambda draw: draw.log_aggregate_marginals(size) - draw.log_marginals(draw.prior, draw.z).sum(-1),
    )


def _all_of_z(z: Tensor) -> Tensor:
    return z


def info_bound(entropy: float | Tensor | None = None, code: Callable[[Tensor], Tensor] = _all_of_z) -> Term:
    """L_I = E_{p(x,c)} log q(c|x) + H(c) <= MI_p(x; c), nats (Chen et al. 2016; D15): weigh it negatively in a loss.

    Args:
        entropy: H(c) in nats; None takes the prior's own.
        code: the part c of z = (noise, c) that ``model.posterior(x)`` is over.
    """

    def value(draw: Draw) -> Tensor:
        told = draw.model.posterior(draw.model_x).log_prob(code(draw.prior_z))
        return draw.mean_p(told) + (draw.prior.entropy() if entropy is None else entropy)

    return Term("info_bound", r"\left(\mathbb{E}_{p(x,c)}\log q_\phi(c \mid x) + H(c)\right)", value)
