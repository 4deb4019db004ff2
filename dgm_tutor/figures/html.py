"""Small accessible HTML: bars as a real table, markers over a plot that is drawn once, rows of frames.

Styles are written on the elements, with their own ink and paper, so that a light theme, a dark one, Colab and
an exported page show the same.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from html import escape
from math import isfinite
from typing import NamedTuple

from dgm_tutor.figures.palette import CYCLE, INK, PAPER, colour
from dgm_tutor.figures.picture import Picture

CELL = f"padding:2px 8px;border:0;color:{INK};background:{PAPER};vertical-align:middle;"
SHAPES = {  # drawn in a box from -1 to 1
    "circle": '<circle r="1"/>',
    "square": '<rect x="-.9" y="-.9" width="1.8" height="1.8"/>',
    "diamond": '<path d="M0-1.3L1.3 0 0 1.3-1.3 0Z"/>',
    "triangle": '<path d="M0-1.2L1.2 .9-1.2 .9Z"/>',
}


@dataclass(frozen=True)
class Html:
    """HTML that a notebook shows, and ``text``, the same in words, for terminals and plain-text exports."""

    html: str = field(repr=False)
    text: str

    def _repr_mimebundle_(self, include=None, exclude=None):
        return {"text/html": self.html, "text/plain": self.text}


def bars(
    values: Mapping[str, float],
    unit: str,
    colours: Mapping[str, str] | None = None,
    *,
    caption: str,
    scale: tuple[float, float],
    total: str | None = None,
) -> Html:
    """A table with a bar beside each number; negative values grow to the left of zero.

    ``scale`` (low <= 0 <= high, in ``unit``) is fixed by the caller so that bars can be compared between
    moves; a bar beyond it ends in an arrow, its number is exact all the same. ``colours`` maps labels to
    palette names; ``total`` labels a last row with the sum. Raises ``ValueError`` for a scale without zero,
    or a value that is not finite.
    """
    low, high = scale
    if not low <= 0 <= high or low == high:
        raise ValueError(f"bars got scale {scale}; it must be (low, high) with low <= 0 <= high and low < high")
    broken = [label for label, value in values.items() if not isfinite(value)]
    if broken:
        raise ValueError(f"bars takes finite values; not finite: {', '.join(broken)}")
    names = {label: CYCLE[i % len(CYCLE)] for i, label in enumerate(values)} | dict(colours or {})
    rows = [(label, value, colour(names[label]), "normal") for label, value in values.items()]
    if total is not None:
        rows.append((total, sum(values.values()), INK, "bold"))
    body = "".join(_bar(*row, unit, low, high) for row in rows)
    table = (
        f'<table style="border-collapse:collapse;table-layout:auto;width:100%;margin:0;font-size:14px;'
        f'color:{INK};background:{PAPER}">'
        f'<caption style="{CELL}text-align:left;caption-side:top">{escape(caption)}</caption>{body}</table>'
    )
    words = ", ".join(f"{label} {_number(value)} {unit}" for label, value, *_ in rows)
    return Html(table, f"{caption}: {words}")


def _number(value: float) -> str:
    return f"{value:.2f}".replace("-", "\N{MINUS SIGN}")


def _bar(label: str, value: float, paint: str, weight: str, unit: str, low: float, high: float) -> str:
    def at(v: float) -> float:
        return 100 * (min(max(v, low), high) - low) / (high - low)

    left, right = sorted((at(0), at(value)))
    beyond = "\N{BLACK RIGHT-POINTING SMALL TRIANGLE}" if value > high else ""
    before = "\N{BLACK LEFT-POINTING SMALL TRIANGLE}" if value < low else ""
    bar = (
        f'<div style="position:absolute;top:2px;bottom:2px;left:{left:.2f}%;width:{right - left:.2f}%;'
        f'background:{paint}"></div>'
        f'<div style="position:absolute;top:0;bottom:0;left:{at(0):.2f}%;border-left:1px solid {INK}"></div>'
    )
    return (
        f'<tr style="background:{PAPER}">'
        f'<th scope="row" style="{CELL}text-align:left;font-weight:{weight};width:32%">{escape(label)}</th>'
        f'<td style="{CELL}text-align:right;font-weight:{weight};font-variant-numeric:tabular-nums;'
        f'white-space:nowrap;width:1%">{before}{_number(value)} {escape(unit)}{beyond}</td>'
        f'<td aria-hidden="true" style="{CELL}width:60%">'
        f'<div style="position:relative;height:18px;overflow:hidden">{bar}</div></td></tr>'
    )


class Marker(NamedTuple):
    """A point over a plot, in the plot's data coordinates. ``shape``: circle, square, diamond or triangle."""

    x: float
    y: float
    label: str
    shape: str = "circle"
    colour: str = "vermilion"


