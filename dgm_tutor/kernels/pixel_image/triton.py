"""The kernel: one program draws one image, row after row, and keeps what it reads again in scratch memory.

A thread reads there what others wrote, so a stage ends at a barrier, and none reads what it writes itself:

    rows read | gates and features written | gates read, contexts written | ... | contexts read, pixels written |

The interpreter cannot show that a barrier is missing: ``tests/kernels/hazards.py`` can, in what the compiler makes.
"""

import torch
import triton
import triton.language as tl
from torch import Tensor

from dgm_tutor.kernels.ahead import Variant
from dgm_tutor.kernels.pixel_image.weights import Vertical
from dgm_tutor.kernels.pixel_row.torch import Weights
from dgm_tutor.kernels.pixel_row.triton import constants_of, draw_row, shapes
from dgm_tutor.kernels.pixel_row.triton import traffic as row_traffic

MOST_REGISTERS = 255  # a thread: left to itself, the assembler spilled a few bytes, for more programs at once


@triton.jit
def _started(bias, c, TILE: tl.constexpr, C: tl.constexpr, C_2: tl.constexpr, WIDE: tl.constexpr):
    """f and g (TILE, C): the biases at every column."""
    f, g = tl.load(bias + c, mask=c < C, other=0.0), tl.load(bias + C + c, mask=c < C, other=0.0)
    zeros = tl.zeros([TILE, C_2], WIDE)
    return zeros + f.to(WIDE)[None, :], zeros + g.to(WIDE)[None, :]


@triton.jit
def _added(f, g, h, apart, channels, weight, c, there, C: tl.constexpr):
    """f and g with what the channels at pointers h (TILE,), each ``apart`` from the last, give them."""
    for k in range(channels):
        value = tl.load(h + k * apart, mask=there, other=0.0).to(f.dtype)[:, None]
        f += value * tl.load(weight + k * 2 * C + c, mask=c < C, other=0.0).to(f.dtype)[None, :]
        g += value * tl.load(weight + k * 2 * C + C + c, mask=c < C, other=0.0).to(f.dtype)[None, :]
    return f, g


@triton.jit
def _convolved(f, g, rows, taps, newest, seen, reach, inputs, c, column, WIDTH: tl.constexpr, C: tl.constexpr):
    """f and g with what those of the ``seen`` rows up to ``newest`` give them that are in the image."""
    across = 2 * reach + 1
    for read in range(tl.maximum(newest - seen + 1, 0), newest + 1):
        for j in range(across):
            at = column + j - reach
            inside = (column < WIDTH) & (at >= 0) & (at < WIDTH)
            h = rows + ((read % seen) * WIDTH + at) * inputs
            tap = taps + ((read - newest + seen - 1) * across + j) * inputs * 2 * C
            f, g = _added(f, g, h, 1, inputs, tap, c, inside, C)
    return f, g


@triton.jit
def _store(f, g, at, c, there, C: tl.constexpr):
    """f and g to (columns, 2 C)."""
    mask = there[:, None] & (c < C)[None, :]
    tl.store(at[:, None] + c[None, :], f, mask=mask)
    tl.store(at[:, None] + C + c[None, :], g, mask=mask)


