"""Full sets to fetch, real where they are at hand and otherwise made here, and a server that can fail."""

import gzip
import hashlib
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from dgm_tutor.data import full
from dgm_tutor.data.fetch import RemoteFile

from .faulty_server import FaultyServer

SOURCE_FOLDERS = {"mnist": "mnist", "fashion": "fashion-mnist"}


def real_folder(root: Path) -> Path | None:
    """The folder of the real full sets: DGM_FULL_DATA, or ../shared/data beside the repository; None without."""
    folder = Path(os.environ.get("DGM_FULL_DATA", root.parent / "shared" / "data"))
    return folder if (folder / "mnist" / "train-images-idx3-ubyte.gz").exists() else None


def idx(array: np.ndarray) -> bytes:
    """An IDX file of unsigned bytes, written here so that the reader is not tested by its own twin."""
    header = bytes([0, 0, 8, array.ndim]) + b"".join(n.to_bytes(4, "big") for n in array.shape)
    return header + array.astype(np.uint8).tobytes()


@dataclass
class FullSets:
    """name -> file name -> the gzip file's bytes, and whether they are the real ones."""

    packed: dict[str, dict[str, bytes]]
    real: bool


def _made(name: str) -> tuple[tuple[RemoteFile, ...], dict[str, bytes]]:
    rng = np.random.default_rng(len(name))
    arrays = {}
    for file, n in zip(full.SETS[name].files, (600, 600, 100, 100), strict=True):
        shape = (n, 28, 28) if "images" in file.name else (n,)
        arrays[file.name] = idx(rng.integers(0, 256 if len(shape) == 3 else 10, shape))
    files = tuple(RemoteFile(key, len(c), hashlib.sha256(c).hexdigest()) for key, c in arrays.items())
    return files, {f"{key}.gz": gzip.compress(content) for key, content in arrays.items()}


@pytest.fixture
def full_sets(root: Path, monkeypatch: pytest.MonkeyPatch) -> FullSets:
    """The real files with the pinned digests; where they are not at hand, random ones with digests of their own."""
    source = real_folder(root)
    packed = {}
    for name, folder in SOURCE_FOLDERS.items():
        if source:
            packed[name] = {path.name: path.read_bytes() for path in (source / folder).glob("*.gz")}
        else:
            files, packed[name] = _made(name)
            monkeypatch.setitem(full.SETS, name, full.FullSet(files, full.SETS[name].mirrors))
    return FullSets(packed, real=source is not None)


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[FaultyServer]:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")  # a proxy in the environment must not stand between us
    with FaultyServer() as running:
        yield running


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "cache"
    monkeypatch.setenv("DGM_TUTOR_CACHE", str(folder))
    return folder
