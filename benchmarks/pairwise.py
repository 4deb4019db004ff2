"""Sums over all pairs, with their gradients: tiles against the whole matrix and pykeops; ratios in one run, and memory.

    OMP_NUM_THREADS=1 .peers/bin/python benchmarks/pairwise.py [--points 2000] [--dim 20] [--rounds 5] [--json FILE]

``mmd``: the squared MMD of two sets, with the gradient in one. ``log_q``: the aggregate posterior's log-density at its
own samples (MI, total correlation), with the gradients in samples, means and scales; ``products`` is its whole matrix
by products in float32, a form that cancels. Processor time on one thread, rounds alternate, the median ratio counts;
nothing is timed unless all agree. Memory is the peak of a process of its own, less what it held after a small run of
the same work. pykeops (`make peers`) compiles each formula once, with a C++ compiler (its own words on standard output;
not timed); where it is not installed, it is left out.
"""

import argparse
import importlib.util
import json
import math
import re
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import torch
from torch import Tensor
from torch.distributions import Normal

from dgm_tutor.kernels.mixture import log_mixture
from dgm_tutor.kernels.pairwise import OCTAVES, squared_mmd

Work = Callable[..., Tensor]
SMALL = 300  # points, to set libraries up before memory is looked at


def mmd_whole(x: Tensor, y: Tensor) -> Tensor:
    """From three whole Gram matrices."""
    return _mmd(x, y, lambda a, b: a.square().sum(1)[:, None] + b.square().sum(1) - 2 * a @ b.mT)


def mmd_keops(x: Tensor, y: Tensor) -> Tensor:
    from pykeops.torch import LazyTensor

    return _mmd(x, y, lambda a, b: ((LazyTensor(a[:, None]) - LazyTensor(b[None])) ** 2).sum(-1))


def _mmd(x: Tensor, y: Tensor, squared: Callable) -> Tensor:
    """By definition, from a matrix of squared distances, whole or lazy."""

    def total(a: Tensor, b: Tensor) -> Tensor:
        r = squared(a, b)
        return sum((r * (-1 / (2.0 * x.shape[1] * 2.0**o))).exp() for o in OCTAVES).sum(1).sum() / len(OCTAVES)

    n, m = len(x), len(y)
    within = (total(x, x) - n) / (n * (n - 1)) + (total(y, y) - m) / (m * (m - 1))
    return within - 2 * total(x, y) / (n * m)


def log_q_whole(z: Tensor, mean: Tensor, std: Tensor) -> Tensor:
    """From differences of all pairs in all dimensions, as torch.distributions writes it down."""
    return Normal(mean, std).log_prob(z.unsqueeze(1)).sum(-1).logsumexp(1) - math.log(len(mean))


def log_q_products(z: Tensor, mean: Tensor, std: Tensor) -> Tensor:
    """From products of matrices, t^2 = z^2 / s^2 - 2 z m / s^2 + m^2 / s^2: fast, and cancels many sigma away."""
    precision = std.square().reciprocal()
    t = z.square() @ precision.mT - 2 * z @ (mean * precision).mT + (mean.square() * precision).sum(1)
    return (-t / 2 - std.log().sum(1)).logsumexp(1) - _constant(z, mean)


def log_q_keops(z: Tensor, mean: Tensor, std: Tensor) -> Tensor:
    from pykeops.torch import LazyTensor

    t = ((LazyTensor(z[:, None]) - LazyTensor(mean[None])) * LazyTensor(std.reciprocal()[None])) ** 2
    joint = t.sum(-1) * -0.5 - LazyTensor(std.log().sum(1)[None, :, None])
    return joint.logsumexp(1).squeeze(-1) - _constant(z, mean)


def _constant(z: Tensor, mean: Tensor) -> float:
    return math.log(len(mean)) + z.shape[1] / 2 * math.log(2 * math.pi)


