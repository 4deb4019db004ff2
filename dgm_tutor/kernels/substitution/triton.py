"""The kernel: one program per block of rows goes through all coordinates, with the hidden sums in registers."""

import torch
import triton
import triton.language as tl
from torch import Tensor

from dgm_tutor.kernels.ahead import Variant

MOST_LAYERS = 3
WIDEST = 2048  # hidden units of a layer, padded to a power of 2: more of them would not stay in registers
MOST_COMPONENTS = 16  # of a sigmoid step: with 32, programs of 16 rows spill
WARPS = 4


@triton.jit
def _elu(a):
    return tl.where(a > 0.0, a, tl.exp(tl.minimum(a, 0.0)) - 1.0)


@triton.jit
def _push(sums, into, weight, first, last, final, size, UNITS: tl.constexpr, INTO: tl.constexpr):
    """Adds units first .. last - 1, whose sums are final, to those units of the next layer that are not."""
    units, targets = tl.arange(0, UNITS), tl.arange(0, INTO)
    open_ = (targets >= final) & (targets < size)
    for unit in range(first, last):
        h = _elu(tl.sum(tl.where(units[None, :] == unit, sums, 0.0), 1))
        column = tl.load(weight + unit * size + targets, mask=open_, other=0.0).to(sums.dtype)
        into += h[:, None] * column[None, :]
    return into


@triton.jit
def _start(bias, size, ROWS: tl.constexpr, UNITS: tl.constexpr, WIDE: tl.constexpr):
    units = tl.arange(0, UNITS)
    return tl.zeros([ROWS, UNITS], WIDE) + tl.load(bias + units, mask=units < size, other=0.0).to(WIDE)[None, :]


@triton.jit
def _sum(h, weight, bias, units, final):
    """An output, (ROWS,), from the units that are final."""
    return tl.load(bias).to(h.dtype) + tl.sum(h * tl.load(weight + units, mask=units < final, other=0.0)[None, :], 1)


@triton.jit
def _sigmoids(noise, h, weight, bias, units, final, size, K: tl.constexpr, PADDED: tl.constexpr,
              BISECTIONS: tl.constexpr):  # fmt: skip
    """x with logit(sum_k w_k sigmoid(a_k x + b_k)) = noise, by bisection.

    Where every component is above noise, so is their mean, and the same below: the root lies between the components'
    own roots. As sigmoid(u) - sigmoid(v) = sinh((u - v) / 2) / (2 cosh(u / 2) cosh(v / 2)), a sign is taken of the sum
    of w_k sinh((u_k - noise) / 2) / cosh(u_k / 2), which lies within e^+-|noise / 2| however far out x is.
    """
    k = tl.arange(0, PADDED)[None, :]
    nothing = tl.zeros_like(noise[:, None] + k)
    w, a, b = nothing, nothing, nothing
    for j in range(K):
        w = tl.where(k == j, _sum(h, weight + j * size, bias + j, units, final)[:, None], w)
        a = tl.where(k == j, _sum(h, weight + (K + j) * size, bias + K + j, units, final)[:, None], a)
        b = tl.where(k == j, _sum(h, weight + (2 * K + j) * size, bias + 2 * K + j, units, final)[:, None], b)
    w = tl.where(k < K, tl.exp(w - tl.max(tl.where(k < K, w, float("-inf")), 1)[:, None]), 0.0)
    a += 0.5413
    a = tl.maximum(a, 0.0) + tl.log(1.0 + tl.exp(-tl.abs(a))) + 0.001
    b += k.to(b.dtype) * 4.0 / max(K - 1, 1) - 2.0
    root = (noise[:, None] - b) / a
    low = tl.min(tl.where(k < K, root, float("inf")), 1)
    high = tl.max(tl.where(k < K, root, float("-inf")), 1)
    for _ in range(BISECTIONS):
        middle = 0.5 * (low + high)
        u = a * middle[:, None] + b
        size_u, size_d = tl.abs(u), tl.abs(u - noise[:, None])
        above = w * tl.exp(0.5 * (size_d - size_u)) * (1.0 - tl.exp(-size_d)) / (1.0 + tl.exp(-size_u))
        short = tl.sum(tl.where(u < noise[:, None], -above, above), 1) < 0.0
        low = tl.where(short, middle, low)
        high = tl.where(short, high, middle)
    return 0.5 * (low + high)


