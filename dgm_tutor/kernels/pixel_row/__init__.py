"""One row of pixels from a gated PixelCNN: the horizontal stack, the head and the draw, pixel after pixel.

What the vertical stack says of a row is known before its first pixel is drawn. With c_l its gates' share in layer l,
h_0 the pixels read as -1 .. 1, and nothing left of the row's first pixel, at each column:

    f, g = c_l + sum_s W_l,s h_l,(column - reach + s)    h_l+1 = [h_l +] R_l (tanh(f) sigma(g)) + r_l
    raw  = O relu(H relu(h_L) + b) + o                   x = draw(raw, noise)

The first layer's s ends before the pixel itself and it has no residual. The kernel is persistent over the row: one
program an image, which keeps what later pixels need in registers and reads nothing that it wrote.
"""

from dgm_tutor.kernels.pixel_row.op import FAMILIES, sample_row
from dgm_tutor.kernels.pixel_row.torch import Row, Weights, gate

__all__ = ["FAMILIES", "Row", "Weights", "gate", "sample_row"]
