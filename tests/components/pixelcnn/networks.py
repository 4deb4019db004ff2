"""PixelCNNs with random weights, and every binary image of a 3 x 3 world."""

import torch

from dgm_tutor.components.pixelcnn import Binary, Categorical, LogisticMixture, PixelCNN
from tests.components.test_components import shaken

FAMILIES = {"binary": Binary(), "categorical": Categorical(4), "logistic": LogisticMixture(4, mixtures=2)}


def random_network(size, pixels="binary", scale=0.3, seed=0, **settings) -> PixelCNN:
    """A float64 PixelCNN whose weights are far from their initialisation; small unless told otherwise."""
    settings = {"channels": 6, "layers": 3, "first_kernel": 3} | settings
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        return shaken(PixelCNN(size, FAMILIES[pixels], **settings), scale, seed).double()


def condition_for(network, *lead, seed=0):
    """A random feature map (*lead, C, H, W), or None for a network that takes none."""
    if not network.condition_channels:
        return None
    generator = torch.Generator().manual_seed(seed)
    shape = (*lead, network.condition_channels, *network.size)
    return torch.randn(shape, generator=generator, dtype=torch.float64)


def noise(n, network, seed=0):
    generator = torch.Generator().manual_seed(seed)
    return torch.rand(n, network.size[0] * network.size[1], generator=generator, dtype=torch.float64)


def all_images(pixels=9, levels=2):
    """Every image, (levels^pixels, pixels)."""
    values = torch.arange(levels, dtype=torch.float64) / (levels - 1)
    return torch.cartesian_prod(*[values] * pixels)
