"""The samples that travel with the package: ``files/*.npz.xz``, cut by ``scripts/cut_data.py``.

Each is a plain ``numpy.savez`` archive of arrays (no pickle) squeezed by LZMA, which was the smallest of
the lossless formats measured (docs/decisions/0003-embedded-data.md).
"""

from __future__ import annotations

import io
import lzma
from importlib import resources

import numpy as np
import torch
from torch import Tensor

from .core import Split


def read(name: str) -> dict[str, np.ndarray]:
    """The arrays of an embedded file."""
    packed = resources.files(__package__).joinpath("files", f"{name}.npz.xz").read_bytes()
    with np.load(io.BytesIO(lzma.decompress(packed)), allow_pickle=False) as arrays:
        return dict(arrays)


def images(name: str) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Train images uint8 (n, 28, 28), train labels int64 (n,), test images, test labels; classes balanced."""
    arrays = read(name)
    x, y, test_x, test_y = (
        torch.from_numpy(arrays[key]) for key in ("train_images", "train_labels", "test_images", "test_labels")
    )
    return x, y.long(), test_x, test_y.long()


def chorales() -> tuple[Split, Split]:
    """Train and test chorales: ``x`` int64 (n, time, 4), padded with rests to the longest one."""
    arrays = read("chorales")
    length = torch.from_numpy(arrays["length"]).long()
    pieces = torch.from_numpy(arrays["pitch"]).long().split(length.tolist())
    x = torch.nn.utils.rnn.pad_sequence(pieces, batch_first=True)

    def split(rows: np.ndarray) -> Split:
        return Split(x[rows], length=length[rows], names=tuple(arrays["name"][rows].tolist()))

    test = arrays["test"]
    return split(np.flatnonzero(~test)), split(np.flatnonzero(test))
