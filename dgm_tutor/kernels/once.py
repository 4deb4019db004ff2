"""Gradients that are computed by hand have none of their own: whoever differentiates again is told."""

from collections.abc import Callable
from functools import wraps

import torch
from torch import Tensor


def once(operation: str) -> Callable:
    """For the backward of ``operation``: its results refuse to be differentiated, by a RuntimeError.

    torch's ``once_differentiable`` refuses only where the upstream gradient itself needs one; elsewhere, a second
    derivative would silently come out without this operation's part.
    """

    def decorate(backward: Callable) -> Callable:
        @wraps(backward)
        def refusing(*arguments):
            with torch.no_grad():
                gradients = backward(*arguments)
            if not torch.is_grad_enabled():
                return gradients
            return tuple(_guarded(gradient, operation) for gradient in gradients)

        return refusing

    return decorate


def _guarded(gradient: Tensor | None, operation: str) -> Tensor | None:
    return None if gradient is None else _Refuse.apply(gradient.detach().requires_grad_(), operation)


class _Refuse(torch.autograd.Function):
    @staticmethod
    def forward(ctx, gradient: Tensor, operation: str) -> Tensor:
        ctx.operation = operation
        return gradient.clone()

    @staticmethod
    def backward(ctx, upstream: Tensor):
        raise RuntimeError(
            f"{ctx.operation} cannot be differentiated twice: its gradient is computed by hand. For second derivatives "
            f"take its definition, dgm_tutor.kernels.{ctx.operation.replace('/', '.oracle.')}"
        )
