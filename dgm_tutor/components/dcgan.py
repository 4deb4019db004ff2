"""Convolutional players of a game over images, in the manner of DCGAN (Radford et al. 2016) and InfoGAN's appendix.

Strides, batch normalisation and leaky ReLUs. The widths are InfoGAN's, by ``channels``, which is 64 there: c and 2c
channels, 16c features. Images are flattened (..., H * W), of one channel.
"""

import math

from torch import Tensor, nn

from dgm_tutor.components.convolutions import grid

SLOPE = 0.1  # of the leaky ReLUs


class ImageTrunk(nn.Module):
    """Images (..., H * W) to ``features`` numbers, on which a critic's head and q's can stand.

    In training each batch is normalised by itself: show real and generated images apart, and no penalty of single
    points' slopes goes with it.
    """

    def __init__(self, size: tuple[int, int], channels: int):
        super().__init__()
        cells = math.prod(grid(size))
        self.features = 16 * channels
        self.layers = nn.Sequential(
            nn.Unflatten(1, (1, *size)),
            nn.Conv2d(1, channels, 3, stride=2, padding=1),
            nn.LeakyReLU(SLOPE),
            nn.Conv2d(channels, 2 * channels, 3, stride=2, padding=1),
            nn.BatchNorm2d(2 * channels),
            nn.LeakyReLU(SLOPE),
            nn.Flatten(),
            nn.Linear(2 * channels * cells, self.features),
            nn.BatchNorm1d(self.features),
            nn.LeakyReLU(SLOPE),
        )

    def forward(self, x: Tensor) -> Tensor:
        return self.layers(x.reshape(-1, x.shape[-1])).reshape(*x.shape[:-1], self.features)


class ImageMaker(nn.Module):
    """Vectors (..., inputs) to images (..., H * W), of any numbers: what squashes them comes after."""

    def __init__(self, inputs: int, size: tuple[int, int], channels: int):
        super().__init__()
        self.size, features, shape = tuple(size), 16 * channels, (2 * channels, *grid(size))
        self.layers = nn.Sequential(
            nn.Linear(inputs, features),
            nn.BatchNorm1d(features),
            nn.ReLU(),
            nn.Linear(features, math.prod(shape)),
            nn.BatchNorm1d(math.prod(shape)),
            nn.ReLU(),
            nn.Unflatten(1, shape),
            nn.ConvTranspose2d(2 * channels, channels, 4, stride=2, padding=1),
            nn.BatchNorm2d(channels),
            nn.ReLU(),
            nn.ConvTranspose2d(channels, 1, 4, stride=2, padding=1),
        )

    def forward(self, z: Tensor) -> Tensor:
        height, width = self.size
        images = self.layers(z.reshape(-1, z.shape[-1]))[..., :height, :width]
        return images.reshape(*z.shape[:-1], height * width)
