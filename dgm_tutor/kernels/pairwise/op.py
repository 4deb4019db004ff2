"""Squared MMD as one operation: its value and its gradients come from the same sweep."""

import torch
from torch import Tensor

from dgm_tutor.kernels.backend import backend
from dgm_tutor.kernels.inputs import expect
from dgm_tutor.kernels.once import once
from dgm_tutor.kernels.pairwise import torch as twin
from dgm_tutor.kernels.pairwise.oracle import KERNELS

MOST_COORDINATES = 64
"""Above this the kernel, which makes the distances anew for every 16 coordinates of the gradient, is estimated to lose
against torch's products of matrices; DGM_BACKEND=triton takes it all the same."""


def squared_mmd(x: Tensor, y: Tensor, kernel: str, bandwidth: float, unbiased: bool = True) -> Tensor:
    """MMD^2 of x (n, d) and y (m, d), a scalar; differentiable once in both, in O(n + m) memory.

    Args:
        kernel: "rbf" or "imq".
        bandwidth: the middle one, a squared distance.
        unbiased: the U-statistic; else the V-statistic.

    Raises:
        ValueError: an unknown kernel, a bandwidth that is not positive, or points that do not fit: an unbiased estimate
            wants two of each, as it pairs none with itself.
    """
    if kernel not in KERNELS or not 0 < bandwidth < float("inf"):
        known = ", ".join(KERNELS)
        raise ValueError(f"kernel={kernel!r}, bandwidth={bandwidth!r}: expected one of {known}, and a number > 0")
    least = 2 if unbiased else 1
    fit = x.dim() == y.dim() == 2 and x.shape[1] == y.shape[1] > 0 and len(x) >= least and len(y) >= least
    expect(f"x (n, d) and y (m, d), at least {least} points each", fit, x, y)
    wanted = [torch.is_grad_enabled() and points.requires_grad for points in (x, y)]
    return _squared_mmd(x, y, kernel, bandwidth, unbiased, *wanted)[0]


@torch.library.custom_op("dgm_tutor::squared_mmd", mutates_args=())
def _squared_mmd(
    x: Tensor, y: Tensor, kernel: str, bandwidth: float, unbiased: bool, want_x: bool, want_y: bool
) -> tuple[Tensor, Tensor, Tensor]:
    if backend(x, y, pays=x.shape[1] <= MOST_COORDINATES) == "triton":
        from dgm_tutor.kernels.pairwise.triton import squared_mmd as run
    else:
        run = twin.squared_mmd
    return run(x, y, kernel, bandwidth, unbiased, (want_x, want_y))


@_squared_mmd.register_fake
def _(x, y, kernel, bandwidth, unbiased, want_x, want_y):
    return x.new_empty(()), x.new_empty(x.shape), y.new_empty(y.shape)


def _keep(ctx, inputs, output):
    _, in_x, in_y = output
    ctx.save_for_backward(in_x, in_y)


@once("pairwise/squared_mmd")
def _backward(ctx, upstream, *_):
    in_x, in_y = ctx.saved_tensors
    return upstream * in_x, upstream * in_y, None, None, None, None, None


_squared_mmd.register_autograd(_backward, setup_context=_keep)
