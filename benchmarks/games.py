"""How far games get: squared MMD to what they aim at, for the two tables of docs/models/adversarial.md.

    OMP_NUM_THREADS=1 python benchmarks/games.py [--json FILE]

A `gan` of the mixture in the plane, by kind and length; an `aae`'s q(z) on held-out digits of 14 x 14, with and without
the critic's slope penalty and the narrow start. Some five minutes on one core; the numbers are those of two seeds.
"""

import argparse
import json
from pathlib import Path

import torch
from torch import Tensor

from dgm_tutor import data, evaluation, models, training
from dgm_tutor.components.priors import SHAPES, ShapedPrior
from dgm_tutor.objectives import squared_mmd

KINDS = ("jsd", "least_squares", "non_saturating", "kl", "wasserstein")
SEEDS = (0, 1)
POINTS = 2000
LENGTHS = ((800, 1), (3000, 1), (800, 5))  # steps, and the critic's for each of the generator's
PRIORS = {"mixture": (800, 2000, 4000), "swiss_roll": (900, 2000, 3000)}


@torch.no_grad()
def distance(a: Tensor, b: Tensor) -> float:
    return squared_mmd(a, b, bandwidth="median").item()


def gan(kind: str, steps: int, critic_steps: int, seed: int) -> float:
    """Squared MMD of a trained generator's samples to fresh data."""
    torch.manual_seed(seed)
    mixture = ShapedPrior(SHAPES["mixture"])()
    sizes = {"x_dim": 2, "z_dim": 2, "hidden": (64, 64), "output": "real"}
    model = models.create("gan", seed=seed, game=kind, critic_steps=critic_steps, **sizes)
    training.fit(model, mixture.sample((8192,)), steps=steps, seed=seed, progress=False, device="cpu")
    return distance(model.sample(POINTS), mixture.sample((POINTS,)))


def aae(prior: str, steps: int, both: bool, seed: int) -> float:
    """Squared MMD of q(z) to the prior; without `both` remedies the critic may be steep and q(z|x) starts wide."""
    torch.manual_seed(seed)
    digits = data.load("mnist")
    train, test = (evaluation.resized(split.pixels().flatten(1), 14) for split in (digits.train, digits.test))
    model = models.create("aae", x_dim=196, z_dim=2, hidden=(128,), prior=prior, smooth=0.1 if both else 0.0, seed=seed)
    if not both:
        model.posterior.scale = 1.0
    training.fit(model, train, steps=steps, seed=seed, transform=data.binarise, progress=False, device="cpu")
    with torch.no_grad():
        z = model.posterior(data.binarise(test)).sample()
    return distance(z, model.prior().sample((len(z),)))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    found: dict[str, list[float]] = {}

    def say(name: str, measured: list[float]) -> None:
        found[name] = [round(one, 4) for one in measured]
        print(f"{name}: {', '.join(f'{one:.4f}' for one in measured)}", flush=True)

    for kind in KINDS:
        for steps, critic_steps in LENGTHS:
            say(f"gan {kind} {steps} x {critic_steps}", [gan(kind, steps, critic_steps, seed) for seed in SEEDS])
    for prior, lengths in PRIORS.items():
        for both in (False, True):
            for steps in lengths:
                say(f"aae {prior} {'both' if both else 'neither'} {steps}", [aae(prior, steps, both, s) for s in SEEDS])
    if arguments.json:
        arguments.json.write_text(json.dumps(found, indent=1) + "\n")


if __name__ == "__main__":
    main()
