"""The definition in float64, as a fixed point: x -> g(z; parameters(x)) gets there in D rounds, being triangular."""

import torch
import torch.nn.functional as F
from torch import Tensor

from dgm_tutor.kernels.substitution.torch import Advance


def substitute(
    advance: Advance, z: Tensor, start: Tensor, weights: list[Tensor], biases: list[Tensor], order: Tensor, ends: Tensor
) -> Tensor:
    """x (n, D); arguments as in ``op.substitute``. Every round is a whole pass through explicitly masked weights."""
    z, start = z.double(), start.double()
    dim, steps = z.shape[1], torch.arange(z.shape[1])
    position = order.long().argsort()
    degrees = [torch.searchsorted(end.long(), torch.arange(int(end[-1])), right=True) for end in ends]
    outputs = weights[-1].shape[0] // dim
    chain = [1 + position, *degrees, position.repeat_interleave(outputs)]
    masked = [
        torch.where(out[:, None] >= seen[None, :], weight.double(), 0.0)
        for weight, seen, out in zip(weights, chain[:-1], chain[1:], strict=True)
    ]
    x = torch.zeros_like(z)
    for _ in steps:
        h = start + x @ masked[0].mT
        for weight, bias in zip(masked[1:], biases, strict=True):
            h = bias.double() + F.elu(h) @ weight.mT
        x = advance(z, h.unflatten(-1, (dim, outputs)))
    return x
