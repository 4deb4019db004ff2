"""Two samplers for a PixelCNN: the definition, and one that computes nothing twice.

Both turn the same uniform noise into the same pixels. Naive sampling runs the whole network once a pixel. But when a
pixel is drawn, the features of all earlier positions stand as they were: the cached sampler keeps them, computes the
vertical stack once a row, and per pixel the one new column of the horizontal stack (Ramachandran et al. 2017).
"""

import torch
from torch import Tensor, nn

from dgm_tutor.components.pixelcnn.layers import GatedLayer, plus
from dgm_tutor.kernels.graphs import repeat
from dgm_tutor.kernels.pixel_image import Vertical, in_one_launch, sample_image
from dgm_tutor.kernels.pixel_row import Row, Weights, gate, sample_row


@torch.no_grad()
def naive_sample(network: nn.Module, u: Tensor, condition: Tensor | None = None) -> Tensor:
    """Draws (n, D) from noise u (n, D) of the pixels' family, by H * W passes; condition is (n, C, H, W)."""
    x = torch.zeros_like(u)
    drawn, noise = network.positions(x), network.positions(u)  # drawn is a view of x
    for i in range(noise.shape[1]):
        drawn[:, i] = network.pixels.draw(network.raw(x, condition)[:, i], noise[:, i])
    return x


def cached_sample(network: nn.Module, u: Tensor, condition: Tensor | None = None) -> Tensor:
    """The draws of ``naive_sample``, at the cost of about one pass and H * W small steps.

    Rows are alike, so one step draws any of them; it may be recorded as a CUDA graph (``kernels.graphs``). Or one
    kernel draws whole images (``kernels.pixel_image``).
    """
    with torch.inference_mode():
        if in_one_launch(u):
            noise, weights = _raster(network, u), _weights(network)
            x = _flat(sample_image(network.pixels, noise, condition, _vertical(network), weights))
        else:
            rows = _Rows(network, u, condition)
            repeat(rows.step, network.size[0], u.device)
            x = rows.image()
    return x.clone()  # an ordinary tensor again, which autograd takes


def _raster(network: nn.Module, u: Tensor) -> Tensor:
    """u (n, D) as (H, W, n, *event)."""
    return network.positions(u).transpose(0, 1).unflatten(0, network.size).contiguous()


def _flat(x: Tensor) -> Tensor:
    """x (H, W, n, *event) as (n, D)."""
    return x.flatten(0, 1).movedim(1, 0).transpose(1, -1).flatten(1)


class _Rows:
    """Image rows from top to bottom, a ``step`` each: all state is in tensors that stay where they are."""

    def __init__(self, network: nn.Module, u: Tensor, condition: Tensor | None):
        width = network.size[1]
        self.read = network.pixels.read
        self.stacks = [_Vertical(layer, len(u), width, condition) for layer in network.layers]
        self.row = Row(_weights(network), network.pixels, len(u), width)
        self.noise = _raster(network, u)
        self.x = torch.empty_like(self.noise)  # (H, W, n, *event)
        self.newest = u.new_zeros(len(u), network.inputs, width)  # the row above, as the network reads it
        self.at = torch.zeros(1, dtype=torch.long, device=u.device)

    def step(self) -> None:
        v, contexts = self.newest, []
        for stack in self.stacks:
            v, context = stack.row(v, self.at)
            contexts.append(context)
        x = sample_row(self.row, contexts, self.noise.index_select(0, self.at).squeeze(0))
        self.x.index_copy_(0, self.at, x.unsqueeze(0))
        self.newest.copy_(self.read(x.flatten(2) if x.dim() > 2 else x.unsqueeze(-1)).permute(1, 2, 0))
        self.at.add_(1)

    def image(self) -> Tensor:
        """x (n, D)."""
        return _flat(self.x)


class _Vertical:
    """A layer's vertical stack, a row at a time: the rows that its kernel reads are kept, and nothing else."""

    def __init__(self, layer: GatedLayer, n: int, width: int, condition: Tensor | None):
        self.layer, weight = layer, layer.vertical.weight
        self.window = weight.new_zeros(n, weight.shape[1], layer.seen, width + 2 * layer.reach)
        self.told = layer.told(condition)

    def row(self, v: Tensor, at: Tensor) -> tuple[Tensor, Tensor]:
        """The features of row ``at``, (n, channels, W), and what its horizontal gates are told, (W, n, 2 channels);
        v is the newest row that the layer may read: its own, or the one above for the first layer."""
        layer, reach = self.layer, self.layer.reach
        self.window[:, :, :-1] = self.window[:, :, 1:].clone()
        self.window[:, :, -1, reach:-reach] = v
        told_v, told_h = (told if told is None else told.index_select(2, at) for told in self.told)
        gates = plus(layer.vertical(self.window), told_v)
        context = plus(layer.link(gates), told_h) + layer.horizontal.bias[:, None, None]
        return gate(gates).squeeze(2), context.squeeze(2).permute(2, 0, 1).contiguous()


def _weights(network: nn.Module) -> Weights:
    """The convolutions of the horizontal stack and of the head as products over features."""
    first, *later = (layer.horizontal.weight.squeeze(2).permute(2, 1, 0).contiguous() for layer in network.layers)
    residuals = [layer.residual for layer in network.layers]
    hidden, out = network.head[1], network.head[3]
    return Weights(
        first=first,
        later=torch.stack(later) if later else first.new_empty(0, 1, first.shape[2] // 2, first.shape[2]),
        residual=torch.stack([_matrix(residual) for residual in residuals]),
        residual_bias=torch.stack([residual.bias for residual in residuals]),
        hidden=_matrix(hidden),
        hidden_bias=hidden.bias,
        out=_matrix(out),
        out_bias=out.bias,
    )


def _vertical(network: nn.Module) -> Vertical:
    """The convolutions of the vertical stack as products over features; biases that add up are one."""
    layers = network.layers
    told = torch.stack([_told(layer) for layer in layers])  # (L, D + 1, 4 channels), the bias last
    told_v, told_h = told.chunk(2, -1)
    return Vertical(
        weight=torch.cat([layer.vertical.weight.permute(2, 3, 1, 0).flatten() for layer in layers]),
        bias=torch.stack([layer.vertical.bias for layer in layers]) + told_v[:, -1],
        told=told_v[:, :-1],
        link=torch.stack([_matrix(layer.link) for layer in layers]),
        link_bias=torch.stack([layer.link.bias + layer.horizontal.bias for layer in layers]) + told_h[:, -1],
        link_told=told_h[:, :-1],
    )


def _told(layer: GatedLayer) -> Tensor:
    """(D + 1, 4 channels): what the condition is multiplied with, and what is added."""
    if layer.condition is None:
        return layer.link.weight.new_zeros(1, 2 * len(layer.link.weight))
    return torch.cat([_matrix(layer.condition), layer.condition.bias.unsqueeze(0)])


def _matrix(convolution: nn.Conv2d) -> Tensor:
    """A 1 x 1 convolution as the matrix of a product, features @ matrix."""
    return convolution.weight.flatten(1).mT
