"""The lecture's map (sections 6-11): its objectives as rows of one family of divergences and informations (D17).

Each is minimised, and is a weighted sum of the columns plus a constant. A negative weight on MI rewards information.
``Row.loss`` is the objective as its recipe writes it, on exact sums; ``Row.value`` is what the weights say it is.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import sympy
import torch
from torch import Tensor

from dgm_tutor.exact import FiniteWorld
from dgm_tutor.kernels.pairwise import kernel_matrix
from dgm_tutor.models.finite import exact_draw, table_model
from dgm_tutor.models.info_vae import info_objective
from dgm_tutor.objectives import (
    Constraint,
    ExactDraw,
    Lagrangian,
    Objective,
    best_critic,
    dimension_kl,
    distortion,
    info_bound,
    kl_aggregate,
    mi_q,
    mmd,
    negative_log_likelihood,
    rate,
    total_correlation,
)
from dgm_tutor.objectives.adversarial import jsd


def _mmd_aggregate(world: FiniteWorld) -> Tensor:
    difference = (world.aggregate.probs - world.prior.probs).flatten()
    points = torch.eye(len(difference), dtype=torch.float64)
    return difference @ kernel_matrix(points, points, "rbf", 2.0 * len(points)) @ difference


COLUMNS: dict[str, tuple[str, Callable[[FiniteWorld], Tensor]]] = {
    "mi_q": ("MI_q(x;z)", FiniteWorld.mi_q),
    "mi_p": ("MI_p(x;z)", FiniteWorld.mi_p),
    "kl_aggregate": ("KL(q(z)||p(z))", FiniteWorld.kl_aggregate),
    "total_correlation": ("KL(q(z)||prod_j q(z_j))", FiniteWorld.total_correlation),
    "jsd_aggregate": ("JSD(q(z),p(z))", lambda world: world.aggregate.jsd(world.prior)),
    "mmd_aggregate": ("MMD(q(z),p(z))", _mmd_aggregate),
    "kl_likelihood": ("E_q(z) KL(q(x|z)||p(x|z))", FiniteWorld.kl_likelihood),
    "kl_posterior_model": ("E_p(x) KL(p(z|x)||q(z|x))", FiniteWorld.kl_posterior_model),
    "kl_data": ("KL(p_data||p)", FiniteWorld.kl_data),
    "jsd_data": ("JSD(p_data,p)", FiniteWorld.jsd_data),
    "entropy_data": ("H(p_data)", FiniteWorld.entropy_data),
    "1": ("1", lambda world: torch.ones((), dtype=torch.float64)),
}
"""A column's formula and its exact value on a world; the last two are the constants of an objective."""

t, alpha, beta, gamma, lam, w = sympy.symbols("t alpha beta gamma lam w")
lam_1, lam_2, eps_1, eps_2 = sympy.symbols("lam_1 lam_2 eps_1 eps_2")


@dataclass(frozen=True)
class Row:
    """A named objective: its section, its weights on the columns, and itself, given an exact draw and its settings."""

    name: str
    section: int
    weights: dict[str, sympy.Expr | int]
    objective: Callable[..., Objective]

    @property
    def settings(self) -> tuple[str, ...]:
        """The names of its free parameters."""
        return tuple(
            sorted(s.name for s in set().union(*(sympy.sympify(e).free_symbols for e in self.weights.values())))
        )

    def at(self, settings: Mapping[str, object]) -> dict[str, sympy.Expr]:
        """The weights with numbers or expressions for the settings, those that are zero left out."""
        found = {name: sympy.expand(sympy.sympify(e).subs(settings)) for name, e in self.weights.items()}
        return {name: weight for name, weight in found.items() if weight != 0}

    def value(self, world: FiniteWorld, **settings: float) -> Tensor:
        """The weighted sum of the columns on a world, nats."""
        return sum(float(weight) * COLUMNS[name][1](world) for name, weight in self.at(settings).items())

    def loss(self, world: FiniteWorld, **settings: float) -> Tensor:
        """The objective itself, its terms summed exactly over the world, with the best critics.

        A row over the dimensions of z takes z's axes for them, and a prior that is their product.
        """
        draw = exact_draw(table_model(world), world.data.probs, axes=world.prior.probs.shape)
        return self.objective(draw, **settings)(draw).total


def _flow_gan(draw: ExactDraw, t: float) -> Objective:
    return (1 - t) * negative_log_likelihood + t * jsd("x", best_critic(draw, "x"))


