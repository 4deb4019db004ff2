"""The operation: twin or kernel by ``backend``; opaque to ``torch.compile``. It has no gradient: x is a sample."""

import torch
from torch import Tensor

from dgm_tutor.kernels.backend import backend, refuse
from dgm_tutor.kernels.substitution import torch as twin
from dgm_tutor.kernels.substitution.torch import Advance

STEPS = ("affine", "gated", "sigmoids")
"""The g that the kernel knows: x = mu + exp(5 tanh(alpha / 5)) z; x = z + (z - m) exp(-(s + 2)); and the x with
logit(sum_k w_k sigmoid(a_k x + b_k)) = z, whose 3 K parameters are log w, a's and b's."""


def substitute(
    advance: Advance,
    step: str | None,
    z: Tensor,
    start: Tensor,
    weights: list[Tensor],
    biases: list[Tensor],
    order: Tensor,
    ends: Tensor,
) -> Tensor:
    """x (n, D) with x_i = advance(z_i, parameters_i(x_<i)), the network's activations ELU; without gradients.

    Args:
        advance: g.
        step: its name among ``STEPS``, or None: then the twin runs.
        z: (n, D).
        start: (n, H_1), what the first hidden layer's sums are before any coordinate is known.
        weights: (H_1, D), (H_2, H_1), ..., (D * count, H_last); what the mask leaves out is never looked at.
        biases: of all but the first.
        order: (D,) int32, the coordinates as they are taken.
        ends: (layers, D) int32, how many units of a hidden layer are final at each step.

    Raises:
        BackendError: DGM_BACKEND=triton for a step without a name, or a network or mixture too large for the kernel.
    """
    if backend(z, start, *weights) == "triton":
        from dgm_tutor.kernels.substitution import triton

        reason = triton.refusal(step, weights)
        if reason is None:
            return _substitute(step, z, start, weights, biases, order, ends)
        refuse(reason)
    return twin.substitute(advance, z, start, weights, biases, order, ends)


@torch.library.custom_op("dgm_tutor::substitute", mutates_args=())
def _substitute(
    step: str, z: Tensor, start: Tensor, weights: list[Tensor], biases: list[Tensor], order: Tensor, ends: Tensor
) -> Tensor:
    from dgm_tutor.kernels.substitution import triton

    return triton.substitute(step, z, start, weights, biases, order, ends)


@_substitute.register_fake
def _(
    step: str, z: Tensor, start: Tensor, weights: list[Tensor], biases: list[Tensor], order: Tensor, ends: Tensor
) -> Tensor:
    return z.new_empty(z.shape)
