"""Pictures of games: the course of one, and flows between likelihood and samples (section 6)."""

import math
from collections.abc import Mapping, Sequence

import torch
from torch import Tensor

from dgm_tutor.figures.palette import RULE, style
from dgm_tutor.figures.picture import Picture, figure, show, tile
from dgm_tutor.training import History

COIN_TOSS = {"jsd": math.log(2), "non_saturating": math.log(2), "kl": math.log(2), "least_squares": 1 / 8}
"""What a critic that cannot tell loses on either side, by the kind of its game."""


def course(history: History) -> Picture:
    """How a game against a critic went: balance, gradients and, of a flow, conditioning against the step.

    Args:
        history: of ``training.fit(..., record=evaluation.game_record())``, with points z for a flow's Jacobian.

    Raises:
        KeyError: a column is missing, with those that there are; train with ``record``.
    """
    steps = history.steps
    over = "z" if "critic/real(z)" in history.columns else "x"
    sides = {side: history[f"critic/{side}({over})"] for side in ("real", "generated")}
    norms = _columns(history, "gradient norm")
    if not norms:
        raise KeyError(f"no column 'gradient norm' among {', '.join(history.columns)}: train with record=game_record()")
    ends = {
        name: history[f"flow/log10 {name}"]
        for name in ("largest", "smallest")
        if f"flow/log10 {name}" in history.columns
    }
    toss = next((toss for kind, toss in COIN_TOSS.items() if _columns(history, f"{kind}({over})")), None)
    told = [
        f"A game over {steps[-1]} steps. The critic's loss at the end: {sides['real'][-1]:.2f} on real and "
        f"{sides['generated'][-1]:.2f} on generated {over}",
        "gradient norms at the end: " + ", ".join(f"{name} {values[-1]:.2g}" for name, values in norms.items()),
    ]
    with style():
        fig, panels = figure(10.5 if ends else 7.2, 3.2, columns=3 if ends else 2)
        balance, gradients = panels[:2]
        for side, values in sides.items():
            balance.plot(steps, values, label=f"on {side} {over}")
        balance.margins(y=0.25)  # room for the legend above curves that cross all the time
        balance.set(xlabel="step", ylabel="the critic's loss", title="Balance")
        if toss is not None:
            balance.axhline(toss, color=RULE, linestyle=":", linewidth=1)
            balance.annotate(" coin\n toss", (1, toss), xycoords=("axes fraction", "data"), va="center", fontsize=9)
        for name, values in norms.items():
            gradients.plot(steps, values, label=name)
        gradients.set(xlabel="step", ylabel="norm (log scale)", yscale="log", title="Gradients")
        if ends:
            for name, values in ends.items():
                panels[2].plot(steps, 10**values, label=name)
            panels[2].set(xlabel="step", ylabel="singular value (log scale)", yscale="log", title="The flow's Jacobian")
            condition = history["flow/log10 condition"]
            told.append(
                "the ratio of the flow's largest singular value to its smallest goes from "
                f"{10 ** condition[0]:.3g} to {10 ** condition[-1]:.3g}"
            )
        for axes in panels:
            axes.legend()
    return show(fig, "; ".join(told) + ".")


def _columns(history: History, name: str) -> dict[str, Tensor]:
    """The columns of that name by player."""
    return {column.split("/")[0]: history[column] for column in history.columns if column.split("/", 1)[1:] == [name]}


def samples_and_scores(rows: Sequence[Mapping], side: int, columns: int = 16) -> Picture:
    """One row of samples for each t, from the most likely model to the most adversarial one.

    Args:
        rows: each with "t", "samples" (n, side * side), "score" and "bits_per_dim".
        side: of the images.
    """
    images = torch.cat([_squared(row["samples"][:columns], side) for row in rows])
    array = tile(images, columns=columns)
    told = [f"t = {row['t']:g}: score {row['score']:.2f}, {row['bits_per_dim']:.3g} bits/dim" for row in rows]
    height, width = array.shape[:2]
    with style():
        fig, axes = figure(9.5, 0.3 + 6.5 * height / width)
        axes.imshow(array, cmap="gray", vmin=0, vmax=255)
        axes.set_yticks(
            [(i + 0.5) * height / len(rows) - 0.5 for i in range(len(rows))],
            [t.replace(": ", "\n").replace(", ", "\n") for t in told],
            fontsize=9,
        )
        axes.set_xticks([])
        axes.tick_params(length=0)
        axes.spines[:].set_visible(False)
    return show(fig, "A row of samples a model. " + "; ".join(told) + ".")


def conditions(values: Mapping[str, Tensor]) -> Picture:
    """C14: the spectra of Jacobians, one line a model.

    Args:
        values: a model's name to the singular values of its Jacobian at n points, (n, d), largest first.
    """
    with style():
        fig, axes = figure(5.4, 3.4)
        told = []
        for name, spectrum in values.items():
            middle = spectrum.log10().median(0).values
            axes.plot(range(1, len(middle) + 1), 10**middle, label=name)
            told.append(f"{name} from {10 ** middle[0]:.2g} to {10 ** middle[-1]:.2g}")
        axes.set(xlabel="rank", ylabel="singular value (log scale)", yscale="log")
        axes.legend()
    return show(fig, "Singular values of the flows' Jacobians, medians over points: " + "; ".join(told) + ".")


def _squared(x: Tensor, side: int) -> Tensor:
    return x.detach().cpu().reshape(-1, side, side).clamp(0, 1)
