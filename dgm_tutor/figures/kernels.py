"""The roofline: how fast a chip can be, given how much is computed with each byte it reads."""

from collections.abc import Mapping, Sequence

import numpy as np

from dgm_tutor.figures.palette import colour, style
from dgm_tutor.figures.picture import Picture, figure, show

INTENSITY = np.logspace(-2, 4.5, 200)
LINES = (("blue", "-"), ("orange", "--"), ("green", ":"))
MARKS = "os^v"


def roofline(chips: Sequence, work: Mapping[str, tuple[float, float]]) -> Picture:
    """Attainable operations a second over operations a byte, for each chip, with the given work marked.

    Args:
        chips: each with ``name``, ``bandwidth`` and ``peak``, at most three.
        work: name -> (operations, bytes).
    """
    with style():
        fig, axes = figure(6.4, 3.6)
        for chip, (name, dashes) in zip(chips, LINES, strict=False):
            height = np.minimum(chip.peak, INTENSITY * chip.bandwidth)
            axes.loglog(INTENSITY, height, dashes, color=colour(name), label=chip.name)
        for mark, (name, (operations, moved)) in zip(MARKS, work.items(), strict=False):
            at = operations / moved
            heights = [min(chip.peak, at * chip.bandwidth) for chip in chips]
            axes.plot([at] * len(heights), heights, mark, color="black", label=name)
        axes.set(xlabel="operations per byte from memory", ylabel="operations per second, at most")
        axes.legend(fontsize="small")
        first = chips[0]
        said = ", ".join(
            f"{name} does {operations / moved:.3g} operations a byte and can reach "
            f"{100 * min(1, operations / moved * first.bandwidth / first.peak):.3g}% of a {first.name}'s peak"
            for name, (operations, moved) in work.items()
        )
        return show(fig, f"Rooflines of {', '.join(c.name for c in chips)}: a slope, then a flat roof. {said}.")
