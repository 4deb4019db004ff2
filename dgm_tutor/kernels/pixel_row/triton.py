"""The kernel: one program draws a row of one image, with all that later pixels need in registers."""

import torch
import triton
import triton.language as tl
from torch import Tensor

from dgm_tutor.kernels.ahead import Variant
from dgm_tutor.kernels.pixel_row.torch import Weights

WIDEST = 64  # channels: the products' tiles of more would not stay in registers
LONGEST = 64  # pixels of a row
MOST_PARAMETERS = 64  # numbers that the head gives for a pixel


@triton.jit
def _times(h, weight, step, rows, columns, there):
    """h @ weight, h (K,) in registers, for those columns of the weight."""
    tile = tl.load(weight + rows[:, None] * step + columns[None, :], mask=there, other=0.0).to(h.dtype)
    return tl.sum(h[:, None] * tile, 0)


@triton.jit
def _row(table, rows, k):
    return tl.sum(tl.where(rows[:, None] == k, table, 0.0), 0)


@triton.jit
def _choose(weight, total, u, places, count):
    """The place that u picks among the cumulated shares."""
    reached = (u * total >= tl.cumsum(weight, 0)) & (places < count - 1)
    return tl.sum(reached.to(tl.int32), 0)


@triton.jit
def _pick(values, places, k):
    return tl.sum(tl.where(places == k, values, 0.0), 0)


