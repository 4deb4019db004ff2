"""The gated layer with a vertical and a horizontal stack (van den Oord et al. 2016b, fig. 2 and eq. 4).

At pixel (r, c) the vertical stack knows rows above r, the horizontal stack also the pixels left of c in row r. No
weight is masked: kernels are only as large as what they may see, and the padding puts them there.
"""

import torch.nn.functional as F
from torch import Tensor, nn

from dgm_tutor.kernels.pixel_row import gate


class GatedLayer(nn.Module):
    """(v, h) -> (v, h), each (n, channels, H, W); the image itself is v and h of the first layer.

    The first layer excludes the pixel it speaks about (mask type A): its kernels end one row above and one column
    left. Later layers read features that exclude it already, and may read them in place (type B).

    Args:
        inputs, channels: of the features read and written.
        kernel: odd; features up to kernel // 2 rows and columns away are read.
        first: whether the inputs are the image.
        condition: channels of the map that the gates are told, 0 for none.
    """

    def __init__(self, inputs: int, channels: int, kernel: int, first: bool, condition: int):
        super().__init__()
        self.first = first
        self.reach = kernel // 2
        self.seen = self.reach if first else self.reach + 1
        self.vertical = nn.Conv2d(inputs, 2 * channels, (self.seen, kernel))
        self.horizontal = nn.Conv2d(inputs, 2 * channels, (1, self.seen))
        self.link = nn.Conv2d(2 * channels, 2 * channels, 1)
        self.residual = nn.Conv2d(channels, channels, 1)
        self.condition = nn.Conv2d(condition, 4 * channels, 1) if condition else None

    def forward(self, v: Tensor, h: Tensor, condition: Tensor | None = None) -> tuple[Tensor, Tensor]:
        height, width = v.shape[-2:]
        told_v, told_h = self.told(condition)
        v_gates = plus(self.vertical(F.pad(v, (self.reach, self.reach, self.reach, 0)))[..., :height, :], told_v)
        h_gates = plus(self.horizontal(F.pad(h, (self.reach, 0)))[..., :width] + self.link(v_gates), told_h)
        out = self.residual(gate(h_gates))
        return gate(v_gates), out if self.first else h + out

    def told(self, condition: Tensor | None) -> tuple[Tensor | None, Tensor | None]:
        """What the condition adds to the vertical and to the horizontal gates, each (n, 2 channels, H, W)."""
        return (None, None) if self.condition is None else self.condition(condition).chunk(2, 1)


def plus(gates: Tensor, told: Tensor | None) -> Tensor:
    """The gates with what they are told, where they are told something."""
    return gates if told is None else gates + told
