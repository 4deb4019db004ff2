"""C19: does beta trade reconstruction for disentanglement? ``python scripts/c19_beta.py``

Trains a beta-VAE for every beta and seed on the sprites' training images, one stack of betas a seed, so that the betas
of a seed share initial weights, batches and noise and can be compared in pairs. Scores them on the 4,096 held-out
images, whose factors are known, and writes dgm_tutor/weights/10_beta_vae/c19_beta.json. Minutes on two quiet cores.
"""

import argparse
import json
import math
import platform
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import sklearn
import torch

from dgm_tutor import data, files, models
from dgm_tutor.claims import c19
from dgm_tutor.claims.c19 import MODEL, STEPS, TRAINING

RESULT = models.WEIGHTS / "10_beta_vae" / "c19_beta.json"
BETAS = (0.25, 1.0, 2.0, 4.0, 8.0, 16.0)
SEEDS = (0, 1, 2, 3, 4)
REFERENCE = 1.0  # the VAE, with which every beta is compared

Metrics = dict[str, float]


def experiment(
    betas: Sequence[float] = BETAS, seeds: Sequence[int] = SEEDS, steps: int = STEPS, points: int | None = None
) -> dict:
    """The record: every run, mean and standard error over seeds by beta, differences from beta = 1 by seed.

    points: how many held-out images to score on; None takes all.
    """
    start = time.perf_counter()
    trained_on, (held_out, factors) = len(data.load("sprites").train), c19.held_out(points)
    runs = []
    for seed in seeds:
        untrained = models.create("beta_vae", seed=seed, beta=betas[0], **MODEL)
        before = c19.scores(untrained, held_out, factors, seed)
        runs.append({"beta": None, "seed": seed, **before})  # what the scores say before any learning
        for beta, model in zip(betas, c19.trained(betas, seed, steps), strict=True):
            runs.append({"beta": beta, "seed": seed, **c19.measured(model, held_out, factors, seed)})
            print(json.dumps(runs[-1]), flush=True)
    return {
        "claim": "C19: beta trades reconstruction against disentanglement",
        "command": "python scripts/c19_beta.py",
        "data": f"sprites, binarised: {trained_on} to train on, {len(held_out)} held out to score on",
        "units": "distortion, rate, mi_q, kl_aggregate in nats per example; active in dimensions; scores in [0, 1]",
        "mi_q_ceiling": math.log(len(held_out)),
        "model": MODEL,
        "training": {"steps": steps, **TRAINING},
        "betas": list(betas),
        "seeds": list(seeds),
        "runs": runs,
        "summary": summary(runs),
        "difference_from_beta_1": differences(runs),
        "versions": versions(),
        "seconds": round(time.perf_counter() - start, 1),
    }


def summary(runs: list[dict]) -> list[dict]:
    """Mean and standard error over seeds, one row a beta (None: untrained)."""
    return [{"beta": beta, **over_seeds(rows)} for beta, rows in by_beta(runs).items()]


def differences(runs: list[dict]) -> list[dict]:
    """Every beta's metrics minus those of beta = 1 with the same seed: mean and standard error over seeds."""
    rows = by_beta(runs)
    reference = {row["seed"]: row for row in rows.get(REFERENCE, [])}
    return [
        {
            "beta": beta,
            **over_seeds([{k: row[k] - reference[row["seed"]][k] for k in metrics(row)} for row in rows[beta]]),
        }
        for beta in rows
        if beta not in (None, REFERENCE) and reference
    ]


def by_beta(runs: list[dict]) -> dict[float | None, list[dict]]:
    return {beta: [run for run in runs if run["beta"] == beta] for beta in dict.fromkeys(r["beta"] for r in runs)}


def metrics(row: dict) -> list[str]:
    return [name for name in row if name not in ("beta", "seed")]


def over_seeds(rows: list[dict]) -> dict[str, dict]:
    values = {name: np.array([row[name] for row in rows], dtype=float) for name in metrics(rows[0])}
    return {
        name: {
            "mean": float(v.mean()),
            "standard_error": float(v.std(ddof=1) / math.sqrt(len(v))) if len(v) > 1 else None,
        }
        for name, v in values.items()
    }


def versions() -> dict[str, str]:
    return {
        "python": platform.python_version(),
        "torch": torch.__version__,
        "numpy": np.__version__,
        "scikit-learn": sklearn.__version__,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=RESULT, help="where the record goes (default: %(default)s)")
    out = parser.parse_args().out
    files.write_bytes(out, (json.dumps(experiment(), indent=1) + "\n").encode())
    print(f"wrote {out}")


if __name__ == "__main__":
    main()
