"""Several views of an example in one row: what models of several modalities are given."""

from __future__ import annotations

import torch
from torch import Tensor

from .core import Split, binarise

LABELS = 10


def digits_and_labels(split: Split) -> Tensor:
    """Grey levels and one-hot labels next to each other, (n, 794) where images have 28 x 28 pixels."""
    return torch.cat([split.pixels().flatten(1), torch.eye(LABELS)[split.y]], 1)


def binarised(x: Tensor) -> Tensor:
    """The digits of ``digits_and_labels`` drawn anew from their grey levels, the labels as they are."""
    return torch.cat([binarise(x[:, :-LABELS]), x[:, -LABELS:]], 1)


def views(split: Split) -> Tensor:
    """The other views of the examples next to each other in their order, as floats in [0, 1]: (n, D)."""
    return torch.cat([view.flatten(1).float() / 255 for view in split.modalities.values()], 1)
