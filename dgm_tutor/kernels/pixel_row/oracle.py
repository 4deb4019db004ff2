"""The definition in float64: for every pixel all columns of the row anew, by convolutions over what is drawn so far."""

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from dgm_tutor.kernels.pixel_row.torch import Weights


def sample_row(weights: Weights, pixels: Any, contexts: list[Tensor], noise: Tensor) -> Tensor:
    """x (width, n) from noise of that shape; ``pixels.draw(raw, noise)`` turns the head's numbers into a value."""
    w = Weights(*(t.double() for t in weights))
    told = [context.double().permute(1, 2, 0) for context in contexts]  # (n, 2 C, width)
    x, known = torch.zeros_like(noise), torch.arange(len(noise))
    for column in range(len(noise)):
        h = torch.where(known < column, 2 * x.mT.double() - 1, 0.0).unsqueeze(1)
        for k, kernel in enumerate([w.first, *w.later]):
            read = F.pad(h, (len(kernel), -1) if k == 0 else (len(kernel) - 1, 0))
            f, g = (told[k] + F.conv1d(read, kernel.permute(2, 1, 0))).chunk(2, 1)
            out = torch.einsum("ncw,cd->ndw", f.tanh() / (1 + (-g).exp()), w.residual[k]) + w.residual_bias[k][:, None]
            h = out if k == 0 else h + out
        raw = (h[..., column].relu() @ w.hidden + w.hidden_bias).relu() @ w.out + w.out_bias
        x[column] = pixels.draw(raw, noise[column].double()).to(x.dtype)
    return x
