"""One palette and one style for every picture of the course.

The colours are Okabe and Ito's eight (Okabe and Ito 2008, "Color Universal Design"), which colour-blind
readers tell apart. A line never rests on colour alone: ``style`` cycles the line's dashes together with its
colour.
"""

import matplotlib
from cycler import cycler

OKABE_ITO = {
    "blue": "#0072B2",
    "vermilion": "#D55E00",
    "green": "#009E73",
    "orange": "#E69F00",
    "purple": "#CC79A7",
    "sky": "#56B4E9",
    "yellow": "#F0E442",
    "black": "#000000",
}
INK, PAPER, RULE = "#1a1a1a", "#ffffff", "#767676"  # text, page, fine lines: 17:1, -, 4.5:1 on the page
DASHES = ("-", "--", "-.", ":", (0, (5, 1, 1, 1, 1, 1)), (0, (8, 2)), (0, (1, 3)))
CYCLE = tuple(name for name in OKABE_ITO if name != "yellow")  # yellow lines vanish on white paper

RC = {
    "axes.prop_cycle": cycler(color=[OKABE_ITO[name] for name in CYCLE]) + cycler(linestyle=list(DASHES)),
    "axes.edgecolor": INK,
    "axes.labelcolor": INK,
    "axes.labelsize": 11,
    "axes.spines.right": False,
    "axes.spines.top": False,
    "axes.titlesize": 12,
    "figure.facecolor": PAPER,
    "font.size": 11,
    "legend.fontsize": 10,
    "legend.frameon": False,
    "lines.linewidth": 2.0,
    "text.color": INK,
    "xtick.color": INK,
    "xtick.labelsize": 10,
    "ytick.color": INK,
    "ytick.labelsize": 10,
}


def colour(name: str) -> str:
    """The hex code of an Okabe-Ito colour, say ``colour("blue")``; ``ValueError`` for a name not there."""
    if name not in OKABE_ITO:
        raise ValueError(f"colour {name!r} is not in the palette; choose one of: {', '.join(OKABE_ITO)}")
    return OKABE_ITO[name]


def style():
    """A context, ``with style(): ...``, in which figures get the course's colours and legible labels."""
    return matplotlib.rc_context(RC)
