"""PixelVAE (Gulrajani et al. 2017; section 1): a VAE whose decoder is autoregressive, p(x|z) = prod_i p(x_i | x_<i, z).

z is a vector or a feature map, its prior N(0, I) or autoregressive too. With levels=2 the latent has two levels,
p(x|z_1) p(z_1|z_2) p(z_2) and q(z_1|x) q(z_2|x), and each its KL (D2).
"""

import math

from torch import Tensor, nn
from torch.distributions import Independent

from dgm_tutor.components import GaussianHead, PixelCNN, PixelDecoder, StandardNormal, mlp, normal, pixels_of
from dgm_tutor.components.convolutions import ConvDecoder, ConvEncoder, MapDecoder, MapEncoder, grid
from dgm_tutor.components.hierarchy import (
    FactorisedPosterior,
    First,
    HierarchicalPrior,
    autoregressive_below,
    autoregressive_prior,
)
from dgm_tutor.models.latent import LatentVariableModel
from dgm_tutor.models.pixelcnn import square
from dgm_tutor.objectives import Draw, Term, annealed, distortion, rate
from dgm_tutor.objectives.terms import kl


def pixel_vae(
    *,
    x_dim: int = 784,
    z_dim: int = 16,
    z_channels: int = 0,
    levels: int = 1,
    prior: str = "standard",
    layers: int = 1,
    channels: int = 16,
    warm_up: int = 200,
    likelihood: str = "bernoulli",
    grey_levels: int = 256,
) -> LatentVariableModel:
    """Loss: -ELBO = distortion + rate, or distortion + rate_1 + rate_2 with two levels; its rates annealed.

    Args:
        x_dim: pixels of a square image of one channel.
        z_dim: dimensions of z, or of z_2, where it is a vector.
        z_channels: 0, and z (or z_1) is a vector of z_dim; else a map of that many channels, a quarter as high and as
            wide as the image.
        levels: 1 or 2 levels of latent variables; z_2 is a vector with p(z_2) = N(0, I).
        prior: of z, or of z_1 given z_2: "standard" (independent Gaussians) or "autoregressive" (a PixelCNN over a
            map, a masked autoregressive flow over a vector), trained jointly.
        layers: gated layers of the decoder's PixelCNN, each of which adds one row and column to what a pixel sees:
            the more, the more of x it tells without z, until z is empty (C4).
        channels: feature maps in those layers, and in the map that z is made.
        warm_up: training steps in which the weight of the rate grows from 0 to 1, so that z is used before it is paid
            for; 0 trains the ELBO from the first step.
        likelihood, grey_levels: as in ``pixelcnn``.
    """
    if levels not in (1, 2):
        raise ValueError(f"levels={levels}: expected 1 or 2 levels of latent variables")
    if prior not in ("standard", "autoregressive"):
        raise ValueError(f"prior={prior!r}: expected 'standard' or 'autoregressive'")
    if z_channels < 0:
        raise ValueError(f"z_channels={z_channels}: expected the channels of a map, or 0 where z is a vector")
    size = square(x_dim)
    pixels = PixelCNN(
        size, pixels_of(likelihood, grey_levels), layers=layers, first_kernel=3, channels=channels, condition=channels
    )
    if z_channels:
        dims, upsample = z_channels * math.prod(grid(size)), MapDecoder(z_channels, size, features=channels)
        posterior = GaussianHead(MapEncoder(size, 2 * z_channels))
    else:
        dims, upsample = z_dim, ConvDecoder(z_dim, size, features=channels)
        posterior = GaussianHead(ConvEncoder(size, 2 * z_dim))
    autoregressive = prior == "autoregressive"
    if levels == 1:
        p_z = autoregressive_prior(z_dim, z_channels, size) if autoregressive else StandardNormal(dims)
        objective = distortion + annealed(rate, warm_up)
        return LatentVariableModel(p_z, PixelDecoder(upsample, pixels), posterior, objective, x_dim)
    below = (
        autoregressive_below(z_dim, z_channels, size) if autoregressive else GaussianHead(mlp([z_dim, 64, 2 * dims]))
    )
    posterior = FactorisedPosterior([posterior, GaussianHead(ConvEncoder(size, 2 * z_dim))])
    decoder = PixelDecoder(nn.Sequential(First(dims), upsample), pixels)
    objective = distortion + annealed(rate_1 + rate_2, warm_up)
    p_z = HierarchicalPrior(StandardNormal(z_dim), below, dims)
    return LatentVariableModel(p_z, decoder, posterior, objective, x_dim)


def _rate_1(draw: Draw) -> Tensor:
    q_1, _ = _levels(draw)
    z_1, z_2 = draw.prior.levels(draw.z)
    return kl(q_1, draw.prior.below(z_2), z_1)


def _rate_2(draw: Draw) -> Tensor:
    return kl(_levels(draw)[1], draw.prior.top, draw.prior.levels(draw.z)[1])


def _levels(draw: Draw) -> list[Independent]:
    """q(z_1|x) and q(z_2|x), the parts of the factorised posterior."""
    q = draw.posterior.base_dist
    return [normal(*part) for part in zip(draw.prior.levels(q.loc), draw.prior.levels(q.scale), strict=True)]


rate_1 = Term(
    "rate_1",
    r"\mathbb{E}_{p_{\text{data}}}\,\mathbb{E}_{q_\phi(z_2 \mid x)}\,"
    r"\mathrm{KL}\!\left(q_\phi(z_1 \mid x)\,\|\,p_\theta(z_1 \mid z_2)\right)",
    _rate_1,
)
"""What telling z_1 costs a reader who knows z_2 ~ q(z_2|x) (D2)."""

rate_2 = Term(
    "rate_2", r"\mathbb{E}_{p_{\text{data}}}\,\mathrm{KL}\!\left(q_\phi(z_2 \mid x)\,\|\,p(z_2)\right)", _rate_2
)
"""What telling z_2 costs (D2)."""
