"""The training loop against a hand-written one: the same network, data, batches and optimiser, ratios in one run.

    python benchmarks/training.py [--json] [--steps 100] [--rounds 15]

The plain loop is what one would write in a notebook for a VAE 784-400-20. The time is processor
time, rounds alternate and the median ratio counts, so that a busy machine disturbs neither.
"""

import argparse
import json
import statistics
import time

import torch
import torch.nn.functional as F
from torch import nn

from dgm_tutor import data, models, training


class Plain(nn.Module):
    """A VAE without components, objectives or players."""

    def __init__(self):
        super().__init__()
        self.encode = nn.Sequential(nn.Linear(784, 400), nn.ReLU(), nn.Linear(400, 40))
        self.decode = nn.Sequential(nn.Linear(20, 400), nn.ReLU(), nn.Linear(400, 784))

    def loss(self, x: torch.Tensor) -> torch.Tensor:
        mu, log_sigma = self.encode(x).chunk(2, -1)
        z = mu + log_sigma.exp() * torch.randn_like(mu)
        distortion = F.binary_cross_entropy_with_logits(self.decode(z), x, reduction="none").sum(-1)
        rate = ((mu**2 + (2 * log_sigma).exp() - 1) / 2 - log_sigma).sum(-1)
        return (distortion + rate).mean()


def plain(x: torch.Tensor, steps: int, batch_size: int = 128) -> float:
    """Processor seconds of the hand-written loop."""
    torch.manual_seed(0)
    model = Plain()
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3, fused=True)
    start, order, position = time.process_time(), torch.randperm(len(x)), 0
    for _ in range(steps):
        if position + batch_size > len(x):
            order, position = torch.randperm(len(x)), 0
        batch = torch.bernoulli(x[order[position : position + batch_size]])
        position += batch_size
        optimizer.zero_grad()
        model.loss(batch).backward()
        optimizer.step()
    return time.process_time() - start


def ours(x: torch.Tensor, steps: int) -> float:
    """Processor seconds of ``training.fit`` on the recipe."""
    model = models.create("vae")
    start = time.process_time()
    training.fit(model, x, steps=steps, transform=torch.bernoulli, device="cpu", progress=False)
    return time.process_time() - start


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--steps", type=int, default=100)
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--json", action="store_true")
    args = parser.parse_args()
    torch.set_num_threads(1)
    x = data.load("mnist").train.pixels().flatten(1)
    plain(x, 20), ours(x, 20)
    rounds = [(plain(x, args.steps), ours(x, args.steps)) for _ in range(args.rounds)]
    ratio = statistics.median(b / a for a, b in rounds)
    result = {
        "benchmark": "fit against a plain loop, VAE 784-400-20, batch 128, one thread, processor time",
        "ratio": round(ratio, 3),
        "ms per step, plain": round(1000 * min(a for a, _ in rounds) / args.steps, 2),
        "ms per step, fit": round(1000 * min(b for _, b in rounds) / args.steps, 2),
    }
    print(json.dumps(result) if args.json else "\n".join(f"{key}: {value}" for key, value in result.items()))


if __name__ == "__main__":
    main()
