"""Convolutional networks between flattened images and vectors: 28 x 28 takes 7 x 7 as its coarse grid."""

from torch import Tensor, nn


class ConvEncoder(nn.Module):
    """Images (..., H * W) to vectors (..., outputs): two strided convolutions and a linear layer."""

    def __init__(self, size: tuple[int, int], outputs: int, channels: int = 32):
        super().__init__()
        rows, columns = _coarse(size)
        self.layers = nn.Sequential(
            nn.Unflatten(1, (1, *size)),
            nn.Conv2d(1, channels, 3, stride=2, padding=1),
            nn.ReLU(),
            nn.Conv2d(channels, 2 * channels, 3, stride=2, padding=1),
            nn.ReLU(),
            nn.Flatten(),
            nn.Linear(2 * channels * rows * columns, outputs),
        )

    def forward(self, x: Tensor) -> Tensor:
        return self.layers(x.reshape(-1, x.shape[-1])).reshape(*x.shape[:-1], -1)


class ConvDecoder(nn.Module):
    """Vectors (..., inputs) to feature maps (..., features, H, W): a linear layer and two upsampling convolutions."""

    def __init__(self, inputs: int, size: tuple[int, int], features: int = 1, channels: int = 32):
        super().__init__()
        self.size = tuple(size)
        rows, columns = _coarse(size)
        self.layers = nn.Sequential(
            nn.Linear(inputs, 2 * channels * rows * columns),
            nn.Unflatten(1, (2 * channels, rows, columns)),
            nn.ReLU(),
            nn.ConvTranspose2d(2 * channels, channels, 4, stride=2, padding=1),
            nn.ReLU(),
            nn.ConvTranspose2d(channels, features, 4, stride=2, padding=1),
        )

    def forward(self, z: Tensor) -> Tensor:
        height, width = self.size
        maps = self.layers(z.reshape(-1, z.shape[-1]))[..., :height, :width]
        return maps.reshape(*z.shape[:-1], *maps.shape[1:])


def _coarse(size: tuple[int, int]) -> tuple[int, int]:
    """A quarter of each side, rounded up."""
    height, width = size
    return -(-height // 4), -(-width // 4)
