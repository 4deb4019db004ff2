"""What kernels really do in the interpreter: launches, bytes read and written, and who touches what."""

from contextlib import contextmanager
from dataclasses import dataclass, field

import numpy as np
import torch
from triton.runtime import interpreter


@dataclass
class Meter:
    launches: int = 0
    read: int = 0
    """Bytes."""
    written: int = 0
    """Bytes."""
    places: set[int] = field(default_factory=set)
    """Addresses that were written."""
    twice: int = 0
    """Writes to a place that was written before."""
    back: int = 0
    """Reads of a place that was written before: harmless only within one program, behind a barrier."""


@contextmanager
def metered(monkeypatch):
    """Counts what runs inside."""
    meter = Meter()
    builder, launch = interpreter.InterpreterBuilder, interpreter.GridExecutor.__call__

    def load(self, ptrs, mask, *rest, original=builder.create_masked_load):
        value = original(self, ptrs, mask, *rest)
        places = np.atleast_1d(ptrs.data)[np.atleast_1d(mask.data).astype(bool)].tolist()
        meter.read += len(places) * value.data.dtype.itemsize
        meter.back += len(meter.places.intersection(places))
        return value

    def store(self, ptrs, value, mask, *rest, original=builder.create_masked_store):
        places = np.atleast_1d(ptrs.data)[np.atleast_1d(mask.data).astype(bool)].tolist()
        meter.written += len(places) * value.data.dtype.itemsize
        meter.twice += len(places) - len(set(places) - meter.places)
        meter.places.update(places)
        return original(self, ptrs, value, mask, *rest)

    def call(self, *arguments, **options):
        meter.launches += 1
        return launch(self, *arguments, **options)

    with monkeypatch.context() as patch:
        patch.setattr(builder, "create_masked_load", load)
        patch.setattr(builder, "create_masked_store", store)
        patch.setattr(interpreter.GridExecutor, "__call__", call)
        yield meter


def poison(monkeypatch) -> None:
    """Every tensor that is allocated without values holds NaN: what a kernel forgets to write shows."""
    empty, new_empty = torch.empty, torch.Tensor.new_empty

    def filled(t: torch.Tensor) -> torch.Tensor:
        return t.fill_(torch.nan) if t.is_floating_point() else t

    monkeypatch.setattr(torch, "empty", lambda *a, **k: filled(empty(*a, **k)))
    monkeypatch.setattr(torch.Tensor, "new_empty", lambda *a, **k: filled(new_empty(*a, **k)))
