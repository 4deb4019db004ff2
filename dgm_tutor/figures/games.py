"""Pictures of games: the course of one, and flows between likelihood and samples (section 6)."""

import math
from collections.abc import Mapping, Sequence

import torch
from torch import Tensor

from dgm_tutor.figures.palette import RULE, style
from dgm_tutor.figures.picture import Picture, figure, show, tile
from dgm_tutor.training import History


def course(history: History, over: str = "x") -> Picture:
    """How a game of a flow against a critic went: balance, gradients and conditioning against the step.

    Args:
        history: of ``training.fit(..., record=evaluation.game_record(z))`` with a ``flow_gan``, 0 < t.
        over: the game's variable.

    Raises:
        KeyError: a column is missing, with those that there are; train with ``record``.
    """
    steps = history.steps
    real, made = history[f"critic/real({over})"], history[f"critic/generated({over})"]
    norms = {name: history[f"{name}/gradient norm"] for name in ("flow", "critic")}
    ends = {name: history[f"flow/log10 {name}"] for name in ("largest", "smallest")}
    with style():
        fig, (balance, gradients, conditioning) = figure(10.5, 3.2, columns=3)
        balance.plot(steps, real, label="on real x")
        balance.plot(steps, made, label="on generated x")
        balance.margins(y=0.25)  # room for the legend above curves that cross all the time
        balance.set(xlabel="step", ylabel="the critic's loss (nats)", title="Balance")
        if f"critic/gradient_penalty({over})" in history.columns:
            balance.set(ylabel="the critic's loss")
        else:
            balance.axhline(math.log(2), color=RULE, linestyle=":", linewidth=1)
            balance.text(steps[-1], math.log(2), "coin toss ", ha="right", va="bottom", fontsize=9)
        for name, values in norms.items():
            gradients.plot(steps, values, label=name)
        gradients.set(xlabel="step", ylabel="norm (log scale)", yscale="log", title="Gradients")
        for name, values in ends.items():
            conditioning.plot(steps, 10**values, label=name)
        conditioning.set(xlabel="step", ylabel="singular value (log scale)", yscale="log", title="The flow's Jacobian")
        for axes in (balance, gradients, conditioning):
            axes.legend()
    condition = history["flow/log10 condition"]
    alt = (
        f"A game over {steps[-1]} steps. Left, the critic's loss: {real[-1]:.2f} on real and {made[-1]:.2f} on "
        f"generated x at the end. Middle, gradient norms at the end: flow {norms['flow'][-1]:.2g}, critic "
        f"{norms['critic'][-1]:.2g}. Right, the Jacobian's largest and smallest "
        f"singular value; their ratio goes from {10 ** condition[0]:.3g} to "
        f"{10 ** condition[-1]:.3g}."
    )
    return show(fig, alt)


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