@triton.jit(do_not_specialize=["n", "D"])
def substitute_kernel(z, start, order, ends, w_1, w_2, w_3, w_out, b_2, b_3, b_out, x, n, D, size_1, size_2, size_3,
                      z_step, start_step, STEP: tl.constexpr, K: tl.constexpr, PADDED: tl.constexpr,
                      BISECTIONS: tl.constexpr, LAYERS: tl.constexpr, ROWS: tl.constexpr, UNITS_1: tl.constexpr,
                      UNITS_2: tl.constexpr, UNITS_3: tl.constexpr, WIDE: tl.constexpr):  # fmt: skip
    """x_i = g(z_i; its parameters), one by one. Weights of hidden layers come transposed: a column is a row."""
    rows = tl.program_id(0).to(tl.int64) * ROWS + tl.arange(0, ROWS)
    there = rows < n
    units_1, units_2, units_3 = tl.arange(0, UNITS_1), tl.arange(0, UNITS_2), tl.arange(0, UNITS_3)
    sums_1 = tl.load(start + rows[:, None] * start_step + units_1[None, :],
                     mask=there[:, None] & (units_1[None, :] < size_1), other=0.0).to(WIDE)  # fmt: skip
    if LAYERS > 1:
        sums_2 = _start(b_2, size_2, ROWS, UNITS_2, WIDE)
    if LAYERS > 2:
        sums_3 = _start(b_3, size_3, ROWS, UNITS_3, WIDE)
    first_1, first_2, first_3 = 0, 0, 0
    for step in range(D):
        i = tl.load(order + step)
        final_1 = tl.load(ends + step)
        h, units, final, size = sums_1, units_1, final_1, size_1
        if LAYERS > 1:
            final_2 = tl.load(ends + D + step)
            sums_2 = _push(sums_1, sums_2, w_2, first_1, final_1, first_2, size_2, UNITS_1, UNITS_2)
            h, units, final, size = sums_2, units_2, final_2, size_2
        if LAYERS > 2:
            final_3 = tl.load(ends + 2 * D + step)
            sums_3 = _push(sums_2, sums_3, w_3, first_2, final_2, first_3, size_3, UNITS_2, UNITS_3)
            h, units, final, size = sums_3, units_3, final_3, size_3
            first_3 = final_3
        if LAYERS > 1:
            first_2 = final_2
        h = tl.where(units[None, :] < final, _elu(h), 0.0)
        noise = tl.load(z + rows * z_step + i, mask=there, other=0.0).to(WIDE)
        if STEP == "sigmoids":
            weight, bias = w_out + 3 * K * i * size, b_out + 3 * K * i
            value = _sigmoids(noise, h, weight, bias, units, final, size, K, PADDED, BISECTIONS)
        else:
            p = _sum(h, w_out + 2 * i * size, b_out + 2 * i, units, final)
            q = _sum(h, w_out + (2 * i + 1) * size, b_out + 2 * i + 1, units, final)
            if STEP == "gated":
                value = noise + (noise - p) * tl.exp(-(q + 2.0))
            else:
                value = p + tl.exp(10.0 * tl.sigmoid(0.4 * q) - 5.0) * noise  # 5 tanh(q / 5), from exp alone
        tl.store(x + rows * D + i, value, mask=there)
        column = tl.load(w_1 + i * size_1 + units_1, mask=(units_1 >= final_1) & (units_1 < size_1), other=0.0)
        sums_1 += value[:, None] * column.to(WIDE)[None, :]
        first_1 = final_1


