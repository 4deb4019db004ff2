"""figures: every picture of the course, each with its description in words.

``picture`` makes PNGs with alt text out of arrays and matplotlib figures, ``html`` accessible bars, markers
and rows of frames, ``chorales`` piano rolls, ``sound`` players with a transcript, ``palette`` the colours.
Needs the extra ``course`` (matplotlib).
"""

from dgm_tutor.figures import beta_vae, chorales, games, html, kernels, palette, sound
from dgm_tutor.figures.html import Html, Marker, bars, marker_over, strip
from dgm_tutor.figures.palette import colour, style
from dgm_tutor.figures.picture import Picture, figure, png, show, tile

__all__ = [
    "Html",
    "Marker",
    "Picture",
    "bars",
    "beta_vae",
    "chorales",
    "colour",
    "figure",
    "games",
    "html",
    "kernels",
    "marker_over",
    "palette",
    "png",
    "show",
    "sound",
    "strip",
    "style",
    "tile",
]