@triton.jit
def draw_row(context, apart, noise, first, later, residual, residual_bias, hidden, hidden_bias, out, out_bias, x, n,
             WIDTH: tl.constexpr, C: tl.constexpr, LAYERS: tl.constexpr, FIRST: tl.constexpr, SEEN: tl.constexpr,
             FAMILY: tl.constexpr, LEVELS: tl.constexpr, PARAMETERS: tl.constexpr, WIDTH_2: tl.constexpr,
             C_2: tl.constexpr, STATE_2: tl.constexpr, COUNT_2: tl.constexpr,
             TINY: tl.constexpr, WIDE: tl.constexpr):  # fmt: skip
    """One image's row, pixel after pixel, into x; returns its pixels as the network reads them, in registers.

    The pointers are the image's own: ``context`` (LAYERS, WIDTH, apart, 2 C), of
    next, noise and x have n. ``state`` holds the SEEN - 1 newest inputs of every layer but the first, oldest first.
    """
    pixels, c, k = tl.arange(0, WIDTH_2), tl.arange(0, C_2), tl.arange(0, C_2)
    slots, places = tl.arange(0, STATE_2), tl.arange(0, COUNT_2)
    square = (k[:, None] < C) & (c[None, :] < C)
    values, state = tl.zeros([WIDTH_2], WIDE), tl.zeros([STATE_2, C_2], WIDE)
    count: tl.constexpr = PARAMETERS // 3 if FAMILY == "logistic" else PARAMETERS
    shown = (k[:, None] < C) & (places[None, :] < count)
    for column in range(WIDTH):
        h = tl.zeros([C_2], WIDE)
        for layer in range(LAYERS):
            told = context + (layer * WIDTH + column) * apart * 2 * C + c
            f = tl.load(told, mask=c < C, other=0.0).to(WIDE)
            g = tl.load(told + C, mask=c < C, other=0.0).to(WIDE)
            if layer == 0:
                step = pixels - column + FIRST
                visible = (step[:, None] >= 0) & (step[:, None] < FIRST) & (c[None, :] < C)
                f += _times(values, first, 2 * C, step, c, visible)
                g += _times(values, first + C, 2 * C, step, c, visible)
            else:
                slot = (layer - 1) * (SEEN - 1)
                weight = later + (layer - 1) * SEEN * C * 2 * C
                for s in tl.static_range(SEEN - 1):
                    past = _row(state, slots, slot + s)
                    f += _times(past, weight + s * C * 2 * C, 2 * C, k, c, square)
                    g += _times(past, weight + s * C * 2 * C + C, 2 * C, k, c, square)
                    newer = _row(state, slots, slot + s + 1) if s < SEEN - 2 else h
                    state = tl.where(slots[:, None] == slot + s, newer[None, :], state)
                f += _times(h, weight + (SEEN - 1) * C * 2 * C, 2 * C, k, c, square)
                g += _times(h, weight + (SEEN - 1) * C * 2 * C + C, 2 * C, k, c, square)
            y = (2.0 * tl.sigmoid(2.0 * f) - 1.0) * tl.sigmoid(g)
            h += tl.load(residual_bias + layer * C + c, mask=c < C, other=0.0).to(WIDE)
            h += _times(y, residual + layer * C * C, C, k, c, square)
        a = tl.load(hidden_bias + c, mask=c < C, other=0.0).to(WIDE)
        a = tl.maximum(a + _times(tl.maximum(h, 0.0), hidden, C, k, c, square), 0.0)
        raw = tl.load(out_bias + places, mask=places < count, other=0.0).to(WIDE)
        raw += _times(a, out, PARAMETERS, k, places, shown)
        u = tl.load(noise + column * n).to(WIDE)
        if FAMILY == "binary":
            value = tl.where(u < tl.sigmoid(tl.sum(raw, 0)), 1.0, 0.0).to(WIDE)
        else:
            share = tl.where(places < count, raw, float("-inf"))
            share = tl.exp(share - tl.max(share, 0))
            total = tl.sum(share, 0)
            level = _choose(share, total, u, places, count).to(WIDE)
            if FAMILY == "logistic":
                at = tl.arange(0, COUNT_2) + count
                mu = tl.load(out_bias + at, mask=places < count, other=0.0).to(WIDE)
                mu += _times(a, out, PARAMETERS, k, at, shown)
                log_scale = tl.load(out_bias + at + count, mask=places < count, other=0.0).to(WIDE)
                log_scale += _times(a, out, PARAMETERS, k, at + count, shown)
                pi = _pick(share, places, level)
                within = (u * total - _pick(tl.cumsum(share, 0), places, level) + pi) / pi
                within = tl.minimum(tl.maximum(within, TINY), 1.0 - TINY)
                level = _pick(mu, places, level) + tl.exp(_pick(log_scale, places, level)) * (
                    tl.log(within) - tl.log(1.0 - within)
                )
                level = tl.minimum(tl.maximum(tl.floor(level * (LEVELS - 1) + 0.5), 0.0), LEVELS - 1.0)
            value = level / (LEVELS - 1.0)
        tl.store(x + column * n, value)
        values = tl.where(pixels == column, 2.0 * value - 1.0, values)
    return values


@triton.jit(do_not_specialize=["n"])
def sample_row_kernel(context, noise, first, later, residual, residual_bias, hidden, hidden_bias, out, out_bias, x, n,
                      WIDTH: tl.constexpr, C: tl.constexpr, LAYERS: tl.constexpr, FIRST: tl.constexpr,
                      SEEN: tl.constexpr, FAMILY: tl.constexpr, LEVELS: tl.constexpr, PARAMETERS: tl.constexpr,
                      WIDTH_2: tl.constexpr, C_2: tl.constexpr, STATE_2: tl.constexpr, COUNT_2: tl.constexpr,
                      TINY: tl.constexpr, WIDE: tl.constexpr):  # fmt: skip
    """context (LAYERS, WIDTH, n, 2 C), noise and x (WIDTH, n); a name with _2 is padded to a power of 2."""
    image = tl.program_id(0).to(tl.int64)
    draw_row(context + image * 2 * C, n.to(tl.int64), noise + image, first, later, residual, residual_bias, hidden,
             hidden_bias, out, out_bias, x + image, n, WIDTH, C, LAYERS, FIRST, SEEN, FAMILY, LEVELS, PARAMETERS,
             WIDTH_2, C_2, STATE_2, COUNT_2, TINY, WIDE)  # fmt: skip


