"""The operation: twin or kernel by ``backend``; opaque to ``torch.compile``, with shapes and a gradient."""

import torch
from torch import Tensor

from dgm_tutor.kernels.backend import backend
from dgm_tutor.kernels.inputs import expect
from dgm_tutor.kernels.logistic_mixture import torch as twin
from dgm_tutor.kernels.once import once


def log_prob(x: Tensor, logits: Tensor, mu: Tensor, log_scale: Tensor, levels: int) -> Tensor:
    """log P(x) in nats, (n,), of grey levels x (n,) under parameters (n, K); differentiable once.

    ValueError for shapes or types that do not fit.
    """
    _check("x", x, logits, mu, log_scale, levels)
    if backend(x, logits, mu, log_scale) == "torch":
        return twin.log_prob(x, logits, mu, log_scale, levels)
    return _log_prob(x, logits, mu, log_scale, levels)


def draw(u: Tensor, logits: Tensor, mu: Tensor, log_scale: Tensor, levels: int) -> Tensor:
    """Grey levels (n,) from uniform noise u (n,), under parameters (n, K). ValueError as for ``log_prob``."""
    _check("u", u, logits, mu, log_scale, levels)
    if backend(u, logits, mu, log_scale) == "torch":
        return twin.draw(u, logits, mu, log_scale, levels)
    return _draw(u, logits, mu, log_scale, levels)


def _check(name: str, points: Tensor, logits: Tensor, mu: Tensor, log_scale: Tensor, levels: int) -> None:
    if levels < 2:
        raise ValueError(f"levels={levels}: expected at least 2 grey levels")
    fit = points.dim() == 1 and logits.dim() == 2 and len(logits) == len(points) and logits.shape[1] > 0
    what = f"{name} (n,) and logits, mu, log_scale (n, K)"
    expect(what, fit and logits.shape == mu.shape == log_scale.shape, points, logits, mu, log_scale)


@torch.library.custom_op("dgm_tutor::logistic_mixture_log_prob", mutates_args=())
def _log_prob(x: Tensor, logits: Tensor, mu: Tensor, log_scale: Tensor, levels: int) -> Tensor:
    from dgm_tutor.kernels.logistic_mixture import triton

    return triton.log_prob(x, logits, mu, log_scale, levels)


@_log_prob.register_fake
def _(x: Tensor, logits: Tensor, mu: Tensor, log_scale: Tensor, levels: int) -> Tensor:
    return x.new_empty(x.shape)


@torch.library.custom_op("dgm_tutor::logistic_mixture_gradient", mutates_args=())
def _gradient(upstream: Tensor, x: Tensor, logits: Tensor, mu: Tensor, log_scale: Tensor, levels: int) -> Tensor:
    from dgm_tutor.kernels.logistic_mixture import triton

    return triton.gradient(upstream, x, logits, mu, log_scale, levels)


@_gradient.register_fake
def _(upstream: Tensor, x: Tensor, logits: Tensor, mu: Tensor, log_scale: Tensor, levels: int) -> Tensor:
    return logits.new_empty(logits.shape[0], 3 * logits.shape[1])


@torch.library.custom_op("dgm_tutor::logistic_mixture_draw", mutates_args=())
def _draw(u: Tensor, logits: Tensor, mu: Tensor, log_scale: Tensor, levels: int) -> Tensor:
    from dgm_tutor.kernels.logistic_mixture import triton

    return triton.draw(u, logits, mu, log_scale, levels)


@_draw.register_fake
def _(u: Tensor, logits: Tensor, mu: Tensor, log_scale: Tensor, levels: int) -> Tensor:
    return u.new_empty(u.shape)


def _keep(ctx, inputs: tuple, output: Tensor) -> None:
    *tensors, ctx.levels = inputs
    ctx.save_for_backward(*tensors)


@once("logistic_mixture/log_prob")
def _backward(ctx, upstream: Tensor):
    x, logits, mu, log_scale = ctx.saved_tensors
    in_logits, in_mu, in_log_scale = _gradient(upstream, x, logits, mu, log_scale, ctx.levels).chunk(3, -1)
    in_x = -in_mu.sum(-1) if ctx.needs_input_grad[0] else None  # log P depends on x - mu
    return in_x, in_logits, in_mu, in_log_scale, None


_log_prob.register_autograd(_backward, setup_context=_keep)
