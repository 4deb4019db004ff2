"""The kernels: a program takes a block of pixels, all components of each in registers, and keeps nothing between.

log1p, expm1 and tanh would be calls of a library that the interpreter lacks; what stands here needs exp and log alone.
"""

import torch
import triton
import triton.language as tl
from torch import Tensor

from dgm_tutor.kernels.ahead import Variant

PIXELS = 32  # of a program


@triton.jit
def _log_sigmoid(a):
    return tl.minimum(a, 0.0) - tl.log(1.0 + tl.exp(-tl.abs(a)))


@triton.jit
def _log_width(w):
    """log(1 - e^-w); where it would cancel, by log w - w/2 + sum_n B_2n w^2n / (2n (2n)!), B the Bernoulli numbers."""
    s = tl.where(w < 1.0, w * w, 0.0)
    series = 1 / 479001600 - s * (691 / 15692092416000 - s * (1 / 1046139494400))
    series = 1 / 24 - s * (1 / 2880 - s * (1 / 181440 - s * (1 / 9676800 - s * series)))
    return tl.where(w < 1.0, tl.log(w) - 0.5 * w + s * series, tl.log(1.0 - tl.exp(-tl.maximum(w, 1.0))))


@triton.jit
def _width_slope(w):
    """w / (e^w - 1), which is d log(1 - e^-w) / d log w: 1 - w/2 + sum_n B_2n w^2n / (2n)! where that would cancel."""
    s = tl.where(w < 1.0, w * w, 0.0)
    series = 1 / 47900160 - s * (691 / 1307674368000 - s * (1 / 74724249600))
    series = 1 / 12 - s * (1 / 720 - s * (1 / 30240 - s * (1 / 1209600 - s * series)))
    rest = tl.exp(-tl.maximum(w, 1.0))
    return tl.where(w < 1.0, 1.0 - 0.5 * w + s * series, w * rest / (1.0 - rest))


@triton.jit
def _joint(x, logits, mu, log_scale, LEVELS: tl.constexpr):
    """logits + log P(x | component), the edges a and b, the width and the precision, and which bins are open."""
    half: tl.constexpr = 0.5 / (LEVELS - 1)
    precision = tl.exp(-log_scale)
    a, b, w = (x + half - mu) * precision, (x - half - mu) * precision, 2 * half * precision
    first, last = x < half, x > 1 - half
    below = tl.where(last, 0.0, _log_sigmoid(a))
    above = tl.where(first, 0.0, _log_sigmoid(-b))
    width = tl.where(first | last, 0.0, _log_width(w))
    return logits + (below + above + width), a, b, w, precision, first, last


@triton.jit
def _log_sum_exp(values):
    top = tl.max(values, 1)
    return top + tl.log(tl.sum(tl.exp(values - top[:, None]), 1))


@triton.jit
def _load(x, logits, mu, log_scale, n, K, x_step, logits_step, mu_step, log_scale_step,
          PIXELS: tl.constexpr, COMPONENTS: tl.constexpr, WIDE: tl.constexpr):  # fmt: skip
    """The program's rows, what of the tile is there, and the tile; a component that is not there has weight 0."""
    rows = tl.program_id(0).to(tl.int64) * PIXELS + tl.arange(0, PIXELS)
    columns = tl.arange(0, COMPONENTS)
    there = (rows[:, None] < n) & (columns[None, :] < K)
    pixel = tl.load(x + rows * x_step, mask=rows < n, other=0.0).to(WIDE)[:, None]
    weight = tl.load(logits + rows[:, None] * logits_step + columns[None, :], mask=there, other=0.0).to(WIDE)
    middle = tl.load(mu + rows[:, None] * mu_step + columns[None, :], mask=there, other=0.0).to(WIDE)
    scale = tl.load(log_scale + rows[:, None] * log_scale_step + columns[None, :], mask=there, other=0.0).to(WIDE)
    return rows, columns, there, pixel, tl.where(columns[None, :] < K, weight, float("-inf")), middle, scale


