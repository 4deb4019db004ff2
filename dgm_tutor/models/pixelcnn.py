"""PixelCNN (van den Oord et al. 2016; section 0): p(x) = prod_i p(x_i | x_<i), pixels in raster order."""

import math

from dgm_tutor.components import PixelCNN, pixels_of
from dgm_tutor.models.density import DensityModel


def pixelcnn(
    *,
    x_dim: int = 784,
    layers: int = 5,
    channels: int = 16,
    likelihood: str = "bernoulli",
    grey_levels: int = 256,
) -> DensityModel:
    """Loss: -log p(x), exact.

    Args:
        x_dim: pixels of a square image of one channel.
        layers, channels: gated layers, and the feature maps in each.
        likelihood: "bernoulli" for binary pixels; "categorical" or "logistic_mixture" for ``grey_levels`` levels,
            k / (grey_levels - 1).
    """
    density = PixelCNN(square(x_dim), pixels_of(likelihood, grey_levels), layers=layers, channels=channels)
    return DensityModel(density, x_dim)


def square(x_dim: int) -> tuple[int, int]:
    """(H, W) of a square image of x_dim pixels; ValueError where there is none."""
    side = math.isqrt(max(x_dim, 0))
    if side < 1 or side * side != x_dim:
        raise ValueError(f"x_dim={x_dim}: expected the pixels of a square image of one channel, such as 784")
    return side, side
