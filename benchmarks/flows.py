"""Flows: incremental against naive MAF sampling, and the density beside zuko's, as ratios in one run.

    python benchmarks/flows.py [--dim 64] [--hidden 512] [--batch 100] [--layers 5] [--json FILE]

The same layer, the same noise, the same numbers out (checked before any time is reported). The target is 5x at D = 64.
zuko is compared where it is installed; nothing else here needs it. Set OMP_NUM_THREADS to fix the
number of threads.
"""

import argparse
import importlib.util
import json
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path

import torch
from torch import Tensor

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from dgm_tutor.components import StandardNormal  # noqa: E402
from dgm_tutor.components.flows import FlowPrior, maf  # noqa: E402

TARGET = 5.0
TOLERANCE = 1e-3  # single precision, through all layers


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name, default in (("dim", 64), ("hidden", 512), ("batch", 100), ("layers", 5), ("repeats", 5)):
        parser.add_argument(f"--{name}", type=int, default=default, help=f"default {default}")
    parser.add_argument("--json", type=Path, help="write every number here")
    args = parser.parse_args(argv)
    torch.manual_seed(0)
    prior = FlowPrior(StandardNormal(args.dim), maf(args.dim, args.layers, (args.hidden, args.hidden)))
    rows = [sampling(prior, args), *densities(prior, args)]
    about = f"D = {args.dim}, hidden {args.hidden} x 2, {args.layers} layers, batch {args.batch}"
    print(f"{about}, {torch.get_num_threads()} threads, torch {torch.__version__}")
    for row in rows:
        print(f"{row['work']:<44}{row['ours_ms']:9.1f} ms{row['other_ms']:10.1f} ms{row['ratio']:8.2f}x")
    if args.json:
        args.json.write_text(json.dumps(rows, indent=1) + "\n")
    return 0


@torch.no_grad()
def sampling(prior: FlowPrior, args: argparse.Namespace) -> dict:
    """Sampling in small steps, and by a whole pass for each coordinate, from the same noise."""
    z = torch.randn(args.batch, args.dim)
    layers = prior.transform.transforms

    def walk(way: str) -> Tensor:
        x = z
        for layer in layers:
            x = getattr(layer.made, way)(lambda z_i, p, g=layer.monotone: g.forward(z_i, p)[0], x)
        return x

    difference = (walk("incremental") - walk("sequential")).abs().max().item()
    if not difference < TOLERANCE:
        raise SystemExit(f"the two samplers differ by {difference:.3g}: no time is reported for a wrong answer")
    ours, naive = timed(args.repeats, lambda: walk("incremental"), lambda: walk("sequential"))
    return row(f"MAF sampling, naive / incremental (aim {TARGET:g})", ours, naive)


def densities(prior: FlowPrior, args: argparse.Namespace) -> list[dict]:
    """log_prob forward and backward beside zuko's MAF of the same sizes, where zuko is installed."""
    if importlib.util.find_spec("zuko") is None:
        print("zuko is not installed: no comparison of densities (pip install zuko, in another environment)")
        return []
    import zuko

    peer = zuko.flows.MAF(args.dim, transforms=args.layers, hidden_features=(args.hidden, args.hidden))
    x = torch.randn(args.batch, args.dim)
    ours, theirs = timed(
        args.repeats,
        lambda: (-prior().log_prob(x).mean()).backward(),
        lambda: (-peer().log_prob(x).mean()).backward(),
    )
    return [row("MAF density, forward and backward, zuko / ours", ours, theirs)]


def timed(repeats: int, *works: Callable[[], object]) -> list[float]:
    """Median seconds of each, measured in turn so that a busy moment hurts them alike."""
    for work in works:
        work()
    times: list[list[float]] = [[] for _ in works]
    for _ in range(repeats):
        for seconds, work in zip(times, works, strict=True):
            start = time.perf_counter()
            work()
            seconds.append(time.perf_counter() - start)
    return [statistics.median(seconds) for seconds in times]


def row(work: str, ours: float, other: float) -> dict:
    return {"work": work, "ours_ms": 1e3 * ours, "other_ms": 1e3 * other, "ratio": other / ours}


if __name__ == "__main__":
    sys.exit(main())