@triton.jit(do_not_specialize=["n"])
def log_prob_kernel(x, logits, mu, log_scale, out, n, K, x_step, logits_step, mu_step, log_scale_step,
                    LEVELS: tl.constexpr, PIXELS: tl.constexpr, COMPONENTS: tl.constexpr,
                    WIDE: tl.constexpr):  # fmt: skip
    rows, _, _, pixel, weight, middle, scale = _load(
        x, logits, mu, log_scale, n, K, x_step, logits_step, mu_step, log_scale_step, PIXELS, COMPONENTS, WIDE
    )
    joint, _, _, _, _, _, _ = _joint(pixel, weight, middle, scale, LEVELS)
    tl.store(out + rows, _log_sum_exp(joint) - _log_sum_exp(weight), mask=rows < n)


@triton.jit(do_not_specialize=["n"])
def gradient_kernel(upstream, x, logits, mu, log_scale, out, n, K, upstream_step, x_step, logits_step, mu_step,
                    log_scale_step, LEVELS: tl.constexpr, PIXELS: tl.constexpr, COMPONENTS: tl.constexpr,
                    WIDE: tl.constexpr):  # fmt: skip
    """The gradients in logits, mu and log_scale, next to each other: out (n, 3 K)."""
    rows, columns, there, pixel, weight, middle, scale = _load(
        x, logits, mu, log_scale, n, K, x_step, logits_step, mu_step, log_scale_step, PIXELS, COMPONENTS, WIDE
    )
    given = tl.load(upstream + rows * upstream_step, mask=rows < n, other=0.0).to(WIDE)[:, None]
    joint, a, b, w, precision, first, last = _joint(pixel, weight, middle, scale, LEVELS)
    share = tl.exp(joint - _log_sum_exp(joint)[:, None])  # p(component | x)
    in_a = tl.where(last, 0.0, tl.sigmoid(-a))
    in_b = -tl.where(first, 0.0, tl.sigmoid(b))
    in_width = tl.where(first | last, 0.0, _width_slope(w))
    place = out + rows[:, None] * (3 * K) + columns[None, :]
    tl.store(place, given * (share - tl.exp(weight - _log_sum_exp(weight)[:, None])), mask=there)
    tl.store(place + K, -given * share * precision * (in_a + in_b), mask=there)
    tl.store(place + 2 * K, -given * share * (a * in_a + b * in_b + in_width), mask=there)


@triton.jit(do_not_specialize=["n"])
def draw_kernel(u, logits, mu, log_scale, out, n, u_step, logits_step, mu_step, log_scale_step,
                K: tl.constexpr, LEVELS: tl.constexpr, TINY: tl.constexpr, PIXELS: tl.constexpr,
                WIDE: tl.constexpr):  # fmt: skip
    """A program takes a vector of pixels through their components one by one, in the order that the twin adds them."""
    rows = tl.program_id(0).to(tl.int64) * PIXELS + tl.arange(0, PIXELS)
    there = rows < n
    noise = tl.load(u + rows * u_step, mask=there, other=0.5).to(WIDE)
    logits += rows * logits_step
    top = tl.full([PIXELS], float("-inf"), WIDE)
    for k in range(K):
        top = tl.maximum(top, tl.load(logits + k, mask=there, other=0.0).to(WIDE))
    total = tl.zeros([PIXELS], WIDE)
    for k in range(K):
        total += tl.exp(tl.load(logits + k, mask=there, other=0.0).to(WIDE) - top)
    upper, share, chosen = tl.zeros([PIXELS], WIDE), tl.zeros([PIXELS], WIDE), tl.zeros([PIXELS], tl.int32)
    for k in range(K):
        pi = tl.exp(tl.load(logits + k, mask=there, other=0.0).to(WIDE) - top) / total
        reached = noise >= upper
        upper += pi
        chosen = tl.where(reached, k, chosen)
        share = tl.where(reached, (noise - (upper - pi)) / pi, share)
    share = tl.minimum(tl.maximum(share, TINY), 1.0 - TINY)
    middle = tl.load(mu + rows * mu_step + chosen, mask=there, other=0.0).to(WIDE)
    scale = tl.exp(tl.load(log_scale + rows * log_scale_step + chosen, mask=there, other=0.0).to(WIDE))
    value = middle + scale * (tl.log(share) - tl.log(1.0 - share))
    level = tl.minimum(tl.maximum(tl.floor(value * (LEVELS - 1) + 0.5), 0.0), LEVELS - 1.0)
    tl.store(out + rows, level / (LEVELS - 1.0), mask=there)


