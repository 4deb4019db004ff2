"""Convolutional networks between flattened images, vectors and coarse feature maps: 28 x 28 has a grid of 7 x 7."""

import math

from torch import Tensor, nn


class ConvEncoder(nn.Module):
    """Images (..., H * W) to vectors (..., outputs): two strided convolutions and a linear layer."""

    def __init__(self, size: tuple[int, int], outputs: int, channels: int = 32):
        super().__init__()
        rows, columns = grid(size)
        self.layers = nn.Sequential(*_down(size, channels), nn.Linear(2 * channels * rows * columns, outputs))

    def forward(self, x: Tensor) -> Tensor:
        return self.layers(x.reshape(-1, x.shape[-1])).reshape(*x.shape[:-1], -1)


class MapEncoder(ConvEncoder):
    """Images (..., H * W) to maps of ``outputs`` channels on the coarse grid, flattened (..., outputs * cells)."""

    def __init__(self, size: tuple[int, int], outputs: int, channels: int = 32):
        nn.Module.__init__(self)
        shape = (2 * channels, *grid(size))
        last = nn.Conv2d(2 * channels, outputs, 3, padding=1)
        self.layers = nn.Sequential(*_down(size, channels), nn.Unflatten(1, shape), last, nn.Flatten())


class ConvDecoder(nn.Module):
    """Vectors (..., inputs) to feature maps (..., features, H, W): a linear layer and two upsampling convolutions."""

    def __init__(self, inputs: int, size: tuple[int, int], features: int = 1, channels: int = 32):
        super().__init__()
        self.size = tuple(size)
        shape = (2 * channels, *grid(size))
        first = (nn.Linear(inputs, math.prod(shape)), nn.Unflatten(1, shape))
        self.layers = nn.Sequential(*first, *_up(channels, features))

    def forward(self, z: Tensor) -> Tensor:
        height, width = self.size
        maps = self.layers(z.reshape(-1, z.shape[-1]))[..., :height, :width]
        return maps.reshape(*z.shape[:-1], *maps.shape[1:])


class MapDecoder(ConvDecoder):
    """Flattened maps of ``inputs`` channels on the coarse grid to feature maps (..., features, H, W)."""

    def __init__(self, inputs: int, size: tuple[int, int], features: int = 1, channels: int = 32):
        nn.Module.__init__(self)
        self.size = tuple(size)
        first = (nn.Unflatten(1, (inputs, *grid(size))), nn.Conv2d(inputs, 2 * channels, 3, padding=1))
        self.layers = nn.Sequential(*first, *_up(channels, features))


class ToGrid(nn.Module):
    """Vectors (..., inputs) to feature maps on the coarse grid itself, (..., features, rows, columns)."""

    def __init__(self, inputs: int, size: tuple[int, int], features: int):
        super().__init__()
        self.shape = (features, *grid(size))
        hidden = 64
        self.layers = nn.Sequential(nn.Linear(inputs, hidden), nn.ReLU(), nn.Linear(hidden, math.prod(self.shape)))

    def forward(self, z: Tensor) -> Tensor:
        return self.layers(z).unflatten(-1, self.shape)


def grid(size: tuple[int, int]) -> tuple[int, int]:
    """The coarse grid of an image: a quarter of each side, rounded up."""
    height, width = size
    return -(-height // 4), -(-width // 4)


def _down(size: tuple[int, int], channels: int) -> tuple[nn.Module, ...]:
    """Images (n, H * W) to 2 ``channels`` features on the coarse grid, flattened.

    SiLU, not ReLU: at a learning rate that suits a PixelCNN all of an encoder's ReLUs can die in a few steps, and then
    q(z|x) is the same for every x, which looks like collapse and is not.
    """
    return (
        nn.Unflatten(1, (1, *size)),
        nn.Conv2d(1, channels, 3, stride=2, padding=1),
        nn.SiLU(),
        nn.Conv2d(channels, 2 * channels, 3, stride=2, padding=1),
        nn.SiLU(),
        nn.Flatten(),
    )


def _up(channels: int, features: int) -> tuple[nn.Module, ...]:
    """2 ``channels`` features on the coarse grid to ``features`` at four times its sides."""
    return (
        nn.SiLU(),
        nn.ConvTranspose2d(2 * channels, channels, 4, stride=2, padding=1),
        nn.SiLU(),
        nn.ConvTranspose2d(channels, features, 4, stride=2, padding=1),
    )
