"""C19: beta trades reconstruction against disentanglement, on sprites whose factors are known.

One stack of beta-VAEs a seed, so that the betas share initial weights, batches and noise. They are scored on images
held out, by all four of MIG, FactorVAE, DCI and SAP. ``scripts/c19_beta.py`` is the same experiment with more betas and
seeds, for the page on beta-VAE.
"""

from collections.abc import Sequence
from dataclasses import asdict

import torch
from torch import Tensor

from dgm_tutor import data, evaluation, models, training
from dgm_tutor.claims.claim import Claim, Figure, Figures, Verdict, confirmed, not_seen, qualified

BETAS, LOW, VAE, HIGH = (0.25, 1.0, 4.0, 16.0), 0.25, 1.0, 4.0
MODEL = {"x_dim": 3 * 16 * 16, "z_dim": 8, "hidden": (256,)}
TRAINING = {"batch_size": 128, "lr": 2e-3}
STEPS = 1500
FULL = {"betas": (0.25, 0.5, 1.0, 2.0, 4.0, 8.0, 16.0), "steps": 100_000}
SCORES = {"mig": "MIG", "factor_vae": "FactorVAE", "dci_disentanglement": "DCI", "sap": "SAP"}
COSTS = ("distortion", "rate", "mi_q")


def measure(seed: int, full: bool, **sizes) -> dict[str, float]:
    form = {"betas": BETAS, "steps": STEPS, **(FULL if full else {}), **sizes}
    images, factors = held_out(form.get("points"))
    found = {}
    for model in trained(form["betas"], seed, form["steps"]):
        found[model.settings["beta"]] = measured(model, images, factors, seed)
    numbers = {}
    for beta, metrics in found.items():
        numbers |= {f"{name}, beta {beta:g} (nats)": metrics[name] for name in COSTS}
        numbers |= {f"{label}, beta {beta:g}": metrics[name] for name, label in SCORES.items()}
    for beta, other in ((VAE, LOW), (HIGH, VAE)):
        worse, gain = (
            found[beta]["distortion"] - found[other]["distortion"],
            {label: found[beta][name] - found[other][name] for name, label in SCORES.items()},
        )
        numbers[f"distortion, beta {beta:g} - {other:g} (nats)"] = worse
        numbers |= {f"{label}, beta {beta:g} - {other:g}": value for label, value in gain.items()}
    return numbers


def held_out(points: int | None = None) -> tuple[Tensor, Tensor]:
    """Binarised test images (n, D) and their factors (n, 6); None takes all 4,096."""
    test = data.load("sprites").test
    x = data.binarise(test.pixels()[:points].flatten(1), torch.Generator().manual_seed(0))
    return x, test.factors[:points]


def trained(betas: Sequence[float], seed: int, steps: int) -> list[models.LatentVariableModel]:
    """A beta-VAE for every beta, trained as one stack."""
    members = [models.create("beta_vae", seed=seed, beta=beta, **MODEL) for beta in betas]
    how = {"steps": steps, "seed": seed, "transform": data.binarise, "progress": False, **TRAINING}
    training.sweep(members, data.load("sprites").train, **how)
    return [member.cpu() for member in members]


def measured(model: models.LatentVariableModel, x: Tensor, factors: Tensor, seed: int) -> dict[str, float]:
    """What the model pays, what it keeps, and how well its codes separate the factors."""
    found = evaluation.information(model, x, seed=seed)
    cost = {name: getattr(found, name).value for name in ("distortion", "rate", "mi_q", "kl_aggregate")}
    return cost | scores(model, x, factors, seed)


def scores(model: models.LatentVariableModel, x: Tensor, factors: Tensor, seed: int) -> dict[str, float]:
    """The disentanglement scores of the posterior means, and the number of dimensions not collapsed."""
    codes = evaluation.mean_codes(model, x)
    found = asdict(evaluation.disentanglement(codes, factors, data.sprites.NAMES, seed=seed))
    dci = {f"dci_{name}": value for name, value in found.pop("dci").items()}
    return {**found, **dci, "active": int((codes != 0).any(0).sum())}


def judge(figures: Figures) -> Verdict:
    """Confirmed where images get worse and every score better, clearly, from beta 1/4 to 1 and from 1 to 4.

    Qualified where images get worse at both steps and some score better at one.
    """
    steps, told = [(LOW, VAE), (VAE, HIGH)], []
    worse = [figures[f"distortion, beta {b:g} - {a:g} (nats)"] for a, b in steps]
    outcomes = {}
    for (a, b), cost in zip(steps, worse, strict=True):
        for label in SCORES.values():
            outcomes[a, label] = _direction(figures[f"{label}, beta {b:g} - {a:g}"])
        said = ", ".join(f"{label} {outcomes[a, label]}" for label in SCORES.values())
        told.append(f"from beta {a:g} to {b:g} the distortion grows by {cost} nats; {said}")
    why = "; ".join(told)
    if not all(cost.clearly_positive for cost in worse) or "up" not in outcomes.values():
        return not_seen(why)
    if set(outcomes.values()) == {"up"}:
        return confirmed(why)
    return qualified(f"reconstruction is paid at both steps, and disentanglement is bought in part: {why}")


def _direction(gain: Figure) -> str:
    if gain.clearly_positive:
        return "up"
    return "down" if Figure(tuple(-value for value in gain.values)).clearly_positive else "within the spread"


CLAIM = Claim(
    "C19",
    "10 beta-VAE",
    "beta trades reconstruction against disentanglement: as it grows, images get worse and MIG, FactorVAE, DCI and SAP "
    "scores better",
    "Higgins et al. 2017, dSprites: 99.23% by their classifier; fragile: a reproduction has MIG 0.06 at beta 4",
    measure,
    judge,
)
