"""The terms of the lecture's objectives."""

from torch import Tensor
from torch.distributions import Distribution, kl_divergence

from dgm_tutor.objectives.draw import Draw
from dgm_tutor.objectives.objective import Term


def kl(q: Distribution, p: Distribution, z: Tensor) -> Tensor:
    """KL(q || p) in nats: (n,) in closed form where torch has one, else log q(z) - log p(z), the shape of z's batch.

    z (..., n, d) are draws from q. Both answers broadcast against (..., n) and have the same mean.
    """
    try:
        return kl_divergence(q, p)
    except NotImplementedError:
        return q.log_prob(z) - p.log_prob(z)


def _distortion(draw: Draw) -> Tensor:
    return -draw.likelihood.log_prob(draw.x)


def _rate(draw: Draw) -> Tensor:
    return kl(draw.posterior, draw.prior, draw.z)


def _negative_log_likelihood(draw: Draw) -> Tensor:
    if not hasattr(draw.model, "density"):
        raise TypeError(
            f"{type(draw.model).__name__} has no density(), an exact p(x), as flows and PixelCNNs have: "
            "distortion + rate bounds -log p(x) where there is a posterior"
        )
    return -draw.model.density().log_prob(draw.x)


distortion = Term("distortion", r"\mathbb{E}_{q(x,z)}\!\left[-\log p_\theta(x \mid z)\right]", _distortion)
"""-E_{q(x,z)} log p(x|z): how badly x is told from z (section 10, D16)."""

rate = Term("rate", r"\mathbb{E}_{p_{\text{data}}}\,\mathrm{KL}\!\left(q_\phi(z \mid x)\,\|\,p(z)\right)", _rate)
"""E_{p_data} KL(q(z|x) || p(z)): what telling z costs (section 10, D16)."""

negative_log_likelihood = Term(
    "negative_log_likelihood",
    r"\mathbb{E}_{p_{\text{data}}}\!\left[-\log p_\theta(x)\right]",
    _negative_log_likelihood,
)
"""-E_{p_data} log p(x), what maximum likelihood minimises where log p(x) is exact: ``model.density()`` is p(x)."""
