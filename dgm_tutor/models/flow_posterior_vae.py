"""VAE with a flow posterior (section 3; Rezende and Mohamed 2015: planar, radial; Kingma et al. 2016: IAF; C8).

z' ~ q(z'|x),  z = f(z'; x):   log q(z|x) = log q(z'|x) - log |det df/dz'|   (D5)
loss = -E_q log p(x|z) + E_q[log q(z|x) - log p(z)], log p at z, not at z'.
"""

from collections.abc import Sequence

from dgm_tutor.components import StandardNormal, mlp
from dgm_tutor.components.flows import FlowPosterior, Stack, iaf, planar, radial, sylvester
from dgm_tutor.models.latent import LatentVariableModel
from dgm_tutor.models.vae import decoder_head
from dgm_tutor.objectives import distortion, rate


def flow_posterior_vae(
    *,
    posterior: str = "iaf",
    layers: int = 4,
    flow_hidden: Sequence[int] = (64,),
    context_dim: int = 32,
    x_dim: int = 784,
    z_dim: int = 20,
    hidden: Sequence[int] = (400,),
    likelihood: str = "bernoulli",
    sigma: float = 0.1,
) -> LatentVariableModel:
    """Loss: -ELBO = distortion + rate; log q(z|x) is computed on the way from z' to z, the fast direction.

    Args:
        posterior: "iaf" (the context enters every step), or "planar", "radial", "sylvester" (Householder), whose
            parameters are linear in the context.
        layers: of the flow; flow_hidden: hidden sizes of an IAF step.
        context_dim: numbers the encoder gives to the flow, besides mu and log sigma.
        x_dim, z_dim, hidden, likelihood, sigma: as in ``vae``.
    """
    if context_dim < 1:
        raise ValueError(f"context_dim={context_dim}: expected 1 or more, or the flow would not know x")
    transform = _transform_named(posterior, z_dim, layers, flow_hidden, context_dim)
    return LatentVariableModel(
        prior=StandardNormal(z_dim),
        decoder=decoder_head(mlp([z_dim, *reversed(hidden), x_dim]), likelihood, sigma),
        posterior=FlowPosterior(mlp([x_dim, *hidden, 2 * z_dim + context_dim]), transform, z_dim),
        objective=distortion + rate,
        x_dim=x_dim,
    )


def _transform_named(name: str, dim: int, layers: int, hidden: Sequence[int], context_dim: int) -> Stack:
    if name == "iaf":
        return iaf(dim, layers, hidden, context_dim)
    amortised = {"planar": planar, "radial": radial, "sylvester": sylvester}
    if name not in amortised:
        raise ValueError(f"unknown posterior {name!r}: expected one of iaf, {', '.join(amortised)}")
    return amortised[name](dim, layers, context_dim=context_dim)
