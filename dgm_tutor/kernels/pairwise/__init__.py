r"""Squared MMD: a kernel summed over all pairs of points, in O(N) memory, with its gradient from the same sweep.

    MMD^2 = w_xx sum_{i != j} k(x_i, x_j) + w_yy sum_{i != j} k(y_i, y_j) - 2 w_xy sum_ij k(x_i, y_j) (+ diagonal)

with w_xx = 1 / n(n-1), w_xy = 1 / nm for the U-statistic; the V-statistic has 1 / n^2 and counts each point's pair with
itself, where k = 1. k is a function of r = |a - b|^2 alone, averaged over five bandwidths, octaves around s:

    rbf  k = exp(-r / s)    imq  k = s / (s + r)

Put x and y together as N = n + m points z with pair weights a_ij = a_ji. Then MMD^2 = sum_i v_i, and row i alone has
both its share of the value and *all* of its gradient, as the sum is symmetric:

    v_i = sum_{j != i} a_ij k_ij        dMMD^2/dz_i = 4 sum_{j != i} a_ij k'_ij (z_i - z_j)

So each row is one program's, nothing is added up by two, and nothing of size N x N is kept. (Gretton et al. 2012.)
"""

from dgm_tutor.kernels.pairwise.op import squared_mmd
from dgm_tutor.kernels.pairwise.oracle import KERNELS, OCTAVES, kernel_matrix

__all__ = ["KERNELS", "OCTAVES", "kernel_matrix", "squared_mmd"]