WORKS: dict[str, dict[str, Work]] = {
    "mmd": {
        "tiles": lambda x, y: squared_mmd(x, y, "rbf", 2.0 * x.shape[1]),
        "whole": mmd_whole,
        "pykeops": mmd_keops,
    },
    "log_q": {
        "tiles": lambda z, mean, std: log_mixture(z, mean, std) - math.log(len(mean)),
        "whole": log_q_whole,
        "products": log_q_products,
        "pykeops": log_q_keops,
    },
}


def problem(work: str, points: int, dim: int) -> list[Tensor]:
    """The inputs; those with a gradient are leaves."""
    generator = torch.Generator().manual_seed(0)
    a, b, c = torch.randn(3, points, dim, generator=generator)
    if work == "mmd":
        return [(1.1 * a + 0.1).requires_grad_(), b]
    std = (0.3 * c - 1).exp()
    return [t.requires_grad_() for t in (b + std * a, b.clone(), std)]


def run(work: str, way: str, inputs: list[Tensor]) -> list[Tensor]:
    value = WORKS[work][way](*inputs).mean()
    return [value.detach(), *torch.autograd.grad(value, [t for t in inputs if t.requires_grad])]


def agree(work: str, ways: list[str], inputs: list[Tensor]) -> None:
    truth = run(work, ways[0], inputs)
    for way in ways[1:]:
        for a, b in zip(run(work, way, inputs), truth, strict=True):
            off = (a - b).abs().max().item() / b.abs().max().item()
            if not off < 1e-2 * (1 if work == "mmd" else 0.1):  # an MMD is the small difference of large sums
                raise SystemExit(f"{work}: {way} is off by {off:.2g} of the largest: no time is reported")


def seconds(work: str, way: str, inputs: list[Tensor]) -> float:
    start = time.process_time()
    run(work, way, inputs)
    return time.process_time() - start


def peak() -> float:
    """This program's largest resident memory so far, MB (Linux); ``getrusage`` would count whoever started it too."""
    status = Path("/proc/self/status").read_text(encoding="utf-8")
    return int(re.search(r"^VmHWM:\s+(\d+) kB", status, re.MULTILINE)[1]) / 1024


def memory(work: str, way: str, points: int, dim: int) -> float:
    """MB, measured in a process of its own."""
    sizes = ["--points", str(points), "--dim", str(dim)]
    command = [sys.executable, __file__, "--here", work, way, *sizes]
    found = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    return float(found.splitlines()[-1])


def measured(work: str, args: argparse.Namespace) -> list[dict]:
    ways = [way for way in WORKS[work] if way != "pykeops" or importlib.util.find_spec("pykeops")]
    inputs = problem(work, args.points, args.dim)
    agree(work, ways, inputs)
    times = [{way: seconds(work, way, inputs) for way in ways} for _ in range(args.rounds)]
    return [
        {
            "work": work,
            "way": way,
            "processor_ms": 1e3 * statistics.median(t[way] for t in times),
            "ratio": statistics.median(t[way] / t["tiles"] for t in times),
            "mb": memory(work, way, args.points, args.dim),
            "points": args.points,
            "dim": args.dim,
            "rounds": args.rounds,
        }
        for way in ways
    ]


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name, default in (("points", 2000), ("dim", 20), ("rounds", 5)):
        parser.add_argument(f"--{name}", type=int, default=default, help=f"default {default}")
    parser.add_argument("--json", type=Path, help="write every number here")
    parser.add_argument("--here", nargs=2, help=argparse.SUPPRESS)
    args = parser.parse_args(argv)
    torch.set_num_threads(1)
    if args.here:
        run(*args.here, problem(args.here[0], SMALL, args.dim))
        inputs, before = problem(args.here[0], args.points, args.dim), peak()
        run(*args.here, inputs)
        print(peak() - before)
        return 0
    rows = [row for work in WORKS for row in measured(work, args)]
    print(f"{args.points} points of {args.dim} dimensions, one thread, torch {torch.__version__}")
    for row in rows:
        times = f"{row['processor_ms']:10.0f} ms{row['ratio']:8.2f}x{row['mb']:10.1f} MB"
        print(f"{row['work']:<8}{row['way']:<10}{times}")
    if args.json:
        args.json.write_text(json.dumps(rows, indent=1) + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
