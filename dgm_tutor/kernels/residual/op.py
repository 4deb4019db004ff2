"""The two stacks as operations: forwards, and a second operation for the gradient of each."""

import torch
from torch import Tensor

from dgm_tutor.kernels.backend import backend, refuse
from dgm_tutor.kernels.inputs import expect
from dgm_tutor.kernels.once import once
from dgm_tutor.kernels.residual import torch as twin

WIDEST = 512  # coordinates that a program can hold


def planar_stack(z: Tensor, u: Tensor, w: Tensor, b: Tensor, gain: Tensor) -> tuple[Tensor, Tensor]:
    """z (N, D) through K planar maps: z' (N, D) and log |det dz'/dz| (N,), nats; differentiable once.

    Args:
        u, w: (K, N, D), one of each a map and a point. b: (K, N).
        gain: 1 + w.u > 0, (K, N): given, because it is known without cancellation where u is made invertible.

    Raises:
        ValueError: shapes or types that do not fit. Whether every gain is positive is not looked at.
    """
    maps = u.shape == w.shape == (*b.shape, *z.shape[1:]) and b.shape == gain.shape
    expect("z (N, D), u and w (K, N, D), b and gain (K, N)", maps and _numbers(b, z), z, u, w, b, gain)
    return _planar(z, u, w, b, gain)[:2]


def radial_stack(z: Tensor, centre: Tensor, alpha: Tensor, gain: Tensor) -> tuple[Tensor, Tensor]:
    """As ``planar_stack``; centre (K, N, D), alpha > 0 and gain = alpha + beta > 0, (K, N)."""
    maps = centre.shape == (*alpha.shape, *z.shape[1:]) and alpha.shape == gain.shape
    expect("z (N, D), centre (K, N, D), alpha and gain (K, N)", maps and _numbers(alpha, z), z, centre, alpha, gain)
    return _radial(z, centre, alpha, gain)[:2]


def _numbers(b: Tensor, z: Tensor) -> bool:
    """Whether z is (N, D), and b one number a map and a point, (K, N)."""
    return z.dim() == b.dim() == 2 and b.shape[1] == len(z)


def uses_kernels(z: Tensor) -> bool:
    """Whether a stack of maps would run as a kernel on these points (N, D)."""
    fits = z.dim() == 2 and 0 < z.shape[1] <= WIDEST and z.dtype in (torch.float32, torch.float64)
    if not fits:
        refuse(f"the points are {tuple(z.shape)} of {z.dtype}: the kernel takes (N, D) of 1 to {WIDEST} float32 or 64")
    return backend(z, pays=fits) == "triton"


def _kernels():
    from dgm_tutor.kernels.residual import triton

    return triton


@torch.library.custom_op("dgm_tutor::planar_stack", mutates_args=())
def _planar(z: Tensor, u: Tensor, w: Tensor, b: Tensor, gain: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    return (_kernels().planar_stack if uses_kernels(z) else twin.planar_forward)(z, u, w, b, gain)


@torch.library.custom_op("dgm_tutor::planar_stack_backward", mutates_args=())
def _planar_backward(
    g: Tensor, in_log_det: Tensor, out: Tensor, kept: Tensor, u: Tensor, w: Tensor, gain: Tensor
) -> tuple[Tensor, Tensor, Tensor, Tensor, Tensor]:
    run = _kernels().planar_stack_backward if uses_kernels(g) else twin.planar_backward
    return run(g, in_log_det, out, kept, u, w, gain)


@torch.library.custom_op("dgm_tutor::radial_stack", mutates_args=())
def _radial(z: Tensor, centre: Tensor, alpha: Tensor, gain: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    return (_kernels().radial_stack if uses_kernels(z) else twin.radial_forward)(z, centre, alpha, gain)


@torch.library.custom_op("dgm_tutor::radial_stack_backward", mutates_args=())
def _radial_backward(
    g: Tensor, in_log_det: Tensor, out: Tensor, kept: Tensor, centre: Tensor, alpha: Tensor, gain: Tensor
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    run = _kernels().radial_stack_backward if uses_kernels(g) else twin.radial_backward
    return run(g, in_log_det, out, kept, centre, alpha, gain)


def _shapes(z: Tensor, *parameters: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    return z.new_empty(z.shape), z.new_empty(z.shape[:1]), z.new_empty(parameters[-1].shape)


def _new(*tensors: Tensor) -> tuple[Tensor, ...]:
    return tuple(t.new_empty(t.shape) for t in tensors)


_planar.register_fake(_shapes)
_radial.register_fake(_shapes)
_planar_backward.register_fake(lambda g, in_log_det, out, kept, u, w, gain: _new(out, u, w, kept, gain))
_radial_backward.register_fake(lambda g, in_log_det, out, kept, centre, alpha, gain: _new(out, centre, alpha, gain))


def _keep_planar(ctx, inputs, output):
    (_, u, w, _, gain), (out, _, kept) = inputs, output
    ctx.save_for_backward(out, kept, u, w, gain)


def _keep_radial(ctx, inputs, output):
    (_, *parameters), (out, _, kept) = inputs, output
    ctx.save_for_backward(out, kept, *parameters)


@once("residual/planar_stack")
def _planar_gradients(ctx, g: Tensor, in_log_det: Tensor, _):
    return _planar_backward(g, in_log_det, *ctx.saved_tensors)


@once("residual/radial_stack")
def _radial_gradients(ctx, g: Tensor, in_log_det: Tensor, _):
    return _radial_backward(g, in_log_det, *ctx.saved_tensors)


_planar.register_autograd(_planar_gradients, setup_context=_keep_planar)
_radial.register_autograd(_radial_gradients, setup_context=_keep_radial)
