"""Sixteen betas in the 2-D world: one stack, and one network told beta, against sixteen fits one after another.

    OMP_NUM_THREADS=1 python benchmarks/beta_sweep.py [--steps 600] [--rounds 3] [--json FILE]

The same layers, points, batches, steps and Adam. The stack is timed after a check that its losses are those of single
fits. The conditioned network is another model (FiLM beside the same layers): how many nats its loss lies above that of
the networks trained for their beta alone stands beside its time. Processor time on one thread, rounds alternate,
medians of ratios count. Aims: 0.18 for the stack (over 0.3 a defect), 0.09 for the conditioned one (over 0.15).
"""

import argparse
import json
import statistics
import time
from collections.abc import Callable
from pathlib import Path

import torch
from torch import Tensor

from dgm_tutor import data, models, training
from dgm_tutor.models.base import Model

BETAS = torch.logspace(-1, 1, 16).tolist()
WORLD = {"x_dim": 2, "z_dim": 2, "hidden": (32, 32), "likelihood": "gaussian"}


def created() -> list[Model]:
    return [models.create("beta_vae", beta=beta, **WORLD) for beta in BETAS]


def one_by_one(fit: Callable) -> list[Model]:
    singles = created()
    for model in singles:
        fit(training.fit, model)
    return singles


def stacked(fit: Callable) -> list[Model]:
    together = created()
    fit(training.sweep, together)
    return together


def conditioned(fit: Callable) -> list[Model]:
    model = models.create("beta_vae", beta=(BETAS[0], BETAS[-1]), **WORLD)
    fit(training.fit, model)
    return [model.at(min(max(beta, model.low), model.high)) for beta in BETAS]


@torch.no_grad()
def losses(found: list[Model], x: Tensor) -> Tensor:
    """Each model's loss on x, nats, with common noise: (models,)."""
    values = []
    for model in found:
        torch.manual_seed(0)
        values.append(model.loss(x).total)
    return torch.stack(values)


def seconds(work: Callable, fit: Callable) -> float:
    start = time.process_time()
    work(fit)
    return time.process_time() - start


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--steps", type=int, default=600)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--json", type=Path, help="write the numbers here")
    args = parser.parse_args()
    torch.set_num_threads(1)
    x, _ = data.densities.mixture.sample(4000, torch.Generator().manual_seed(0))
    test, _ = data.densities.mixture.sample(4000, torch.Generator().manual_seed(1))

    def fit(train: Callable, what: object) -> None:
        train(what, x, steps=args.steps, device="cpu", progress=False)

    single, stack, told = (losses(work(fit), test) for work in (one_by_one, stacked, conditioned))
    if not torch.allclose(single, stack, rtol=1e-2):
        worst = (single - stack).abs().max()
        raise SystemExit(f"the stack's losses lie up to {worst:.3g} nats from the single fits': no time is reported")
    times = [[seconds(work, fit) for work in (one_by_one, stacked, conditioned)] for _ in range(args.rounds)]
    result = {
        "torch": torch.__version__,
        "betas": len(BETAS),
        "steps": args.steps,
        "rounds": args.rounds,
        "one by one, processor seconds": statistics.median(t[0] for t in times),
        "stack / one by one": statistics.median(t[1] / t[0] for t in times),
        "conditioned / one by one": statistics.median(t[2] / t[0] for t in times),
        "stack's largest difference in loss, nats": (single - stack).abs().max().item(),
        "conditioned above single, nats, by beta": dict(
            zip([f"{beta:.3g}" for beta in BETAS], (told - single).tolist(), strict=True)
        ),
        "single's loss, nats, by beta": dict(zip([f"{beta:.3g}" for beta in BETAS], single.tolist(), strict=True)),
    }
    print(json.dumps(result, indent=1))
    if args.json:
        args.json.write_text(json.dumps(result, indent=1) + "\n")


if __name__ == "__main__":
    main()