@triton.jit(do_not_specialize=["n", "d"])
def sample_image_kernel(noise, condition, weight, bias, told, link, link_bias, link_told,
                        first, later, residual, residual_bias, hidden, hidden_bias, out, out_bias,
                        rows, gates, contexts, x, n, d,
                        HEIGHT: tl.constexpr, TILE: tl.constexpr,
                        WIDTH: tl.constexpr, C: tl.constexpr, LAYERS: tl.constexpr, FIRST: tl.constexpr,
                        SEEN: tl.constexpr, FAMILY: tl.constexpr, LEVELS: tl.constexpr, PARAMETERS: tl.constexpr,
                        WIDTH_2: tl.constexpr, C_2: tl.constexpr, STATE_2: tl.constexpr, COUNT_2: tl.constexpr,
                        TINY: tl.constexpr, WIDE: tl.constexpr):  # fmt: skip
    """noise and x (HEIGHT, WIDTH, n), condition (n, d, HEIGHT, WIDTH). Scratch of each image: ``rows``, those that are
    still in view, first pixels' (FIRST, WIDTH), then features' (LAYERS - 1, SEEN, WIDTH, C), where row r of R has place
    r % R; gates (TILE, 2 C); contexts (LAYERS, WIDTH, 2 C).
    """
    image = tl.program_id(0).to(tl.int64)
    features: tl.constexpr = SEEN * WIDTH * C
    first_taps: tl.constexpr = FIRST * (2 * FIRST + 1)
    later_taps: tl.constexpr = SEEN * (2 * SEEN - 1) * C
    rows += image * (FIRST * WIDTH + (LAYERS - 1) * features)
    gates += image * TILE * 2 * C
    contexts += image * LAYERS * WIDTH * 2 * C
    condition += image * d * HEIGHT * WIDTH
    c, tile, pixels = tl.arange(0, C_2), tl.arange(0, TILE), tl.arange(0, WIDTH_2)
    for row in range(HEIGHT):
        for layer in range(LAYERS):
            reach, inputs = tl.where(layer == 0, FIRST, SEEN - 1), tl.where(layer == 0, 1, C)
            seen, newest = tl.where(layer == 0, FIRST, SEEN), tl.where(layer == 0, row - 1, row)
            source = rows + tl.where(layer == 0, 0, FIRST * WIDTH + (layer - 1) * features)
            taps = weight + tl.where(layer == 0, 0, first_taps + (layer - 1) * later_taps) * 2 * C
            for start in range(0, WIDTH, TILE):
                column = start + tile
                there = column < WIDTH
                f, g = _started(bias + layer * 2 * C, c, TILE, C, C_2, WIDE)
                f, g = _convolved(f, g, source, taps, newest, seen, reach, inputs, c, column, WIDTH, C)
                here = condition + row * WIDTH + column
                f, g = _added(f, g, here, HEIGHT * WIDTH, d, told + layer * d * 2 * C, c, there, C)
                tl.debug_barrier()  # before the last gates are overwritten, all threads have read them
                _store(f, g, gates + tile * 2 * C, c, there, C)
                y = (2.0 * tl.sigmoid(2.0 * f) - 1.0) * tl.sigmoid(g)
                below = rows + FIRST * WIDTH + layer * features + ((row % SEEN) * WIDTH + column) * C
                kept = there[:, None] & (c < C)[None, :] & (layer < LAYERS - 1)
                tl.store(below[:, None] + c[None, :], y, mask=kept)
                tl.debug_barrier()
                f, g = _started(link_bias + layer * 2 * C, c, TILE, C, C_2, WIDE)
                f, g = _added(f, g, gates + tile * 2 * C, 1, 2 * C, link + layer * 4 * C * C, c, there, C)
                f, g = _added(f, g, here, HEIGHT * WIDTH, d, link_told + layer * d * 2 * C, c, there, C)
                _store(f, g, contexts + (layer * WIDTH + column) * 2 * C, c, there, C)
        tl.debug_barrier()
        at = image + n.to(tl.int64) * WIDTH * row
        values = draw_row(contexts, 1, noise + at, first, later, residual, residual_bias, hidden, hidden_bias, out,
                          out_bias, x + at, n, WIDTH, C, LAYERS, FIRST, SEEN, FAMILY, LEVELS, PARAMETERS,
                          WIDTH_2, C_2, STATE_2, COUNT_2, TINY, WIDE)  # fmt: skip
        tl.store(rows + (row % FIRST) * WIDTH + pixels, values, mask=pixels < WIDTH)
        tl.debug_barrier()


