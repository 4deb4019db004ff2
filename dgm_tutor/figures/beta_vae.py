"""The pictures of section 10: digits and traversals, the terms of D16, the rate-distortion curve."""

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor

from dgm_tutor.evaluation import Information
from dgm_tutor.figures.html import Html, bars
from dgm_tutor.figures.palette import style
from dgm_tutor.figures.picture import Picture, figure, png, show, tile

TERMS = {
    "MI_q": "vermilion",
    "KL(q(z) ‖ p(z))": "orange",
    "E KL(q(x|z) ‖ p(x|z))": "blue",
    "H(p_data)": "green",
}
"""D16's terms, in the lecture's order, and their colours. Their weights are for the page's reader to find."""


@torch.no_grad()
def strongest(model, x: Tensor, dims: int = 3) -> list[int]:
    """The dimensions of z with the highest rates on x (n, D), the highest first."""
    return _rates(model, x).argsort(descending=True)[:dims].tolist()


@torch.no_grad()
def digits(model, x: Tensor, noise: Tensor, beta: float, dims: int = 3) -> Picture:
    """Digits, their reconstructions, and traversals of the ``dims`` dimensions of z that carry most.

    Args:
        model: a latent-variable model of 28 x 28 images.
        x: the digits, (columns, 784); the first one is traversed.
        noise: the fixed noise of z ~ q(z|x), (columns, d).
        beta: named in the alt text.
    """
    q = model.posterior(x).base_dist
    rows = [x, model.decoder(q.loc + q.scale * noise).mean]
    chosen = strongest(model, x, dims)
    for dim in chosen:
        along = q.loc[:1].expand(len(x), -1).clone()
        along[:, dim] = torch.linspace(-2, 2, len(x))
        rows.append(model.decoder(along).mean)
    array = tile(torch.cat(rows).view(-1, 28, 28), columns=len(x))
    rates = _rates(model, x)
    alt = (
        f"At beta {beta:.3g}: {len(x)} digits in the first row, their reconstructions in the second, then a digit "
        f"changed along the {dims} dimensions of z with the highest rates: "
        + ", ".join(f"dimension {dim} with {rates[dim]:.1f} nats" for dim in chosen)
        + "."
    )
    return Picture(png(array), alt, width=2 * array.shape[1])


def _rates(model, x: Tensor) -> Tensor:
    """The mean rate of every dimension of z, (d,), for a Gaussian posterior and a standard normal prior."""
    q = model.posterior(x).base_dist
    return ((q.loc.square() + q.scale.square() - 1) / 2 - q.scale.log()).mean(0)


def d16_bars(terms: Information, beta: float, scale: tuple[float, float] = (-20.0, 200.0)) -> Html:
    """The right side of D16 at ``beta`` as bars, each term times its weight, nats; their sum is the loss.

    KL(q(z) || p(z)) is taken as rate - MI_q, since the rate has a closed form: the bars then add up to the last digit.
    """
    values = [
        (beta - 1) * terms.mi_q.value,
        beta * (terms.rate.value - terms.mi_q.value),
        terms.kl_likelihood.value,
        terms.entropy_data.value,
    ]
    named = dict(zip(TERMS, values, strict=True))
    return bars(
        named,
        "nats",
        TERMS,
        caption=f"The terms of the loss at β = {beta:.3g}, times their weights",
        scale=scale,
        total="loss",
    )


KEY = (0.365, 0.235)
"""Where ``rate_distortion`` leaves room below its legend for the words of a marker that moves: see ``marker_over``."""


def rate_distortion(curve: Sequence[Mapping[str, float]], alone: Sequence[Mapping[str, float]]) -> Picture:
    """The curve of one network over every beta, and the points of networks trained for one beta each.

    Rows have the keys ``beta``, ``rate`` and ``distortion``, in nats per digit.
    """
    with style():
        fig, ax = figure(4.6, 3.3)
        ax.plot([p["rate"] for p in curve], [p["distortion"] for p in curve], label="one network, β from 0.1 to 10")
        xs, ys = [p["rate"] for p in alone], [p["distortion"] for p in alone]
        ax.plot(xs, ys, "o", color="black", markerfacecolor="white", label="trained for one β each")
        for point in alone:
            where = {"textcoords": "offset points", "xytext": (7, 9), "fontsize": 9}
            ax.annotate(f"β = {point['beta']:g}", (point["rate"], point["distortion"]), **where)
        ax.set(xlabel="rate  E KL(q(z|x) ‖ p(z))  (nats)", ylabel="distortion  −E log p(x|z)  (nats)")
        ax.legend(loc="upper right")  # the curve falls and is convex: there, and a row below, it never comes
    ends = curve[0], curve[-1]
    at = "; ".join(f"beta {p['beta']:g} at rate {p['rate']:.1f}, distortion {p['distortion']:.1f}" for p in alone)
    alt = "Rate against distortion: from " + " to ".join(
        f"rate {p['rate']:.1f} and distortion {p['distortion']:.1f} nats at beta {p['beta']:.3g}" for p in ends
    )
    return show(fig, alt + ", falling and convex. Separately trained networks: " + at + ".")


SCORES = {"mig": "MIG", "factor_vae": "FactorVAE", "dci_disentanglement": "DCI", "sap": "SAP"}


def disentanglement(summary: Sequence[Mapping]) -> Picture:
    """C19: distortion and rate on the left, disentanglement scores on the right, against beta, with standard errors.

    ``summary`` has one row a beta, each metric as {"mean": ..., "standard_error": ...} over seeds. A row whose beta is
    None (an untrained network) is left out.
    """
    trained = [row for row in summary if row["beta"] is not None]
    betas = [row["beta"] for row in trained]
    with style():
        fig, (cost, quality) = figure(8.4, 3.4, columns=2)
        for axes, names in ((cost, {"distortion": "distortion", "rate": "rate"}), (quality, SCORES)):
            for name, label in names.items():
                means = [row[name]["mean"] for row in trained]
                errors = [row[name]["standard_error"] for row in trained]
                axes.errorbar(betas, means, yerr=errors, label=label, capsize=3, marker="o", markersize=4)
            axes.set(xscale="log", xlabel="β (log scale; 1 = VAE)")
            axes.set_xticks(betas, [f"{beta:g}" for beta in betas])
            axes.minorticks_off()
            axes.legend()
        cost.set(ylabel="nats per image")
        quality.set(ylabel="score (1 is best)", ylim=(0, 1))
    ends = trained[0], trained[-1]
    moves = [
        f"{label} {ends[0][name]['mean']:.2f} to {ends[1][name]['mean']:.2f}"
        for name, label in {"distortion": "distortion", "rate": "rate", **SCORES}.items()
    ]
    return show(fig, f"From beta {betas[0]:g} to beta {betas[-1]:g}: " + ", ".join(moves) + ".")
