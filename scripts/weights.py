"""Train the weights that the pages ship, from the embedded data: ``python scripts/weights.py [PAGE ...]``.

Minutes on two cores; an interrupted run goes on where it stopped (checkpoints lie in runs/weights). Every file
carries the metrics measured with the weights as stored (16-bit floats), and tests measure them again.
"""

import argparse
from pathlib import Path

import torch

from dgm_tutor import data, evaluation, models, training

RUNS = Path(__file__).parents[1] / "runs" / "weights"
BETAS = (0.1, 0.316, 1.0, 3.16, 10.0)


def measured(model: models.LatentVariableModel, beta: float) -> dict[str, float]:
    """Rate, distortion and their beta-weighted sum on the embedded test digits, nats per example."""
    x = test_digits()
    torch.manual_seed(0)
    point = evaluation.rate_distortion(model, x, samples=4)
    rate, distortion = float(point.rate.value), float(point.distortion.value)
    return {"beta": beta, "rate": rate, "distortion": distortion, "loss": distortion + beta * rate}


def test_digits() -> torch.Tensor:
    """The 2,000 embedded test digits, binarised once with a fixed seed, (2000, 784)."""
    digits = data.load("mnist").test.pixels().flatten(1)
    return data.binarise(digits, torch.Generator().manual_seed(0))


def beta_vae_page() -> None:
    """One network for every beta from 0.1 to 10, and five that serve one beta each."""
    settings = {"z_dim": 10, "hidden": (96,)}
    digits = data.load("mnist").train
    how = {"transform": data.binarise, "batch_size": 128, "lr": 1e-3, "seed": 0}
    folder = models.WEIGHTS / "10_beta_vae"

    family = models.create("beta_vae", beta=(BETAS[0], BETAS[-1]), **settings)
    training.fit(family, digits, steps=40_000, checkpoint=RUNS / "beta_vae_family.safetensors", **how)
    keep(family, folder / "conditional.safetensors", lambda m: [measured(m.at(beta), beta) for beta in BETAS])

    alone = [models.create("beta_vae", beta=beta, **settings) for beta in BETAS]
    training.sweep(alone, digits, steps=20_000, checkpoint=RUNS / "beta_vae_alone.safetensors", **how)
    for model, beta in zip(alone, BETAS, strict=True):
        keep(model, folder / f"beta_{beta:g}.safetensors", lambda m, beta=beta: [measured(m, beta)])


def keep(model, path: Path, measure) -> None:
    """Store at half size, measure what was stored, and store again with the measurements."""
    models.save(model, path, half=True)
    notes = {"command": "python scripts/weights.py", "torch": torch.__version__, "metrics": measure(models.load(path))}
    models.save(model, path, half=True, notes=notes)
    print(f"{path.name}: {path.stat().st_size / 1e3:.0f} kB")
    for row in notes["metrics"]:
        print("   " + "  ".join(f"{key} {value:.4g}" for key, value in row.items()))


PAGES = {"10_beta_vae": beta_vae_page}

if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("pages", nargs="*", choices=[[], *PAGES], metavar="PAGE", help=f"of {', '.join(PAGES)}")
    for page in parser.parse_args().pages or PAGES:
        PAGES[page]()
