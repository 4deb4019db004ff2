"""C20: LagVAE's Pareto front of information, -ELBO and MMD beside that of a grid of fixed weights.

All maximise information under the same three terms: distortion + w_1 (-ELBO) + w_2 MMD. The grid fixes (w_1, w_2), nine
runs; LagVAE is given what -ELBO and MMD are allowed, in three pairs, and finds its weights. As long a training for each
run, so that the grid has three times LagVAE's in all.

A front is worth the share of a box that it dominates: points with no more information, no lower -ELBO and no lower MMD
than some run has, on held-out digits. The box goes from no information to log N, and from a plain VAE's -ELBO to
``WIDTH`` nats above it, which is also where the allowed -ELBOs lie.
"""

import itertools
import math

import torch
from torch import Tensor

from dgm_tutor import data, evaluation, models, training
from dgm_tutor.claims.claim import Claim, Figure, Figures, Verdict, confirmed, not_seen, qualified
from dgm_tutor.models import LatentVariableModel
from dgm_tutor.objectives import distortion, mmd, rate, squared_mmd

SIDE = 14
NETWORKS = {"x_dim": SIDE * SIDE, "z_dim": 2, "hidden": (128,)}
GRID = tuple(itertools.product((0.1, 1.0, 10.0), (10.0, 100.0, 1000.0)))  # w_1, w_2
BOUNDS = ((1.0, 0.01), (4.0, 0.005), (10.0, 0.002))  # nats above the plain VAE's -ELBO, MMD
WIDTH, MMD_WIDTH = 20.0, 0.05
LAG_BEATEN, GRID_BEATEN = "LagVAE's runs that the grid dominates, share", "grid's runs that LagVAE dominates, share"
QUICK = {"steps": 1000, "points": 1000}
FULL = {"steps": 50_000, "points": 2000}


def measure(seed: int, full: bool, **sizes) -> dict[str, float]:
    form = {**(FULL if full else QUICK), **sizes}
    digits = data.load("mnist", full=full)
    train, test = (evaluation.resized(half.pixels().flatten(1), SIDE) for half in (digits.train, digits.test))
    x = data.binarise(test[torch.randperm(len(test))[: form["points"]]])

    def scored(model: LatentVariableModel) -> Tensor:
        training.fit(model, train, steps=form["steps"], seed=seed, transform=data.binarise, progress=full)
        return scores(model.cpu(), x, seed)

    least = scored(models.create("vae", seed=seed, **NETWORKS))[1].item()
    grid = torch.stack([scored(weighed(seed, *weights)) for weights in GRID])
    bounds = [(least + above, most) for above, most in BOUNDS]
    lag = [scored(models.create("lag_vae", seed=seed, nats=nats, mmd_bound=most, **NETWORKS)) for nats, most in bounds]
    lag = torch.stack(lag)
    numbers = {"-ELBO, VAE (nats)": least}
    for (above, most), (mi, nats, distance) in zip(BOUNDS, lag.tolist(), strict=True):
        where = f"LagVAE, -ELBO {above:g} above, MMD {most:g}"
        numbers |= {f"MI_q, {where} (nats)": mi, f"excess -ELBO, {where} (nats)": nats - least - above}
        numbers[f"excess MMD, {where}"] = distance - most
    shares = {
        name: dominated(points, least, form["points"]) for name, points in (("LagVAE", lag), ("grid of weights", grid))
    }
    numbers |= {f"share dominated, {name}": share for name, share in shares.items()}
    return numbers | {
        "share, LagVAE - grid": shares["LagVAE"] - shares["grid of weights"],
        LAG_BEATEN: beaten(lag, grid),
        GRID_BEATEN: beaten(grid, lag),
    }


def weighed(seed: int, elbo_weight: float, mmd_weight: float) -> LatentVariableModel:
    """The same autoencoder on the same terms, with weights that stay."""
    model = models.create("vae", seed=seed, **NETWORKS)
    model.objective = distortion + elbo_weight * (distortion + rate) + mmd_weight * mmd("z")
    return model


@torch.no_grad()
def scores(model: LatentVariableModel, x: Tensor, seed: int) -> Tensor:
    """MI_q (nats, the points taken for all of the data), -ELBO (nats) and MMD^2 of q(z) to the prior: (3,)."""
    found = evaluation.information(model, x, seed=seed)
    z, prior_z = model.posterior(x).sample(), model.prior().sample((len(x),))
    distance = squared_mmd(z, prior_z).item()
    return torch.tensor([found.mi_q.value, found.distortion.value + found.rate.value, distance])


def dominated(points: Tensor, least: float, examples: int) -> float:
    """The share of the box that the points (n, 3) dominate, at 20,000 places that are the same in every call."""
    places = torch.rand(20_000, 3, generator=torch.Generator().manual_seed(0))
    places = places * torch.tensor([math.log(examples), WIDTH, MMD_WIDTH])
    places[:, 1] += least
    return better(points.unsqueeze(1), places).any(0).float().mean().item()


def better(a: Tensor, b: Tensor) -> Tensor:
    """Whether a is at least as good as b in all three: more information, a lower -ELBO, a lower MMD."""
    return (a[..., 0] >= b[..., 0]) & (a[..., 1] <= b[..., 1]) & (a[..., 2] <= b[..., 2])


def beaten(these: Tensor, those: Tensor) -> float:
    """The share of these runs (n, 3) that one of those (m, 3) dominates."""
    return better(those.unsqueeze(1), these).any(0).float().mean().item()


def judge(figures: Figures) -> Verdict:
    """Confirmed where LagVAE's three runs dominate clearly more of the box than the grid's nine.

    Qualified where the shares do not differ beyond the spread and no run of LagVAE is dominated by one of the grid: as
    good a front from a third of the runs.
    """
    said = (
        f"the share of the box: LagVAE {figures['share dominated, LagVAE']}, the grid "
        f"{figures['share dominated, grid of weights']}; of LagVAE's runs "
        f"{figures[LAG_BEATEN]} are dominated by the grid, of the grid's {figures[GRID_BEATEN]} by LagVAE; "
        + "; ".join(_met(figures))
    )
    ahead = figures["share, LagVAE - grid"]
    if ahead.clearly_positive:
        return confirmed(f"three runs under constraints dominate more than nine of fixed weights. {said}")
    behind = Figure(tuple(-value for value in ahead.values)).clearly_positive
    if not behind and max(figures[LAG_BEATEN].values) == 0:
        return qualified(f"as good a front as the grid's, from a third of its runs. {said}")
    return not_seen(f"the grid's nine runs dominate {'more' if behind else 'as much'}. {said}")


def _met(figures: Figures) -> list[str]:
    """Every pair of bounds, and what of each is left over."""
    return [
        f"allowed {above:g} nats above the VAE and MMD {most:g}: excess "
        f"{figures[f'excess -ELBO, LagVAE, -ELBO {above:g} above, MMD {most:g} (nats)']} nats, "
        f"{figures[f'excess MMD, LagVAE, -ELBO {above:g} above, MMD {most:g}']}"
        for above, most in BOUNDS
    ]


CLAIM = Claim(
    "C20",
    "11 The information autoencoding family",
    "LagVAE reaches a better Pareto front of information, -ELBO and MMD than a grid of fixed weights",
    "MNIST, -ELBO at most 86 nats and MMD below 0.0005 as constraints, multipliers in [0.001, 100] (Zhao, Song, Ermon "
    "2018); its fronts are pictures",
    measure,
    judge,
)
