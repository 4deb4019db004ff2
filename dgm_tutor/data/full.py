"""The full MNIST and Fashion-MNIST: pinned digests, public mirrors, the cache folder, the IDX format."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import platformdirs
import torch
from torch import Tensor

from .fetch import RemoteFile, fetch

_IMAGES = (47_040_016, 7_840_016)  # bytes of the decompressed train and test files
_LABELS = (60_008, 10_008)


@dataclass(frozen=True)
class FullSet:
    """Four IDX files, in the order train images, train labels, test images, test labels."""

    files: tuple[RemoteFile, RemoteFile, RemoteFile, RemoteFile]
    mirrors: tuple[str, ...]


def _files(*sha256: str) -> tuple[RemoteFile, RemoteFile, RemoteFile, RemoteFile]:
    return (
        RemoteFile("train-images-idx3-ubyte", _IMAGES[0], sha256[0]),
        RemoteFile("train-labels-idx1-ubyte", _LABELS[0], sha256[1]),
        RemoteFile("t10k-images-idx3-ubyte", _IMAGES[1], sha256[2]),
        RemoteFile("t10k-labels-idx1-ubyte", _LABELS[1], sha256[3]),
    )


# Digests of the decompressed files. The field publishes MD5; a test holds these to it.
SETS = {
    "mnist": FullSet(
        _files(
            "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
            "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
            "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
            "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
        ),
        (
            "https://ossci-datasets.s3.amazonaws.com/mnist",
            "https://storage.googleapis.com/cvdf-datasets/mnist",
            "https://raw.githubusercontent.com/fgnt/mnist/master",
        ),
    ),
    "fashion": FullSet(
        _files(
            "c59f468a2f672dc815687fe0f83887768d799fd8a3f3276145d20f83aa44d888",
            "bad3541b69d912435c50bb6ba87bec294ff4f6a2e1246121d8633921760443d9",
            "5b4141f0afbad91edebe8549f8fcffe087ea10ca49f1dbef5c9a5cd8815ce37b",
            "0402a96d92fd2663957122ceb108a494c5af83dab82d92729df917d7dec38c34",
        ),
        (
            "https://raw.githubusercontent.com/zalandoresearch/fashion-mnist/master/data/fashion",
            "https://fashion-mnist.s3.eu-central-1.amazonaws.com",
            "https://storage.googleapis.com/tensorflow/tf-keras-datasets",
        ),
    ),
}


def cache_folder() -> Path:
    """Where full sets are kept: the variable DGM_TUTOR_CACHE, else the platform's cache folder."""
    chosen = os.environ.get("DGM_TUTOR_CACHE")
    return Path(chosen).expanduser() if chosen else platformdirs.user_cache_path("dgm-tutor", appauthor=False)


def mirrors(name: str) -> tuple[str, ...]:
    """Addresses of a set's folder. DGM_TUTOR_MIRROR=http://host/path replaces them by http://host/path/NAME."""
    chosen = os.environ.get("DGM_TUTOR_MIRROR")
    if not chosen:
        return SETS[name].mirrors
    if not chosen.startswith(("http://", "https://")):
        raise ValueError(
            f"DGM_TUTOR_MIRROR is {chosen!r}, expected an http:// or https:// address. Files on this computer need "
            f"no mirror: put them into {cache_folder() / name}"
        )
    return (f"{chosen.rstrip('/')}/{name}",)


def is_cached(name: str) -> bool:
    """Whether all four files are there with the right size; digests are checked at loading."""
    paths = [(cache_folder() / name / file.name, file.size) for file in SETS[name].files]
    return all(path.is_file() and path.stat().st_size == size for path, size in paths)


def load_full(name: str) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Train images (60000, 28, 28) uint8, train labels int64, test images (10000, 28, 28), test labels.

    Fetched on the first call, verified on every call. Raises DownloadError where no mirror delivers.
    """
    folder, addresses = cache_folder() / name, mirrors(name)
    images, labels, test_images, test_labels = (parse_idx(fetch(file, folder, addresses)) for file in SETS[name].files)
    return images, labels.long(), test_images, test_labels.long()


def parse_idx(content: bytes) -> Tensor:
    """An IDX file of unsigned bytes: 0, 0, 8, number of axes, their big-endian sizes, the data."""
    if len(content) < 4 or content[:3] != b"\x00\x00\x08":
        raise ValueError(f"not an IDX file of unsigned bytes: it starts with {content[:4].hex(' ')!r}")
    axes = content[3]
    shape = np.frombuffer(content, ">i4", axes, offset=4)
    data = np.frombuffer(content, np.uint8, offset=4 + 4 * axes)
    if data.size != shape.prod():
        raise ValueError(f"an IDX file of shape {tuple(shape.tolist())} with {data.size:,} bytes of data")
    return torch.from_numpy(data.reshape(shape).copy())
