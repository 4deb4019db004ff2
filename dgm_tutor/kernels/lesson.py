"""What the page lecture12/kernels needs: its checks, its counting of bytes, and chips to draw rooflines for."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from types import SimpleNamespace

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from dgm_tutor.kernels.backend import installed

TILE = 4  # the page's
SIZES = (1, 3, 4, 5, 9, 16)  # around tiles


def triton() -> tuple:
    """``triton`` and ``triton.language``; where there is none, stand-ins with which the page's kernels can be read."""
    if not installed():
        return SimpleNamespace(jit=lambda kernel: kernel), SimpleNamespace(constexpr=int)
    return import_module("triton"), import_module("triton.language")


@dataclass(frozen=True)
class Chip:
    """Published peaks: bytes a second from memory, float32 operations a second without matrix units."""

    name: str
    bandwidth: float
    peak: float

    def seconds(self, operations: float, bytes_moved: float) -> float:
        """The least time that the roofline allows."""
        return max(operations / self.peak, bytes_moved / self.bandwidth)


CHIPS = (Chip("T4", 320e9, 8.1e12), Chip("A100", 1555e9, 19.5e12), Chip("H100", 3350e9, 66.9e12))


class Counted(TorchDispatchMode):
    """Counts what torch's operations read and write, each from and to memory, and how many there are."""

    def __init__(self):
        super().__init__()
        self.bytes, self.operations = 0, 0

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        out = function(*args, **(kwargs or {}))
        given, made = ([t for t in tree_leaves(part) if isinstance(t, Tensor)] for part in ((args, kwargs), out))
        memory = {t.untyped_storage().data_ptr() for t in given}
        views = all(t.untyped_storage().data_ptr() in memory and not any(t is g for g in given) for t in made)
        if not views:
            self.bytes += sum(t.numel() * t.element_size() for t in {id(t): t for t in (*given, *made)}.values())
            self.operations += 1
        return out


def row_sums(z: Tensor) -> Tensor:
    """What the page's first kernel should give: sum over j of exp(-|z_i - z_j|^2), j other than i, for z (d, N)."""
    gram = torch.exp(-(z[:, :, None] - z[:, None, :]).square().sum(0))
    return gram.sum(1) - gram.diagonal()


def check_row_sums(launch: Callable[[Tensor], Tensor]) -> str:
    """A verdict on a launch of the page's kernel, on sets of points around the size of a tile."""
    for n in SIZES:
        z = torch.randn(2, n, dtype=torch.float64, generator=torch.Generator().manual_seed(n))
        found, truth = launch(z), row_sums(z)
        wrong = _first_difference(found, truth)
        if wrong:
            return f"Not yet. With {n} point{'s' * (n > 1)}, {wrong} {_why(z, found - truth)}"
    return f"Right, at every size: {', '.join(map(str, SIZES))} points in tiles of {TILE}."


def check_log_sums(launch: Callable[[Tensor], Tensor]) -> str:
    """A verdict on a streaming log-sum-exp of the rows of l (N, M)."""
    generator = torch.Generator().manual_seed(0)
    noise = torch.randn(3, 11, dtype=torch.float64, generator=generator)
    rows = {
        "in no order": noise,
        "with the greatest first": 30 * noise.sort(descending=True).values,
        "with the greatest last": 30 * noise.sort().values,
        "around -10,000": noise - 1e4,
    }
    for name, values in rows.items():
        wrong = _first_difference(launch(values), values.logsumexp(1))
        if wrong:
            return f"Not yet. For rows {name}, {wrong}"
    return "Right: in any order, and as far from 0 as you like."


def _first_difference(found: Tensor, truth: Tensor) -> str:
    close = torch.isclose(found, truth, rtol=1e-9, atol=1e-12)
    if close.all():
        return ""
    i = int((~close).nonzero()[0])
    return f"row {i} gives {found[i]:.6g}, and the formula {truth[i]:.6g}."


def _why(z: Tensor, excess: Tensor) -> str:
    """What is in row sums of z (d, N) that should not be there, where that is one of the two slips, or both."""
    itself = torch.ones_like(excess)
    behind = (-z.shape[1] % TILE) * torch.exp(-z.square().sum(0))  # what is not there is read as 0
    slips = {
        "Each point is paired with itself.": itself,
        "Places behind the last point are counted.": behind,
        "Each point is paired with itself, and places behind the last one are counted.": itself + behind,
    }
    known = [words for words, extra in slips.items() if torch.allclose(excess, extra, atol=1e-9)]
    return known[0] if known else "Is every other point there, once?"


def registers(operation: str) -> list[dict]:
    """What each kernel of an operation takes on each chip: compiled in a process of its own, for no GPU is needed.

    Raises:
        RuntimeError: the compiler's own last words, where it fails.
    """
    program = (
        "import json; from dgm_tutor.kernels.ahead import CAPABILITIES, resources, variants\n"
        f"print(json.dumps([{{'kernel': v.name, 'chip': f'sm_{{c}}', **resources(v, c).as_dict()}} "
        f"for v in variants({operation!r})[:1] for c in CAPABILITIES]))"
    )
    env = {**os.environ, "TRITON_INTERPRET": "0"}
    done = subprocess.run([sys.executable, "-c", program], env=env, capture_output=True, text=True)
    if done.returncode != 0:
        raise RuntimeError(done.stderr[-2000:])
    return json.loads(done.stdout)
