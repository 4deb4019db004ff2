"""C6: one NAF layer fits a bimodal conditional; affine MAF layers in one order cannot, however many.

Two arms in the plane: x_1 ~ N(0, 1), x_2 = x_1 / 2 +- 2 + 0.4 noise, whose density is known. Affine layers that all
keep the order (x_1, x_2) make p(x_2|x_1) Gaussian, so their gap has a floor: that of the best Gaussian.
"""

import math

import torch
from torch import Tensor
from torch.distributions import Normal

from dgm_tutor import training
from dgm_tutor.claims.claim import Claim, Figures, Verdict, confirmed, not_seen, qualified
from dgm_tutor.components import StandardNormal
from dgm_tutor.components.flows import MADE, FlowPrior, Stack, maf, naf
from dgm_tutor.models.density import DensityModel

SPREAD, NOISE, HIDDEN = 2.0, 0.4, (32,)
FLOOR = "gap of the best Gaussian conditional (nats)"
FAMILIES = ("NAF, 1 layer", "MAF, 1 layer", "MAF, 5 layers in one order", "MAF, 5 layers, the order turned")


def measure(seed: int, full: bool) -> dict[str, float]:
    steps = 5000 if full else 600
    train, test = two_arms(8192), two_arms(8192)
    truth = log_prob(test).mean()
    best_gaussian = Normal(test[:, 0] / 2, math.hypot(SPREAD, NOISE)).log_prob(test[:, 1])
    floor = truth - (Normal(0.0, 1.0).log_prob(test[:, 0]) + best_gaussian).mean()
    figures = {FLOOR: floor.item()}
    for name in FAMILIES:
        model = DensityModel(FlowPrior(StandardNormal(2), transform(name)), 2)
        training.fit(model, train, steps=steps, batch_size=256, lr=1e-2, seed=seed, progress=False)
        figures[f"gap, {name} (nats)"] = (truth - model.log_prob(test).mean()).item()
    naf_gap = figures["gap, NAF, 1 layer (nats)"]
    for name in FAMILIES[1:]:
        figures[f"NAF better than {name} (nats)"] = figures[f"gap, {name} (nats)"] - naf_gap
    return figures


def transform(name: str) -> Stack:
    """The flow of that name; "in one order" gives every layer the first one's."""
    if name.startswith("NAF"):
        return naf(2, 1, HIDDEN)
    flow = maf(2, 1 if "1 layer" in name else 5, HIDDEN)
    if "in one order" in name:
        for layer in flow.transforms:
            layer.made = MADE(2, HIDDEN, layer.monotone.count)
    return flow


def two_arms(n: int) -> Tensor:
    """n points (n, 2)."""
    x_1, noise = torch.randn(2, n)
    side = SPREAD * (2 * torch.randint(2, (n,)) - 1)
    return torch.stack([x_1, x_1 / 2 + side + NOISE * noise], -1)


def log_prob(x: Tensor) -> Tensor:
    """log p_data(x), exact, (n,) nats."""
    arms = Normal(x[:, :1] / 2 + torch.tensor([-SPREAD, SPREAD]), NOISE).log_prob(x[:, 1:])
    return Normal(0.0, 1.0).log_prob(x[:, 0]) + arms.logsumexp(-1) - math.log(2)


def judge(figures: Figures) -> Verdict:
    one, deep, turned = (figures[f"NAF better than {name} (nats)"] for name in FAMILIES[1:])
    floor = figures[FLOOR]
    said = (
        f"NAF misses {figures['gap, NAF, 1 layer (nats)']} nats, MAF in one order "
        f"{figures['gap, MAF, 5 layers in one order (nats)']} at 5 layers, where the best Gaussian misses {floor}; "
        f"with the order turned MAF misses {figures['gap, MAF, 5 layers, the order turned (nats)']}"
    )
    if not (one.clearly_positive and deep.clearly_positive):
        return not_seen(f"{said}: within the spread")
    if figures["gap, NAF, 1 layer (nats)"].mean > 0.25 * floor.mean:
        return qualified(f"{said}: better, but no fit yet")
    return confirmed(said)


CLAIM = Claim(
    "C6",
    "2 Autoregressive flow as a prior",
    "a neural autoregressive flow fits multi-modal conditionals in one layer; affine MAF cannot, nor at any depth with "
    "an unchanged ordering",
    "Huang et al. 2018 show it on two-dimensional densities, in pictures: no figure",
    measure,
    judge,
)
