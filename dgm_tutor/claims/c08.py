"""C8: a flow posterior tightens the bound, by family and depth: log p(x) - ELBO, log p(x) by quadrature over 2-D z.

One fixed p(x, z) whose posteriors are arcs: only q learns, so that the gap, E KL(q(z|x) || p(z|x)), is the family's.
The learning rate falls at the end: the log-determinant of a planar map has no lower bound, and at a constant rate one
batch could throw the last step's gap by a nat.
"""

import math

import torch
from torch import Tensor, nn

from dgm_tutor import models, training
from dgm_tutor.claims.claim import Claim, Figures, Verdict, confirmed, not_seen, qualified
from dgm_tutor.models.latent import LatentVariableModel

NETWORKS = {"x_dim": 2, "z_dim": 2, "hidden": (64,), "likelihood": "gaussian", "sigma": 0.5}
PHASES = ((1600, 2e-3), (800, 2e-4))  # steps and learning rate
GAUSSIAN = "diagonal Gaussian"
DEPTHS = {"planar": (2, 8), "iaf": (1, 4)}
POSTERIORS = [(GAUSSIAN, 0)] + [(family, depth) for family, depths in DEPTHS.items() for depth in depths]


def measure(seed: int, full: bool) -> dict[str, float]:
    gaps, p = {}, model_with(GAUSSIAN, 0, seed)
    train, test = p.sample(8192), p.sample(256)
    exact = log_p(p, test)
    for family, depth in POSTERIORS:
        model = model_with(family, depth, seed)
        for steps, lr in PHASES:
            steps *= 10 if full else 1
            training.fit(model, train, steps=steps, batch_size=256, lr=lr, seed=seed, progress=False)
        torch.manual_seed(seed)
        gaps[family, depth] = (exact - model.elbo(test, samples=500).cpu()).mean().item()
    figures = {f"gap, {family} {depth or ''}".rstrip() + " (nats)": gap for (family, depth), gap in gaps.items()}
    for family, (shallow, deep) in DEPTHS.items():
        figures[f"{family} {shallow} tighter than {GAUSSIAN} (nats)"] = gaps[GAUSSIAN, 0] - gaps[family, shallow]
        figures[f"{family} {deep} tighter than {shallow} (nats)"] = gaps[family, shallow] - gaps[family, deep]
    return figures


class Ring(nn.Module):
    """x sees z through its length and a product: p(z|x) lies on arcs, which no axis-parallel Gaussian follows."""

    def forward(self, z: Tensor) -> Tensor:
        return torch.stack([z.norm(dim=-1), z[..., 0] * z[..., 1]], -1)


def model_with(family: str, depth: int, seed: int) -> LatentVariableModel:
    """p(z) = N(0, I), p(x|z) = N(ring(z), 0.5^2 I), neither with parameters, and the posterior of that family."""
    if family == GAUSSIAN:
        model = models.create("vae", seed=seed, **NETWORKS)
    else:
        model = models.create("flow_posterior_vae", seed=seed, posterior=family, layers=depth, **NETWORKS)
    model.decoder.network = Ring()
    return model


@torch.no_grad()
def log_p(model: LatentVariableModel, x: Tensor, points: int = 201, reach: float = 6.0) -> Tensor:
    """log p(x), (n,) nats: the sum over a grid of z, whose error is far below the gaps."""
    line = torch.linspace(-reach, reach, points)
    z = torch.cartesian_prod(line, line)
    log_joint = torch.cat(
        [model.prior().log_prob(z)[:, None] + model.decoder(z[:, None]).log_prob(part) for part in x.split(32)], -1
    )
    return log_joint.logsumexp(0) + 2 * math.log(2 * reach / (points - 1))


def judge(figures: Figures) -> Verdict:
    gains = {name.removesuffix(" (nats)"): figure for name, figure in figures.items() if "tighter than" in name}
    said = f"the gap of a {GAUSSIAN} is {figures[f'gap, {GAUSSIAN} (nats)']} nats; " + ", ".join(
        f"{name} by {gain}" for name, gain in gains.items()
    )
    unseen = [name for name, gain in gains.items() if not gain.clearly_positive]
    if not unseen:
        return confirmed(said)
    if any(GAUSSIAN in name for name in unseen):
        return not_seen(f"{said}; within the spread: {', '.join(unseen)}")
    return qualified(f"{said}; each family is tighter, but within the spread: {', '.join(unseen)}")


CLAIM = Claim(
    "C8",
    "3 VAE with a flow posterior",
    "a flow posterior brings the ELBO closer to log p(x) than a diagonal Gaussian does, and a deeper flow closer still",
    "Rezende and Mohamed 2015 and Kingma et al. 2016 show it by bounds on MNIST: no figure against exact log p(x)",
    measure,
    judge,
)