def marker_over(picture: Picture, points: Iterable[Marker | tuple], key: tuple[float, float] | None = None) -> Html:
    """Markers over a plot made by ``show``: the plot is drawn once, a move only writes a few numbers.

    A point outside the plot is held at its edge. Labels stand beside their points; with ``key``, fractions (from left,
    from top) of the picture, they stand there instead, one under another behind their shapes like a legend: where a
    label that moves along would run over what the plot holds. Raises ``ValueError`` where the picture has no axes or
    the shape is unknown.
    """
    if picture.place is None:
        raise ValueError("marker_over needs a picture with axes: make it with figures.show(figure, alt)")
    (width, height), drawn, said = picture.size, [], []
    for row, point in enumerate(points):
        x, y, label, shape, name = Marker(*point)
        if shape not in SHAPES:
            raise ValueError(f"marker shape {shape!r} is unknown; choose one of: {', '.join(SHAPES)}")
        across, down = picture.place(x, y)
        left, top = min(max(across, 0.02), 0.98) * width, min(max(down, 0.02), 0.98) * height
        sign = f'<g transform="scale(7)" fill="{colour(name)}" stroke="{INK}" stroke-width=".25">{SHAPES[shape]}</g>'
        beside = "" if key else _label(label, -11, "end") if left > 0.7 * width else _label(label, 11)
        drawn.append(f'<g transform="translate({left:.1f} {top:.1f})">{sign}{beside}</g>')
        if key:
            at = f"{key[0] * width:.1f} {key[1] * height + 20 * row:.1f}"
            drawn.append(f'<g transform="translate({at})">{sign}{_label(label, 25)}</g>')
        said.append(f"{label} at ({x:.3g}, {y:.3g})")
    words = "; ".join(said) or "no markers"
    layer = (
        f'<svg role="img" aria-label="{escape(words)}" viewBox="0 0 {width} {height}"'
        f' style="position:absolute;left:0;top:0;width:100%;height:100%">{"".join(drawn)}</svg>'
    )
    frame = f'<div style="position:relative;width:100%;max-width:{width}px;background:{PAPER}">'
    return Html(f"{frame}{picture.html}{layer}</div>", f"{picture.alt} Marked: {words}")


def _label(text: str, x: float, anchor: str = "start") -> str:
    """The text of a shape at the origin."""
    return (
        f'<text x="{x}" y="4" text-anchor="{anchor}" font-family="sans-serif" font-size="13" fill="{INK}"'
        f' stroke="{PAPER}" stroke-width="3" paint-order="stroke">{escape(text)}</text>'
    )


def strip(pictures: Sequence[Picture], captions: Sequence[str]) -> Html:
    """A row of captioned frames: what a slider would show, for places with no kernel."""
    if len(pictures) != len(captions) or not pictures:
        raise ValueError(f"strip needs one caption a picture, got {len(pictures)} pictures, {len(captions)} captions")
    frames = "".join(
        f'<figure style="margin:0;padding:4px;max-width:100%">{picture.html}'
        f'<figcaption style="font-size:14px;color:{INK};background:{PAPER}">{escape(caption)}</figcaption>'
        "</figure>"
        for picture, caption in zip(pictures, captions, strict=True)
    )
    row = f'<div style="display:flex;flex-wrap:wrap;gap:8px;background:{PAPER}">{frames}</div>'
    text = "; ".join(f"{caption}: {picture.alt}" for picture, caption in zip(pictures, captions, strict=True))
    return Html(row, text)
