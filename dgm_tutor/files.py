"""Atomic writes: a file is either the old one or the new one, never half of it."""

import os
import uuid
from pathlib import Path

from safetensors.torch import save
from torch import Tensor


def write_bytes(path: Path, content: bytes) -> Path:
    """Write beside ``path``, flush to disk, then put in its place."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name[:40]}.{uuid.uuid4().hex}")  # a name may be as long as names can be
    try:
        with open(temporary, "xb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    return path


def write_safetensors(path: Path, tensors: dict[str, Tensor], metadata: dict[str, str]) -> Path:
    """Tensors and text as one safetensors file, atomically. What two names share is written under both."""
    return write_bytes(path, save({name: tensor.clone() for name, tensor in tensors.items()}, metadata))
