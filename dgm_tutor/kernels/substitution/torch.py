"""The twin: step by step, each hidden unit computed once, in products over all rows."""

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor

Advance = Callable[[Tensor, Tensor], Tensor]
"""x = g(z; parameters), elementwise, parameters (*z.shape, count)."""


@torch.no_grad()
def substitute(
    advance: Advance, z: Tensor, start: Tensor, weights: list[Tensor], biases: list[Tensor], order: Tensor, ends: Tensor
) -> Tensor:
    """x (n, D); arguments as in ``op.substitute``. No gradients: buffers are written in place."""
    noise = z.T.contiguous()  # (D, n): a coordinate is a contiguous row
    steps, finals = order.tolist(), ends.tolist()
    inputs = weights[0][:, steps]
    outputs = len(weights[-1]) // len(steps)
    known, x = torch.empty_like(noise), torch.empty_like(noise)  # in the order taken, and as x is
    units = [noise.new_empty(end[-1], noise.shape[1]) for end in finals]
    for step, i in enumerate(steps):
        seen = known[:step]
        for layer, (h, end) in enumerate(zip(units, finals, strict=True)):
            new = slice(end[step - 1] if step else 0, end[step])  # the units of this degree
            weight = weights[layer] if layer else inputs
            bias = biases[layer - 1][new].unsqueeze(-1) if layer else start.T[new]
            h[new] = F.elu(torch.addmm(bias, weight[new, : len(seen)], seen))
            seen = h[: end[step]]
        out = slice(i * outputs, (i + 1) * outputs)
        parameters = torch.addmm(biases[-1][out].unsqueeze(-1), weights[-1][out, : len(seen)], seen)
        x[i] = known[step] = advance(noise[i], parameters.T)
    return x.T.contiguous()
