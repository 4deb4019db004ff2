"""The PixelCNN: p(x | condition) = prod_i p(x_i | x_<i, condition), positions in raster order."""

import math

from torch import Tensor, nn

from dgm_tutor.components.pixelcnn.distribution import PixelCNNDistribution
from dgm_tutor.components.pixelcnn.layers import GatedLayer
from dgm_tutor.components.pixelcnn.pixels import Binary, Pixels


class PixelCNN(nn.Module):
    """A gated PixelCNN (van den Oord et al. 2016b): called on its condition, a distribution over flattened images.

    With ``Gaussian(channels)`` it is one over real feature maps, flattened from (channels, H, W), whose channels are
    independent given all earlier positions: the autoregressive prior of a PixelVAE.

    Pixel (r, c) depends on all pixels of the ``reach`` rows above it, up to ``reach`` columns to either side, and on
    the ``reach`` pixels before it in its row: a rectangle without a blind spot.

    Args:
        size: (H, W); the event is (H * W,), times the channels of a map.
        pixels: the family of one position: ``Binary()``, ``Categorical(levels)``, ``LogisticMixture(levels)`` or
            ``Gaussian(channels)``.
        channels: of every hidden feature map.
        layers: gated layers, at least 1.
        condition: channels of the feature map (..., condition, H, W) that it is called on; 0 for none.
        first_kernel, kernel: odd sizes, of the first and of later layers.
    """

    def __init__(
        self,
        size: tuple[int, int],
        pixels: Pixels | None = None,
        *,
        channels: int = 32,
        layers: int = 5,
        condition: int = 0,
        first_kernel: int = 7,
        kernel: int = 3,
    ):
        super().__init__()
        if layers < 1:
            raise ValueError(f"layers={layers}: expected at least 1")
        if first_kernel < 3 or kernel < 3 or first_kernel % 2 == 0 or kernel % 2 == 0:
            raise ValueError(f"first_kernel={first_kernel}, kernel={kernel}: expected odd sizes of at least 3")
        self.size = tuple(size)
        self.pixels = pixels or Binary()
        self.inputs = math.prod(self.pixels.event)
        self.condition_channels = condition
        self.layers = nn.ModuleList(
            GatedLayer(
                self.inputs if first else channels, channels, first_kernel if first else kernel, first, condition
            )
            for first in [True] + [False] * (layers - 1)
        )
        self.head = nn.Sequential(
            nn.ReLU(), nn.Conv2d(channels, channels, 1), nn.ReLU(), nn.Conv2d(channels, self.pixels.parameters, 1)
        )

    @property
    def reach(self) -> int:
        """How many rows above, and columns to either side, a pixel depends on."""
        return sum(layer.reach for layer in self.layers)

    def forward(self, condition: Tensor | None = None) -> PixelCNNDistribution:
        expected = (self.condition_channels, *self.size) if self.condition_channels else None
        given = None if condition is None else tuple(condition.shape[-3:])
        if given != expected:
            raise ValueError(f"expected a condition of shape (..., C, H, W) ending in {expected}, got {given}")
        return PixelCNNDistribution(self, condition)

    def raw(self, x: Tensor, condition: Tensor | None = None) -> Tensor:
        """What the network says of every position, (n, H * W, parameters), from flattened x (n, D), in one pass."""
        v = h = self.pixels.read(x).unflatten(-1, (self.inputs, *self.size))
        for layer in self.layers:
            v, h = layer(v, h, condition)
        return self.head(h).flatten(2).mT

    def positions(self, x: Tensor) -> Tensor:
        """Flattened x (n, D) as what stands at each position, (n, H * W, *event)."""
        return x.unflatten(-1, (*self.pixels.event, -1)).movedim(-1, 1)

    def refuse(self, x: Tensor) -> str | None:
        """None, or why x has no probability here."""
        return self.pixels.refuse(x)


class PixelDecoder(nn.Module):
    """p(x|z) of a PixelVAE (Gulrajani et al. 2017): a network makes z a feature map, a PixelCNN is told that map.

    p(z_1|z_2) is made the same way, where the PixelCNN is one over the map z_1.
    """

    def __init__(self, network: nn.Module, pixelcnn: PixelCNN):
        super().__init__()
        self.network, self.pixelcnn = network, pixelcnn

    def forward(self, z: Tensor) -> PixelCNNDistribution:
        return self.pixelcnn(self.network(z))

    def refuse(self, x: Tensor) -> str | None:
        return self.pixelcnn.refuse(x)