def log_prob(x: Tensor, logits: Tensor, mu: Tensor, log_scale: Tensor, levels: int) -> Tensor:
    """One launch: reads x and the parameters, 3 K + 1 numbers a pixel, and writes 1."""
    parameters = _rows(logits, mu, log_scale)
    out, constants = torch.empty(len(x), dtype=x.dtype, device=x.device), _constants(parameters[0], levels)
    if len(x):
        steps = (x.stride(0), *(t.stride(0) for t in parameters))
        log_prob_kernel[_grid(x)](x, *parameters, out, len(x), logits.shape[1], *steps, **constants)
    return out


def gradient(upstream: Tensor, x: Tensor, logits: Tensor, mu: Tensor, log_scale: Tensor, levels: int) -> Tensor:
    """(n, 3 K): the gradients in logits, mu and log_scale. One launch: reads 3 K + 2 numbers a pixel, writes 3 K."""
    parameters = _rows(logits, mu, log_scale)
    n, K = logits.shape
    out, constants = logits.new_empty(n, 3 * K), _constants(parameters[0], levels)
    if n:
        steps = (upstream.stride(0), x.stride(0), *(t.stride(0) for t in parameters))
        gradient_kernel[_grid(x)](upstream, x, *parameters, out, n, K, *steps, **constants)
    return out


def draw(u: Tensor, logits: Tensor, mu: Tensor, log_scale: Tensor, levels: int) -> Tensor:
    """One launch: reads u, K logits and the chosen component's mu and log_scale, and writes 1 number a pixel."""
    parameters = _rows(logits, mu, log_scale)
    out, constants = torch.empty(len(u), dtype=u.dtype, device=u.device), _constants(parameters[0], levels)
    del constants["COMPONENTS"]
    if len(u):
        steps = (u.stride(0), *(t.stride(0) for t in parameters))
        tiny = torch.finfo(u.dtype).eps
        draw_kernel[_grid(u)](u, *parameters, out, len(u), *steps, K=logits.shape[1], TINY=tiny, **constants)
    return out


def variants() -> list[Variant]:
    """5 components, as LogisticMixtureHead has them, and 10, as PixelCNN++ does, of 256 levels."""
    pointers = ("upstream", "x", "u", "logits", "mu", "log_scale", "out")
    types = dict.fromkeys(pointers, "*fp32") | {"n": "i32", "K": "i32"}
    types |= {f"{name}_step": "i32" for name in pointers}
    fixed = {"LEVELS": 256, "PIXELS": PIXELS, "WIDE": tl.float32}
    return [
        Variant(
            f"{name} {K}",
            kernel,
            _only(kernel, types, own),
            fixed | own,
            aligned=tuple(pointer for pointer in pointers if pointer in kernel.arg_names),
        )
        for K in (5, 10)
        for name, kernel, own in (
            ("log_prob", log_prob_kernel, {"COMPONENTS": triton.next_power_of_2(K)}),
            ("gradient", gradient_kernel, {"COMPONENTS": triton.next_power_of_2(K)}),
            ("draw", draw_kernel, {"K": K, "TINY": torch.finfo(torch.float32).eps}),
        )
    ]


def _only(kernel, types: dict[str, str], constants: dict) -> dict[str, str]:
    return {name: types[name] for name in kernel.arg_names if name in types and name not in constants}


def _grid(x: Tensor) -> tuple[int]:
    return (triton.cdiv(len(x), PIXELS),)


def _rows(*parameters: Tensor) -> list[Tensor]:
    """The parameters as they are if a row's components lie next to each other, as in a part of the network's output."""
    return [t if t.stride(1) == 1 else t.contiguous() for t in parameters]


def _constants(logits: Tensor, levels: int) -> dict:
    return {
        "LEVELS": levels,
        "PIXELS": PIXELS,
        "COMPONENTS": triton.next_power_of_2(logits.shape[1]),
        "WIDE": tl.float64 if logits.dtype == torch.float64 else tl.float32,
    }