def sample_image(
    family: str, levels: int, noise: Tensor, condition: Tensor | None, vertical: Vertical, weights: Weights
) -> Tensor:
    """x (height, width, n) from noise of that shape and condition (n, D, height, width). One launch."""
    height, width, n = noise.shape
    x = torch.empty(noise.shape, dtype=noise.dtype, device=noise.device)
    if n:
        vertical, weights = Vertical(*(t.contiguous() for t in vertical)), Weights(*(t.contiguous() for t in weights))
        d = vertical.told.shape[1]
        constants = _constants(height, constants_of(family, levels, weights, width, noise.dtype))
        wide = torch.promote_types(noise.dtype, torch.float32)
        scratch = [torch.empty(n * size, dtype=wide, device=noise.device) for size in _scratch(constants)]
        seen = condition.expand(n, d, height, width).contiguous() if d else noise  # noise: a pointer nobody reads
        sample_image_kernel[(n,)](
            noise.contiguous(), seen, *vertical, *weights, *scratch, x, n, d,
            num_warps=_warps(constants), num_stages=1, maxnreg=MOST_REGISTERS, **constants,
        )  # fmt: skip
    return x


def _constants(height: int, of_row: dict) -> dict:
    """Larger tiles read the weights less often; above 32 channels they would fill the registers."""
    tile = min(32 if of_row["C_2"] <= 32 else 16, of_row["WIDTH_2"])
    return {"HEIGHT": height, "TILE": tile, **of_row}


def _scratch(constants: dict) -> tuple[int, int, int]:
    """Numbers an image: rows, gates and contexts."""
    width, C, layers, first, seen, tile = (
        constants[name] for name in ("WIDTH", "C", "LAYERS", "FIRST", "SEEN", "TILE")
    )
    return width * (first + (layers - 1) * seen * C), tile * 2 * C, layers * width * 2 * C


def _warps(constants: dict) -> int:
    return 4 if constants["C_2"] <= 32 else 8


def traffic(n: int, height: int, width: int, weights: Weights, d: int = 0, size: int = 4) -> dict[str, int]:
    """Launches and bytes of float32 or, with size 8, float64; most are weights and scratch, and caches hold those."""
    (layers, C, _), (first, *_), (_, seen, *_) = weights.residual.shape, weights.first.shape, weights.later.shape
    tiles = -(-width // _constants(height, {"C_2": triton.next_power_of_2(C), "WIDTH_2": width})["TILE"])
    numbers = 0
    for row in range(height):
        for layer in range(layers):
            reach, inputs = (seen - 1, C) if layer else (first, 1)
            rows = min(seen, row + 1) if layer else min(first, row)
            places = sum(max(width - abs(j), 0) for j in range(-reach, reach + 1))
            numbers += rows * inputs * (places + tiles * (2 * reach + 1) * 2 * C)  # convolution
            numbers += 2 * C * (width + tiles * 2 * C) + 2 * d * (width + tiles * 2 * C)  # link, condition
            numbers += 2 * 2 * C * (tiles + width) + (layer < layers - 1) * C * width  # biases; what is written
        numbers += width  # of pixels, for the rows below
    of_rows = height * row_traffic(n, width, weights, size)["bytes"]
    return {"launches": 1, "bytes": n * numbers * size + of_rows}


def variants() -> list[Variant]:
    """28 x 28 pixels at the recipes' sizes and larger ones, and the largest rows."""
    names = ("noise", "condition", *Vertical._fields, *Weights._fields, "rows", "gates", "contexts", "x")
    types = dict.fromkeys(names, "*fp32") | {"n": "i32", "d": "i32"}
    found = []
    for family, levels, C, layers, parameters, width in (
        ("binary", 2, 32, 5, 1, 28),
        ("categorical", 16, 32, 5, 16, 28),
        ("logistic", 256, 32, 5, 15, 28),
        ("logistic", 256, 32, 5, 60, 64),
        ("binary", 2, 64, 8, 1, 28),
        ("categorical", 64, 64, 8, 64, 64),
        ("logistic", 256, 64, 8, 30, 28),
    ):
        of_row = constants_of(family, levels, shapes(C, layers, parameters), width, torch.float32)
        constants = _constants(28, of_row)
        how = {"warps": _warps(constants), "most_registers": MOST_REGISTERS, "aligned": names}
        found.append(Variant(f"{family} {C}x{layers}, {width} wide", sample_image_kernel, types, constants, **how))
    return found