def refusal(family: str | None, weights: Weights, width: int) -> str | None:
    """Why ``draw_row`` cannot take this network, or None."""
    C, parameters = weights.out.shape
    if family is None:
        return "the kernel draws binary and grey pixels alone"
    if C > WIDEST or width > LONGEST or parameters > MOST_PARAMETERS:
        return (
            f"the kernel takes up to {WIDEST} channels, rows of {LONGEST} and {MOST_PARAMETERS} numbers a pixel; "
            f"there are {C}, {width} and {parameters}"
        )
    return None


def sample_row(family: str, levels: int, contexts: Tensor, noise: Tensor, weights: Weights) -> Tensor:
    """x (width, n). One launch."""
    width, n = noise.shape
    x = torch.empty(width, n, dtype=noise.dtype, device=noise.device)
    if n:
        weights = [t.contiguous() for t in weights]
        constants = constants_of(family, levels, Weights(*weights), width, noise.dtype)
        warps = warps_for(constants)
        sample_row_kernel[(n,)](contexts.contiguous(), noise.contiguous(), *weights, x, n, num_warps=warps, **constants)
    return x


def traffic(n: int, width: int, weights: Weights, size: int = 4) -> dict[str, int]:
    """Launches and bytes: a program reads the weights that a pixel needs once a pixel."""
    (layers, C, _), (first, _, _) = weights.residual.shape, weights.first.shape
    pixel = sum(t.numel() for t in weights) - weights.first.numel() + layers * 2 * C + 2  # and noise, x
    known = sum(min(column, first) for column in range(width))
    return {"launches": 1, "bytes": n * (width * pixel + known * 2 * C) * size}


def constants_of(family: str, levels: int, weights: Weights, width: int, dtype: torch.dtype) -> dict:
    layers, seen = 1 + weights.later.shape[0], weights.later.shape[1]
    C, parameters = weights.out.shape
    count = parameters // 3 if family == "logistic" else parameters
    padded = {"WIDTH_2": width, "C_2": C, "STATE_2": max(1, (layers - 1) * (seen - 1)), "COUNT_2": count}
    return {
        "WIDTH": width,
        "C": C,
        "LAYERS": layers,
        "FIRST": weights.first.shape[0],
        "SEEN": seen,
        "FAMILY": family,
        "LEVELS": levels,
        "PARAMETERS": parameters,
        "TINY": torch.finfo(dtype).eps,
        "WIDE": tl.float64 if dtype == torch.float64 else tl.float32,
        **{name: triton.next_power_of_2(size) for name, size in padded.items()},
    }


def variants() -> list[Variant]:
    """28 pixels a row, at the recipes' sizes and at the largest."""
    names = ("context", "noise", *Weights._fields, "x")
    types = dict.fromkeys(names, "*fp32") | {"n": "i32"}

    sized = [
        (f"{family} {C}x{layers}", constants_of(family, levels, shapes(C, layers, parameters), 28, torch.float32))
        for family, levels, C, layers, parameters in (
            ("binary", 2, 32, 5, 1),
            ("binary", 2, 64, 8, 1),
            ("categorical", 16, 32, 5, 16),
            ("logistic", 256, 32, 5, 15),
            ("logistic", 256, 64, 8, 30),
        )
    ]
    return [Variant(name, sample_row_kernel, types, each, warps_for(each), aligned=names) for name, each in sized]


def shapes(C: int, layers: int, parameters: int) -> Weights:
    """Weights without numbers, of kernels 7 and 3 wide: for compiling ahead of time."""
    of_layers = (3, 1, 2 * C), (layers - 1, 2, C, 2 * C), (layers, C, C), (layers, C)
    of_head = (C, C), (C,), (C, parameters), (parameters,)
    return Weights(*(torch.empty(shape, device="meta") for shape in (*of_layers, *of_head)))


def warps_for(constants: dict) -> int:
    """Of a program: with 4 or 8 for up to 32 channels, one variant or another spills a few bytes."""
    return 2 if constants["C_2"] <= 32 else 8
