"""VAE (Kingma and Welling 2014): Gaussian q(z|x), N(0, I) prior, independent pixels; maximises the ELBO."""

from collections.abc import Sequence

from torch import nn

from dgm_tutor.components import BernoulliHead, GaussianHead, GaussianNoiseHead, StandardNormal, mlp
from dgm_tutor.models.latent import LatentVariableModel
from dgm_tutor.objectives import distortion, rate


def vae(
    *,
    x_dim: int = 784,
    z_dim: int = 20,
    hidden: Sequence[int] = (400,),
    likelihood: str = "bernoulli",
    sigma: float = 0.1,
) -> LatentVariableModel:
    """Loss: -ELBO = distortion + rate.

    Args:
        x_dim, z_dim: dimensions of x and z.
        hidden: sizes of the encoder's hidden layers; the decoder mirrors them.
        likelihood: "bernoulli" for binary x, "gaussian" for real x.
        sigma: the standard deviation of p(x|z) when it is Gaussian.
    """
    return LatentVariableModel(
        prior=StandardNormal(z_dim),
        decoder=decoder_head(mlp([z_dim, *reversed(hidden), x_dim]), likelihood, sigma),
        posterior=GaussianHead(mlp([x_dim, *hidden, 2 * z_dim])),
        objective=distortion + rate,
        x_dim=x_dim,
    )


def decoder_head(network: nn.Module, likelihood: str, sigma: float) -> nn.Module:
    """p(x|z) of the named family over a network's output."""
    if likelihood == "bernoulli":
        return BernoulliHead(network)
    if likelihood == "gaussian":
        if not sigma > 0:
            raise ValueError(f"sigma is a standard deviation and must be positive, got {sigma}")
        return GaussianNoiseHead(network, sigma)
    raise ValueError(f"unknown likelihood {likelihood!r}: expected 'bernoulli' (binary x) or 'gaussian' (real x)")
