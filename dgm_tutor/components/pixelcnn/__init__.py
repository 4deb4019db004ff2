"""The gated PixelCNN: autoregressive images, conditional on a feature map, with a cached sampler."""

from dgm_tutor.components.pixelcnn.distribution import PixelCNNDistribution
from dgm_tutor.components.pixelcnn.layers import GatedLayer
from dgm_tutor.components.pixelcnn.network import PixelCNN, PixelDecoder
from dgm_tutor.components.pixelcnn.pixels import Binary, Categorical, Gaussian, LogisticMixture, pixels_of
from dgm_tutor.components.pixelcnn.sampling import cached_sample, naive_sample

__all__ = [
    "Binary",
    "Categorical",
    "GatedLayer",
    "Gaussian",
    "LogisticMixture",
    "PixelCNN",
    "PixelCNNDistribution",
    "PixelDecoder",
    "cached_sample",
    "naive_sample",
    "pixels_of",
]