def _lagrangian(draw: ExactDraw, alpha: float, lam_1: float, lam_2: float, eps_1: float, eps_2: float) -> Objective:
    held = [Constraint("-ELBO", distortion + rate, eps_1), Constraint("kl_aggregate", kl_aggregate(), eps_2)]
    lagrangian = Lagrangian(alpha * mi_q(), held).double()
    with torch.no_grad():
        lagrangian.log_multipliers.copy_(torch.tensor([lam_1, lam_2], dtype=torch.float64).log())
    return lagrangian.primal


ROWS = {
    row.name: row
    for row in (
        Row(
            "maximum likelihood", 6, {"kl_data": 1, "entropy_data": 1},
            lambda draw: 1.0 * negative_log_likelihood,
        ),
        Row("GAN", 6, {"jsd_data": 1}, lambda draw: 1.0 * jsd("x", best_critic(draw, "x"))),
        Row("FlowGAN", 6, {"kl_data": 1 - t, "jsd_data": t, "entropy_data": 1 - t}, _flow_gan),
        Row("VAE", 7, {"kl_aggregate": 1, "kl_likelihood": 1, "entropy_data": 1}, lambda draw: distortion + rate),
        Row(
            "AAE, D = KL", 7, {"mi_q": -1, "kl_aggregate": 1, "kl_likelihood": 1, "entropy_data": 1},
            lambda draw: distortion + kl_aggregate(),
        ),
        Row(
            "AAE, D = JSD", 7, {"mi_q": -1, "jsd_aggregate": w, "kl_likelihood": 1, "entropy_data": 1},
            lambda draw, w: distortion + w * jsd("z", best_critic(draw, "z")),
        ),
        Row(
            "VAE + GAN", 7, {"kl_aggregate": 1, "kl_likelihood": 1, "jsd_data": gamma, "entropy_data": 1},
            lambda draw, gamma: distortion + rate + gamma * jsd("x", best_critic(draw, "x")),
        ),
        Row(
            "InfoVAE, D = KL", 8, {"mi_q": -alpha, "kl_aggregate": lam, "kl_likelihood": 1, "entropy_data": 1},
            lambda draw, alpha, lam: info_objective(alpha, lam, kl_aggregate()),
        ),
        Row(
            "InfoVAE, D = MMD", 8,
            {"mi_q": -alpha, "kl_aggregate": 1 - alpha, "mmd_aggregate": alpha + lam - 1,
             "kl_likelihood": 1, "entropy_data": 1},
            lambda draw, alpha, lam: info_objective(alpha, lam, mmd("z")),
        ),
        Row(
            "InfoGAN", 9, {"mi_p": -w, "kl_posterior_model": w, "jsd_data": 1},
            lambda draw, w: jsd("x", best_critic(draw, "x")) - w * info_bound(),
        ),
        Row(
            "beta-VAE", 10, {"mi_q": beta - 1, "kl_aggregate": beta, "kl_likelihood": 1, "entropy_data": 1},
            lambda draw, beta: distortion + beta * rate,
        ),
        Row(
            "beta-TC-VAE", 10,
            {"kl_aggregate": 1, "total_correlation": beta - 1, "kl_likelihood": 1, "entropy_data": 1},
            lambda draw, beta: distortion + mi_q() + beta * total_correlation() + dimension_kl(),
        ),
        Row(
            "LagVAE", 11,
            {"mi_q": alpha, "kl_aggregate": lam_1 + lam_2, "kl_likelihood": lam_1,
             "entropy_data": lam_1, "1": -lam_1 * eps_1 - lam_2 * eps_2},
            _lagrangian,
        ),
    )
}  # fmt: skip
"""Every row, by name."""

EQUALITIES = (
    ("FlowGAN", {"t": 0}, "maximum likelihood", {}),
    ("FlowGAN", {"t": 1}, "GAN", {}),
    ("VAE", {}, "beta-VAE", {"beta": 1}),
    ("VAE", {}, "beta-TC-VAE", {"beta": 1}),
    ("VAE", {}, "InfoVAE, D = KL", {"alpha": 0, "lam": 1}),
    ("VAE", {}, "InfoVAE, D = MMD", {"alpha": 0, "lam": 1}),
    ("VAE", {}, "VAE + GAN", {"gamma": 0}),
    ("beta-VAE", {}, "InfoVAE, D = KL", {"alpha": 1 - beta, "lam": beta}),
    ("AAE, D = KL", {}, "InfoVAE, D = KL", {"alpha": 1, "lam": 1}),
    ("GAN", {}, "InfoGAN", {"w": 0}),
    ("beta-VAE", {}, "LagVAE", {"alpha": beta - 1, "lam_1": 1, "lam_2": beta - 1, "eps_1": 0, "eps_2": 0}),
)
"""(name, settings, name, settings): two rows that are one objective; settings left out stay free."""
