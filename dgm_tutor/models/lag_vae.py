"""LagVAE (Zhao, Song and Ermon 2018; section 11): information under constraints, whose multipliers are a player.

Optimise MI_q(x; z) subject to -ELBO <= nats and MMD(q(z), p(z)) <= mmd. MI_q itself is intractable, so that a bound is
optimised, each from the side on which it is one:
    most information:   MI_q >= H(p_data) - distortion    (the gap is E_{q(z)} KL(q(x|z) || p(x|z)))
    least information:  MI_q <= rate                      (the gap is KL(q(z) || p(z)))
"""

from collections.abc import Sequence

import torch
from torch import Tensor

from dgm_tutor.models.latent import LatentVariableModel
from dgm_tutor.models.vae import vae
from dgm_tutor.objectives import Constraint, Draw, Lagrangian, Loss, Player, distortion, mmd, rate

BOUNDS = {"most": distortion, "least": rate}
MMD_SCALE = 10_000.0  # as in the authors' code: an excess of 5e-4 then counts as 5 nats
RATE = 10.0  # of the multipliers: Adam moves log lambda by its rate, and from 1 to the floor is a way of 7


class LagVAE(LatentVariableModel):
    """An autoencoder that minimises a Lagrangian, against multipliers that maximise it."""

    def __init__(self, parts: LatentVariableModel, lagrangian: Lagrangian):
        super().__init__(parts.prior, parts.decoder, parts.posterior, lagrangian.primal, parts.x_dim)
        self.lagrangian = lagrangian

    def players(self) -> list[Player]:
        multipliers = list(self.lagrangian.parameters())
        own = [p for p in self.parameters() if p is not multipliers[0]]
        return [Player("autoencoder", own, self._loss), Player("multipliers", multipliers, self._dual, RATE)]

    def _dual(self, x: Tensor) -> Loss:
        return self.lagrangian.dual(Draw(self, x))

    @torch.no_grad()
    def excess(self, x: Tensor) -> dict[str, float]:
        """By how much each constraint is broken on a batch, in its own unit: at most 0 where it is met."""
        draw = Draw(self, self.checked(x))
        return {c.name: draw.mean(c.excess.value(draw)).item() for c in self.lagrangian.constraints}


def lag_vae(
    *,
    information: str = "most",
    nats: float = 86.0,
    mmd_bound: float = 5e-4,
    x_dim: int = 784,
    z_dim: int = 20,
    hidden: Sequence[int] = (400,),
    likelihood: str = "bernoulli",
    sigma: float = 0.1,
    kernel: str = "rbf",
) -> LagVAE:
    """Loss: distortion or rate + lambda_1 (-ELBO - nats) + 10,000 lambda_2 (MMD - mmd_bound), lambda in [0.001, 100].

    Args:
        information: "most" or "least", of x in z.
        nats: the largest -ELBO that will do, nats per example; the default is the paper's for MNIST.
        mmd_bound: the largest squared MMD between q(z) and p(z) (unbiased, bandwidth 2d).
        x_dim, z_dim, hidden, likelihood, sigma: as in ``vae``.
        kernel: of the MMD, "rbf" or "imq".
    """
    if information not in BOUNDS:
        raise ValueError(f"information={information!r}: expected 'most' or 'least'")
    if not abs(nats) < float("inf"):
        raise ValueError(f"nats={nats!r}: expected the largest -ELBO that will do, a finite number")
    if not mmd_bound >= 0:
        raise ValueError(f"mmd_bound={mmd_bound!r}: expected at least 0, which only q(z) = p(z) reaches")
    held = [
        Constraint("-ELBO", distortion + rate, nats),
        Constraint("MMD", mmd("z", kernel), mmd_bound, scale=MMD_SCALE),
    ]
    parts = vae(x_dim=x_dim, z_dim=z_dim, hidden=hidden, likelihood=likelihood, sigma=sigma)
    return LagVAE(parts, Lagrangian(BOUNDS[information], held))
