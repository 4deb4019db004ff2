"""Which examples a step sees: a function of the seed and the step alone, so resuming needs no state."""

from functools import lru_cache

import torch
from torch import Tensor


def batch(x: Tensor, step: int, batch_size: int, seed: int) -> Tensor:
    """The step's batch: every epoch is one random order of the data, sliced (its short tail is left out)."""
    size = min(batch_size, len(x))
    per_epoch = len(x) // size
    epoch, position = divmod(step, per_epoch)
    return x.index_select(0, _order(len(x), epoch, seed).to(x.device)[position * size : (position + 1) * size])


@lru_cache(maxsize=2)
def _order(n: int, epoch: int, seed: int) -> Tensor:
    generator = torch.Generator().manual_seed(seed * 1_000_003 + epoch)
    return torch.randperm(n, generator=generator)
