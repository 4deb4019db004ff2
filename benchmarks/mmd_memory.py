"""The memory that an MMD with its gradients takes beyond its points, 20,000 x 20 by default (aim: under 200 MB).

    OMP_NUM_THREADS=1 python benchmarks/mmd_memory.py [--points 20000] [--dim 20] [--json FILE]

Peak resident memory of a process of its own, less what it held before, after a small MMD has loaded what any one
needs. The points' own gradients are in the figure.
"""

import argparse
import json
import resource
import subprocess
import sys
import time
from pathlib import Path

import torch

from dgm_tutor.objectives import squared_mmd


def peak() -> float:
    """The process's largest resident memory so far, MB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def measure(points: int, dim: int) -> dict[str, float]:
    torch.set_num_threads(1)
    generator = torch.Generator().manual_seed(0)
    x, y = (torch.randn(points, dim, generator=generator).requires_grad_() for _ in range(2))
    squared_mmd(x[:600], y[:600]).backward()
    x.grad = y.grad = None
    before, start = peak(), time.process_time()
    value = squared_mmd(x, y)
    value.backward()
    return {"MB": peak() - before, "processor seconds": time.process_time() - start, "squared MMD": value.item()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--points", type=int, default=20_000)
    parser.add_argument("--dim", type=int, default=20)
    parser.add_argument("--json", type=Path, help="write the numbers here")
    parser.add_argument("--here", action="store_true", help=argparse.SUPPRESS)
    args = parser.parse_args()
    size = {"points": args.points, "dim": args.dim}
    if args.here:
        print(json.dumps(size | measure(**size)))
        return
    command = [sys.executable, __file__, "--here", "--points", str(args.points), "--dim", str(args.dim)]
    found = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    print(found, end="")
    if args.json:
        args.json.write_text(found)


if __name__ == "__main__":
    main()
