"""VAE with an autoregressive flow as its prior (section 2; Huang et al. 2018 for NAF; C7).

loss = -E_q log p(x|z) + E_q[log q(z|x) - log p(z)],   p(z) = N(f^-1(z); 0, I) |det df^-1(z)/dz|
The prior learns with the rest: it narrows KL(q(z) || p(z)), which a fixed prior leaves to the posterior.
"""

from collections.abc import Sequence

from dgm_tutor.components import GaussianHead, StandardNormal, mlp
from dgm_tutor.components.flows import FlowPrior
from dgm_tutor.models.flow import transform_named
from dgm_tutor.models.latent import LatentVariableModel
from dgm_tutor.models.vae import decoder_head
from dgm_tutor.objectives import distortion, rate


def flow_prior_vae(
    *,
    prior: str = "maf",
    layers: int = 2,
    flow_hidden: Sequence[int] = (64,),
    x_dim: int = 784,
    z_dim: int = 20,
    hidden: Sequence[int] = (400,),
    likelihood: str = "bernoulli",
    sigma: float = 0.1,
) -> LatentVariableModel:
    """Loss: -ELBO = distortion + rate; the rate by its Monte Carlo form, as no closed one exists.

    Args:
        prior: "maf", "naf" or "real_nvp": what p(z) is made of. The density of z, all that training needs, is fast.
        layers, flow_hidden: of the prior.
        x_dim, z_dim, hidden, likelihood, sigma: as in ``vae``.
    """
    return LatentVariableModel(
        prior=FlowPrior(StandardNormal(z_dim), transform_named(prior, z_dim, layers, flow_hidden)),
        decoder=decoder_head(mlp([z_dim, *reversed(hidden), x_dim]), likelihood, sigma),
        posterior=GaussianHead(mlp([x_dim, *hidden, 2 * z_dim])),
        objective=distortion + rate,
        x_dim=x_dim,
    )
