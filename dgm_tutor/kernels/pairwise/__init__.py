"""Sums over all pairs of points, in O(N) memory."""

from dgm_tutor.kernels.pairwise.torch import KERNELS, kernel_matrix, kernel_sum, kernel_sum_within

__all__ = ["KERNELS", "kernel_matrix", "kernel_sum", "kernel_sum_within"]
