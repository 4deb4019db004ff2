"""Two samplers for a PixelCNN: the definition, and one that computes nothing twice.

Both turn the same uniform noise into the same pixels. Naive sampling runs the whole network once a pixel. But when a
pixel is drawn, the features of all earlier positions stand as they were: the cached sampler keeps them, computes the
vertical stack once a row, and per pixel the one new column of the horizontal stack (Ramachandran et al. 2017).
"""

import torch
from torch import Tensor, nn

from dgm_tutor.components.pixelcnn.layers import GatedLayer, gate, plus


@torch.no_grad()
def naive_sample(network: nn.Module, u: Tensor, condition: Tensor | None = None) -> Tensor:
    """Draws (n, D) from noise u (n, D) of the pixels' family, by H * W passes; condition is (n, C, H, W)."""
    x = torch.zeros_like(u)
    drawn, noise = network.positions(x), network.positions(u)  # drawn is a view of x
    for i in range(noise.shape[1]):
        drawn[:, i] = network.pixels.draw(network.raw(x, condition)[:, i], noise[:, i])
    return x


def cached_sample(network: nn.Module, u: Tensor, condition: Tensor | None = None) -> Tensor:
    """The draws of ``naive_sample``, at the cost of about one pass and H * W small steps."""
    with torch.inference_mode():
        x = _raster(network, u, condition)
    return x.clone()  # an ordinary tensor again, which autograd takes


def _raster(network: nn.Module, u: Tensor, condition: Tensor | None) -> Tensor:
    height, width = network.size
    caches = [_Cache(layer, len(u), network.size, condition) for layer in network.layers]
    hidden, out = (_matrix(network.head[i]) for i in (1, 3))
    draw, read = network.pixels.draw, network.pixels.read
    noise = network.positions(u).transpose(0, 1).unflatten(0, (height, width)).contiguous()  # (H, W, n, *event)
    x = torch.empty_like(noise)
    columns = x.flatten(3) if x.dim() > 3 else x.unsqueeze(-1)  # the same values, (H, W, n, inputs)
    for row in range(height):
        v = read(columns[row - 1]).permute(1, 2, 0) if row else None  # (n, inputs, W)
        for cache in caches:
            v = cache.start_row(row, v)
        for column in range(width):
            h = read(columns[row, column - 1]) if column else None  # (n, inputs)
            for cache in caches:
                h = cache.step(column, h)
            raw = _linear(_linear(h.relu(), hidden).relu(), out)
            x[row, column] = draw(raw, noise[row, column])
    return columns.permute(2, 3, 0, 1).flatten(1)


class _Cache:
    """What one layer has read so far: rows of the vertical stack, and the present row of the horizontal stack.

    The first layer reads the image, which is known up to the previous row or pixel only: its input arrives one
    position late and is stored one position back (``offset``).
    """

    def __init__(self, layer: GatedLayer, n: int, size: tuple[int, int], condition: Tensor | None):
        self.layer = layer
        height, width = size
        inputs, reach = layer.vertical.in_channels, layer.reach
        weight = layer.vertical.weight
        self.rows = weight.new_zeros(n, inputs, height + reach, width + 2 * reach)
        self.offset = reach - layer.first
        row = weight.new_zeros(n, width + reach, inputs)
        self.columns = [row[:, c + self.offset] for c in range(width)]  # views, made once
        self.windows = [row[:, c : c + layer.seen].flatten(1) for c in range(width)]
        self.told = layer.told(condition)
        self.weight = layer.horizontal.weight.squeeze(2).permute(2, 1, 0).flatten(0, 1).contiguous()
        self.residual = _matrix(layer.residual)

    def start_row(self, row: int, v: Tensor | None) -> Tensor:
        """The vertical stack's features in this row, (n, channels, W); v is the newest row that is known below."""
        layer, reach = self.layer, self.layer.reach
        if v is not None:
            self.rows[:, :, row + self.offset, reach : self.rows.shape[-1] - reach] = v
        told_v, told_h = (told if told is None else told[:, :, row : row + 1] for told in self.told)
        gates = plus(layer.vertical(self.rows[:, :, row : row + layer.seen]), told_v)
        context = plus(layer.link(gates), told_h) + layer.horizontal.bias[:, None, None]
        self.context = context.squeeze(2).permute(2, 0, 1).contiguous().unbind()  # W times (n, 2 channels)
        return gate(gates).squeeze(2)

    def step(self, column: int, h: Tensor | None) -> Tensor:
        """The horizontal stack's features at this column, (n, channels); h is the newest column known below."""
        if h is not None:
            self.columns[column].copy_(h)
        gates = torch.addmm(self.context[column], self.windows[column], self.weight)
        out = _linear(gate(gates), self.residual)
        return out if self.layer.first else h + out


def _matrix(convolution: nn.Conv2d) -> tuple[Tensor, Tensor]:
    """A 1 x 1 convolution as (bias, weight) of a matrix product over columns."""
    return convolution.bias, convolution.weight.flatten(1).mT


def _linear(h: Tensor, matrix: tuple[Tensor, Tensor]) -> Tensor:
    return torch.addmm(matrix[0], h, matrix[1])
