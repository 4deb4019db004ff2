"""The log of a mixture of Gaussians as one operation, with a second one for its gradient."""

import torch
from torch import Tensor

from dgm_tutor.kernels.backend import backend
from dgm_tutor.kernels.inputs import expect
from dgm_tutor.kernels.mixture import torch as twin
from dgm_tutor.kernels.once import once


def log_mixture(z: Tensor, mean: Tensor, std: Tensor, bonus: float = 0.0, marginals: bool = False) -> Tensor:
    """log sum_j e^{bonus [i = j]} N(z_i; mean_j, std_j) in nats, (N,); differentiable once, in O(N + M) memory.

    Args:
        z: points, (N, d). mean, std: M diagonal Gaussians, (M, d).
        bonus: added to the log-density of point i under component i.
        marginals: the mixture in each dimension by itself, (N, d).

    Raises:
        ValueError: shapes or types that do not fit. Whether every std is positive is not looked at.
    """
    fit = z.dim() == 2 and mean.shape == std.shape and mean.dim() == 2 and mean.shape[1:] == z.shape[1:]
    expect("z (N, d), mean and std (M, d), N and M at least 1", fit and len(z) > 0 and len(mean) > 0, z, mean, std)
    return _forward(z, mean, std, bonus, marginals)


def _module(*tensors: Tensor):
    """The twin, or the kernels."""
    if backend(*tensors) == "triton":
        from dgm_tutor.kernels.mixture import triton as kernels

        return kernels
    return twin


@torch.library.custom_op("dgm_tutor::log_mixture", mutates_args=())
def _forward(z: Tensor, mean: Tensor, std: Tensor, bonus: float, marginals: bool) -> Tensor:
    return _module(z, mean, std).forward(z, mean, std, bonus, marginals)


@_forward.register_fake
def _(z, mean, std, bonus, marginals):
    return z.new_empty(z.shape if marginals else z.shape[:1])


@torch.library.custom_op("dgm_tutor::log_mixture_backward", mutates_args=())
def _backward(
    upstream: Tensor, out: Tensor, z: Tensor, mean: Tensor, std: Tensor, bonus: float, marginals: bool
) -> tuple[Tensor, Tensor, Tensor]:
    return _module(z, mean, std).backward(upstream, out, z, mean, std, bonus, marginals)


@_backward.register_fake
def _(upstream, out, z, mean, std, bonus, marginals):
    return z.new_empty(z.shape), mean.new_empty(mean.shape), std.new_empty(std.shape)


def _keep(ctx, inputs, output):
    *tensors, ctx.bonus, ctx.marginals = inputs
    ctx.save_for_backward(output, *tensors)


@once("mixture/log_mixture")
def _gradients(ctx, upstream):
    return *_backward(upstream, *ctx.saved_tensors, ctx.bonus, ctx.marginals), None, None


_forward.register_autograd(_gradients, setup_context=_keep)
