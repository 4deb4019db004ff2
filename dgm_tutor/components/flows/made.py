"""MADE: one masked network that gives the parameters of every conditional at once."""

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from dgm_tutor.kernels import substitution
from dgm_tutor.kernels.substitution import Advance

Block = tuple[slice, slice]

LARGE = 2**16  # weights in a matrix, from which on its blocks are multiplied one by one


class MaskedLinear(nn.Linear):
    """y = (W * mask) x + b: output i sees input j where ``degrees_out[i] >= degrees_in[j]``."""

    def __init__(self, degrees_in: Tensor, degrees_out: Tensor):
        super().__init__(len(degrees_in), len(degrees_out))
        self.register_buffer("mask", (degrees_out[:, None] >= degrees_in).float(), persistent=False)
        self.blocks = _blocks(self.mask) if self.mask.numel() >= LARGE else []

    def forward(self, x: Tensor) -> Tensor:
        if self.blocks and x.device.type == "cpu" and x.dtype == self.weight.dtype:
            y = _BlockTriangular.apply(x.flatten(0, -2), self.weight, self.bias, self.mask, self.blocks)
            return y.unflatten(0, x.shape[:-1])
        return F.linear(x, self.weight * self.mask, self.bias)


class _BlockTriangular(torch.autograd.Function):
    """The same product without what the mask leaves out: about 5/8 of the work when degrees are sorted.

    Worth its extra kernels on a CPU and for large matrices alone.
    """

    @staticmethod
    def forward(ctx, x: Tensor, weight: Tensor, bias: Tensor, mask: Tensor, blocks: list[Block]) -> Tensor:
        masked = [weight[block] * mask[block] for block in blocks]
        ctx.save_for_backward(x, weight, mask, *masked)
        ctx.blocks = blocks
        y = x.new_empty(len(x), len(weight))
        for (rows, seen), part in zip(blocks, masked, strict=True):
            torch.addmm(bias[rows], x[:, seen], part.T, out=y[:, rows])
        return y

    @staticmethod
    def backward(ctx, grad: Tensor) -> tuple[Tensor, Tensor, Tensor, None, None]:
        x, weight, mask, *masked = ctx.saved_tensors
        if torch.is_grad_enabled():  # second derivatives: in operations that have them
            return grad @ (weight * mask), (grad.T @ x) * mask, grad.sum(0), None, None
        grad_x, grad_weight = torch.zeros_like(x), torch.zeros_like(weight)
        for (rows, seen), part in zip(ctx.blocks, masked, strict=True):
            grad_x[:, seen].addmm_(grad[:, rows], part)
            torch.mm(grad[:, rows].T, x[:, seen], out=grad_weight[rows, seen]).mul_(mask[rows, seen])
        return grad_x, grad_weight, grad.sum(0), None, None


def _blocks(mask: Tensor, count: int = 4) -> list[Block]:
    """Groups of rows, each with the columns from the first to the last that one of them sees."""
    size = -(-len(mask) // count)
    seen = [mask[start : start + size].any(0).nonzero().flatten().tolist() for start in range(0, len(mask), size)]
    return [
        (slice(k * size, (k + 1) * size), slice(columns[0], columns[-1] + 1) if columns else slice(0, 0))
        for k, columns in enumerate(seen)
    ]


class MADE(nn.Module):
    """Parameters of p(x_i | x_<i, context), ``outputs`` for each i, in one pass (Germain et al. 2015).

    Input i has degree 1 + its position in the order; a hidden unit of degree k sees inputs of degree <= k, and
    output i hidden units of degree < its own. Units of degree 0 see the context alone, so that it reaches every
    conditional, the first one too. Hidden units are sorted by degree, which makes the masked weights block-triangular.

    Args:
        dim: of x.
        hidden: sizes of the hidden layers.
        outputs: parameters for each coordinate.
        context_dim: of the context; 0 for none.
        reverse: take the coordinates from the last to the first.
    """

    def __init__(self, dim: int, hidden: Sequence[int], outputs: int, context_dim: int = 0, reverse: bool = False):
        super().__init__()
        self.dim, self.outputs = dim, outputs
        self.order = list(range(dim))[::-1] if reverse else list(range(dim))
        lowest = 0 if context_dim or dim == 1 else 1
        inputs = 1 + torch.tensor(self.order).argsort()
        self.degrees = [lowest + torch.arange(size) * (dim - lowest) // size for size in hidden]
        chain = [inputs, *self.degrees, (inputs - 1).repeat_interleave(outputs)]
        self.layers = nn.ModuleList(MaskedLinear(a, b) for a, b in zip(chain, chain[1:], strict=False))
        self.context = nn.Linear(context_dim, len(self.degrees[0]), bias=False) if context_dim else None
        ends = [torch.bincount(degrees, minlength=dim).cumsum(0).tolist() for degrees in self.degrees]
        for name, values in (("taken", self.order), ("ends", ends)):  # for substitution
            self.register_buffer(name, torch.tensor(values, dtype=torch.int32), persistent=False)

    def forward(self, x: Tensor, context: Tensor | None = None) -> Tensor:
        """(..., dim) -> (..., dim, outputs)."""
        h = self.layers[0](x)
        if self.context is not None:
            h = h + self.context(context)
        for layer in self.layers[1:]:
            h = layer(F.elu(h))
        return h.unflatten(-1, (self.dim, self.outputs))

    def sequential(self, advance: Advance, z: Tensor, context: Tensor | None = None) -> Tensor:
        """x with x_i = advance(z_i, parameters_i(x_<i)), a whole pass for each i; differentiable."""
        x = torch.zeros_like(z)
        for i in self.order:
            x_i = advance(z[..., i], self(x, context)[..., i, :])
            x = torch.where(torch.arange(self.dim, device=z.device) == i, x_i.unsqueeze(-1), x)
        return x

    @torch.no_grad()
    def incremental(
        self, advance: Advance, z: Tensor, context: Tensor | None = None, step: str | None = None
    ) -> Tensor:
        """The same x, where each hidden unit is computed once, as soon as the coordinates that it sees are known.

        Forward substitution: in all it multiplies as much as one pass. No gradients. ``step`` says which of the
        kernel's steps ``advance`` is, if it is one (``substitution.STEPS``).
        """
        first, *others = self.layers
        start = first.bias.expand(*z.shape[:-1], -1)
        if self.context is not None:
            start = start + self.context(context)
        weights, biases = [layer.weight for layer in self.layers], [layer.bias for layer in others]
        noise, start = z.reshape(-1, self.dim), start.reshape(-1, start.shape[-1])
        return substitution.substitute(advance, step, noise, start, weights, biases, self.taken, self.ends).view_as(z)
