"""Whole images from a gated PixelCNN in one launch: the vertical stack's rows, then ``pixel_row``'s pixels, row by row.

With v_0 the pixels read as -1 .. 1, nothing beyond the image's edges, and a condition m, layer l has at row r

    f, g   = b_l + M_l m_r + sum_i,j V_l,i,j v_l,(row i of those in view, column - reach + j)
    v_l+1  = tanh(f) sigma(g)          context_l = d_l + N_l m_r + U_l (f, g)

and the contexts are what the row's horizontal gates are told. The first layer has the rows above r in view, later ones
row r of their features too. The twin and the definition are PixelCNN's two samplers, ``cached_sample`` on torch and
``naive_sample``. The kernel is persistent over the image: a program draws one, and keeps in memory of its own the few
rows that are still in view.
"""

from dgm_tutor.kernels.pixel_image.op import in_one_launch, sample_image
from dgm_tutor.kernels.pixel_image.weights import Vertical

__all__ = ["Vertical", "in_one_launch", "sample_image"]
