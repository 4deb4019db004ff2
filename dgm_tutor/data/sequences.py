"""Sequences of several lengths in one tensor: what is past a sequence's end is NaN, whole steps of it."""

from __future__ import annotations

import torch
from torch import Tensor


def padded(x: Tensor, length: Tensor) -> Tensor:
    """Sequences x (n, T, ...) as floats, with NaN from step ``length[i]`` on in sequence i."""
    past = torch.arange(x.shape[1], device=x.device) >= length.to(x.device).unsqueeze(1)
    return x.float().masked_fill(past.view(*past.shape, *[1] * (x.dim() - 2)), torch.nan)


def windows(x: Tensor, steps: int) -> Tensor:
    """Padded sequences x (n, T, ...) cut into stretches of ``steps``, (m, steps, ...), side by side and in order.

    A last stretch may end in NaN; those that lie wholly past a sequence's end are left out. ValueError for steps < 1.
    """
    if steps < 1:
        raise ValueError(f"windows: expected steps of at least 1, got {steps}")
    missing = x.new_full((len(x), -x.shape[1] % steps, *x.shape[2:]), torch.nan)
    cut = torch.cat([x, missing], 1).unflatten(1, (-1, steps)).flatten(0, 1)
    return cut[~cut.flatten(1).isnan().all(1)]