def refusal(step: str | None, weights: list[Tensor]) -> str | None:
    """Why the kernel cannot take this step or this network, or None."""
    if step is None:
        return "the kernel knows the affine, the gated and the sigmoid step alone"
    if step == "sigmoids" and _components(weights) > MOST_COMPONENTS:
        return f"the kernel takes up to {MOST_COMPONENTS} sigmoids, and there are {_components(weights)}"
    layers, widest = len(weights) - 1, max(len(weight) for weight in weights[:-1])
    if layers > MOST_LAYERS:
        return f"the kernel takes up to {MOST_LAYERS} hidden layers, and there are {layers}"
    if triton.next_power_of_2(widest) > WIDEST:
        return f"the kernel takes hidden layers of up to {WIDEST} units, and one has {widest}"
    return None


def substitute(
    step: str, z: Tensor, start: Tensor, weights: list[Tensor], biases: list[Tensor], order: Tensor, ends: Tensor
) -> Tensor:
    """One launch. A program reads each weight at most once, and only where the mask lets it through."""
    n, dim = z.shape
    x = torch.empty(n, dim, dtype=z.dtype, device=z.device)
    if not n:
        return x
    sizes = [len(weight) for weight in weights[:-1]]
    between = [weight.mT.contiguous() for weight in weights[:-1]]
    missing = MOST_LAYERS - len(sizes)
    z, start = (t if t.stride(1) == 1 else t.contiguous() for t in (z, start))
    constants = _constants(step, sizes, z.dtype, _components(weights))
    pointers = (
        *between,
        *[between[0]] * missing,
        weights[-1].contiguous(),
        *biases[:-1],
        *[start] * missing,
        biases[-1],
    )
    substitute_kernel[(triton.cdiv(n, constants["ROWS"]),)](
        z, start, order, ends, *pointers, x, n, dim, *sizes, *[1] * missing, z.stride(0), start.stride(0),
        num_warps=WARPS, **constants,
    )  # fmt: skip
    return x


def _components(weights: list[Tensor]) -> int:
    """K, where a coordinate has 3 K parameters."""
    return len(weights[-1]) // weights[0].shape[1] // 3


def _constants(step: str, sizes: list[int], dtype: torch.dtype, K: int = 0) -> dict:
    units = [triton.next_power_of_2(size) for size in sizes] + [1] * (MOST_LAYERS - len(sizes))
    held = 1024 if len(sizes) == 3 or step == "sigmoids" else 2048  # sums of a layer: more would not stay in registers
    return {
        "STEP": step,
        "K": K,
        "PADDED": triton.next_power_of_2(max(K, 1)),
        "BISECTIONS": 70 if dtype == torch.float64 else 40,
        "LAYERS": len(sizes),
        "ROWS": max(1, min(16, held // max(units))),
        **{f"UNITS_{k}": size for k, size in enumerate(units, 1)},
        "WIDE": tl.float64 if dtype == torch.float64 else tl.float32,
    }


def variants() -> list[Variant]:
    """The recipes' one layer of 64, the papers' two of 512, three layers, and the widest."""
    pointers = ("z", "start", "w_1", "w_2", "w_3", "w_out", "b_2", "b_3", "b_out", "x")
    numbers = ("order", "ends", "n", "D", "size_1", "size_2", "size_3", "z_step", "start_step")
    types = dict.fromkeys(pointers, "*fp32") | {"order": "*i32", "ends": "*i32"}
    types = {name: types.get(name, "i32") for name in (*pointers, *numbers)}
    return [
        Variant(
            f"{step} {'x'.join(map(str, sizes))}",
            substitute_kernel,
            types,
            _constants(step, sizes, torch.float32, 8 if step == "sigmoids" else 0),
            WARPS,
            aligned=(*pointers, "order", "ends", *[f"size_{k}" for k in range(1, len(sizes) + 1)]),
        )
        for step, sizes in (
            ("affine", [64]),
            ("gated", [64]),
            ("affine", [512, 512]),
            ("affine", [256, 256, 256]),
            ("affine", [WIDEST, WIDEST]),
            ("sigmoids", [64]),
            ("sigmoids", [512, 512]),
            ("sigmoids", [256, 256, 256]),
            ("sigmoids", [WIDEST, WIDEST]),
        )
    ]
