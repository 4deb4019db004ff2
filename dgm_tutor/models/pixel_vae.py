"""PixelVAE (Gulrajani et al. 2017; section 1): a VAE whose decoder is autoregressive, p(x|z) = prod_i p(x_i | x_<i, z).

With levels=2 the latent has two levels, p(x|z_1) p(z_1|z_2) p(z_2) and q(z_1|x) q(z_2|x), and each its KL (D2).
"""

from torch import Tensor, nn
from torch.distributions import Independent

from dgm_tutor.components import (
    ConvDecoder,
    ConvEncoder,
    GaussianHead,
    PixelCNN,
    PixelDecoder,
    StandardNormal,
    mlp,
    normal,
    pixels_of,
)
from dgm_tutor.components.hierarchy import First, HierarchicalPrior
from dgm_tutor.models.latent import LatentVariableModel
from dgm_tutor.models.pixelcnn import square
from dgm_tutor.objectives import Draw, Term, distortion, rate
from dgm_tutor.objectives.terms import kl


def pixel_vae(
    *,
    x_dim: int = 784,
    z_dim: int = 16,
    levels: int = 1,
    layers: int = 3,
    channels: int = 16,
    likelihood: str = "bernoulli",
    grey_levels: int = 256,
) -> LatentVariableModel:
    """Loss: -ELBO = distortion + rate, or distortion + rate_1 + rate_2 with two levels.

    Args:
        x_dim: pixels of a square image of one channel.
        z_dim: dimensions of z, and of each of z_1 and z_2.
        levels: 1 or 2 levels of latent variables.
        layers: gated layers of the decoder's PixelCNN: the more, the more of x it tells without z.
        channels: feature maps in those layers, and in the map that z is made.
        likelihood, grey_levels: as in ``pixelcnn``.
    """
    if levels not in (1, 2):
        raise ValueError(f"levels={levels}: expected 1 or 2 levels of latent variables")
    size = square(x_dim)
    upsample = ConvDecoder(z_dim, size, features=channels)
    pixels = PixelCNN(size, pixels_of(likelihood, grey_levels), layers=layers, channels=channels, condition=channels)
    posterior = GaussianHead(ConvEncoder(size, 2 * levels * z_dim))
    if levels == 1:
        decoder = PixelDecoder(upsample, pixels)
        return LatentVariableModel(StandardNormal(z_dim), decoder, posterior, distortion + rate, x_dim)
    prior = HierarchicalPrior(StandardNormal(z_dim), GaussianHead(mlp([z_dim, 64, 2 * z_dim])))
    decoder = PixelDecoder(nn.Sequential(First(z_dim), upsample), pixels)
    return LatentVariableModel(prior, decoder, posterior, distortion + rate_1 + rate_2, x_dim)


def _level(q: Independent, level: int) -> Independent:
    """q(z_1|x) or q(z_2|x), a half of the factorised posterior."""
    mu, sigma = (t.chunk(2, -1)[level] for t in (q.base_dist.loc, q.base_dist.scale))
    return normal(mu, sigma)


def _rate_1(draw: Draw) -> Tensor:
    z_1, z_2 = draw.z.chunk(2, -1)
    return kl(_level(draw.posterior, 0), draw.prior.below(z_2), z_1)


def _rate_2(draw: Draw) -> Tensor:
    return kl(_level(draw.posterior, 1), draw.prior.top, draw.z.chunk(2, -1)[1])


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
