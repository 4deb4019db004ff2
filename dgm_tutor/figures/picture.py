"""Pictures that carry their own description: arrays and matplotlib figures as PNGs with alt text.

Figures are made through matplotlib's object interface (``figure()`` here), never through its global state
machine: a cell that trains and a slider that moves may draw at the same time, and global state would swap
their figures.
"""

import base64
import html
import io
import struct
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from PIL import Image

from dgm_tutor.figures.palette import style

SCREEN_DPI, DETAIL = 100, 2  # a figure of 5 x 3 inches shows at 500 x 300 pixels and is drawn twice as fine


def tile(images, columns: int | None = None, gap: int = 2) -> np.ndarray:
    """Lay out images in a grid, row by row, on white: uint8 (H, W), or (H, W, 3) in colour.

    ``images`` is a tensor or array (n, h, w) or (n, 3, h, w) in [0, 1]. Without ``columns`` the grid is as
    square as it can be. Raises ``ValueError`` for other shapes, for values outside [0, 1] and for NaN.
    """
    x = np.asarray(images.detach().cpu() if hasattr(images, "detach") else images, dtype=np.float32)
    if x.ndim not in (3, 4) or (x.ndim == 4 and x.shape[1] != 3) or x.size == 0:
        raise ValueError(f"tile got images of shape {x.shape}; it takes (n, h, w) or (n, 3, h, w) with n > 0")
    if not (x.min() >= -1e-4 and x.max() <= 1 + 1e-4):  # written so that NaN fails too
        raise ValueError(f"tile takes values in [0, 1], got {x.min():.4g} to {x.max():.4g}; rescale or clip them")
    n, h, w = len(x), *x.shape[-2:]
    columns = columns or int(np.ceil(np.sqrt(n)))
    rows = -(-n // columns)
    channels = x[:, None] if x.ndim == 3 else x
    grid = np.full((rows * (h + gap) - gap, columns * (w + gap) - gap, channels.shape[1]), 255, np.uint8)
    pixels = (channels.transpose(0, 2, 3, 1) * 255 + 0.5).clip(0, 255).astype(np.uint8)
    for i, image in enumerate(pixels):
        top, left = i // columns * (h + gap), i % columns * (w + gap)
        grid[top : top + h, left : left + w] = image
    return grid[..., 0] if x.ndim == 3 else grid


def png(array: np.ndarray) -> bytes:
    """Encode uint8 (h, w) or (h, w, 3) as PNG; the lightest compression, since sliders wait for it."""
    buffer = io.BytesIO()
    Image.fromarray(np.ascontiguousarray(array)).save(buffer, "PNG", compress_level=1)
    return buffer.getvalue()


@dataclass(frozen=True)
class Picture:
    """A PNG with the sentence that replaces it for who cannot see it.

    Shows itself in a notebook as an ``<img>`` with alt text, and as ``image/png`` for exports. ``width`` is
    the width on screen in pixels (default: the PNG's own). ``place(x, y)``, where there is one, maps data
    coordinates to fractions (from left, from top) of the picture. Raises ``ValueError`` where ``alt`` is
    empty.
    """

    png: bytes = field(repr=False)
    alt: str
    width: int | None = None
    place: Callable[[float, float], tuple[float, float]] | None = field(default=None, repr=False, compare=False)

    def __post_init__(self):
        if not self.alt or not self.alt.strip():
            raise ValueError("a picture needs alt text: say in one sentence what it shows")

    @property
    def size(self) -> tuple[int, int]:
        """Width and height on screen, in pixels."""
        w, h = struct.unpack(">II", self.png[16:24])  # a PNG's header
        width = self.width or w
        return width, max(1, round(h * width / w))

    @property
    def html(self) -> str:
        """The ``<img>``: sized before it loads and decoded before it is painted: no jump, no blink."""
        (width, height), enlarged = self.size, self.size[0] > struct.unpack(">I", self.png[16:20])[0]
        crisp = ";image-rendering:pixelated" if enlarged else ""
        return (
            f'<img alt="{html.escape(self.alt)}" width="{width}" height="{height}" decoding="sync"'
            f' style="max-width:100%;height:auto;display:block{crisp}"'
            f' src="data:image/png;base64,{base64.b64encode(self.png).decode()}">'
        )

    def _repr_mimebundle_(self, include=None, exclude=None):
        width, height = self.size
        data = {
            "text/html": self.html,
            "image/png": base64.b64encode(self.png).decode(),
            "text/plain": self.alt,
        }
        return data, {"image/png": {"alt": self.alt, "width": width, "height": height}}


def figure(width: float = 5.0, height: float = 3.2, rows: int = 1, columns: int = 1) -> tuple:
    """``(figure, axes)`` in the course's style, sizes in inches; ``axes`` is one, or an array (rows, columns)
    of them.

    Things drawn later take matplotlib's style of that moment: draw inside ``with palette.style():`` where it
    matters.
    """
    with style():
        fig = Figure(figsize=(width, height), dpi=SCREEN_DPI, layout="constrained")
        return fig, fig.subplots(rows, columns)


def show(fig: Figure, alt: str) -> Picture:
    """Draw a matplotlib ``Figure`` as a ``Picture`` whose ``place`` follows the figure's first axes."""
    canvas, buffer = FigureCanvasAgg(fig), io.BytesIO()
    with style():
        canvas.print_figure(buffer, format="png", dpi=SCREEN_DPI * DETAIL, metadata={"Software": None})
    place = None
    if fig.axes:
        data, (width, height) = fig.axes[0].transData.frozen(), fig.bbox.size

        def place(x: float, y: float) -> tuple[float, float]:
            left, bottom = data.transform((x, y))
            return float(left / width), float(1 - bottom / height)

    return Picture(buffer.getvalue(), alt, round(fig.get_figwidth() * SCREEN_DPI), place)
