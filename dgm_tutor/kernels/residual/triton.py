"""The kernels: a program owns a few points with all their coordinates, and takes them through all maps."""

import torch
import triton
import triton.language as tl
from torch import Tensor

from dgm_tutor.kernels.ahead import Variant
from dgm_tutor.kernels.residual.torch import SMALLEST

NUMBERS = 1024  # in a tile of points: 8 registers a thread
WARPS = 4
WIDEST = 512  # coordinates

_SMALLEST = tl.constexpr(SMALLEST)


@triton.jit
def _tanh(a):
    e = tl.exp(-2 * tl.abs(a))  # never overflows
    h = (1 - e) / (1 + e)
    return tl.where(a < 0, -h, h)


@triton.jit(do_not_specialize=["n", "maps"])
def planar_forward(z, u, w, b, gain, out, log_det, kept, n, maps, dim, OWN: tl.constexpr, WIDTH: tl.constexpr):
    own = (tl.program_id(0) * OWN + tl.arange(0, OWN)).to(tl.int64)
    here = own < n
    column = tl.arange(0, WIDTH)[None, :]
    there = here[:, None] & (column < dim)
    at = own[:, None] * dim + column
    point = tl.load(z + at, mask=there, other=0)
    total = tl.zeros((OWN,), z.dtype.element_ty)
    for _ in range(maps):
        a = tl.sum(tl.load(w + at, mask=there, other=0) * point, axis=1) + tl.load(b + own, mask=here, other=0)
        h = _tanh(a)
        point += tl.load(u + at, mask=there, other=0) * h[:, None]
        total += tl.log(h * h + (1 - h * h) * tl.load(gain + own, mask=here, other=1))
        tl.store(kept + own, h, mask=here)
        u += n * dim
        w += n * dim
        b += n
        gain += n
        kept += n
    tl.store(out + at, point, mask=there)
    tl.store(log_det + own, total, mask=here)


@triton.jit(do_not_specialize=["n", "maps"])
def planar_backward(
    upstream, in_log_det, out, kept, u, w, gain, in_z, in_u, in_w, in_b, in_gain, n, maps, dim,
    OWN: tl.constexpr, WIDTH: tl.constexpr,
):  # fmt: skip
    own = (tl.program_id(0) * OWN + tl.arange(0, OWN)).to(tl.int64)
    here = own < n
    column = tl.arange(0, WIDTH)[None, :]
    there = here[:, None] & (column < dim)
    at = own[:, None] * dim + column
    point = tl.load(out + at, mask=there, other=0)
    g = tl.load(upstream + at, mask=there, other=0)
    of_log_det = tl.load(in_log_det + own, mask=here, other=0)
    for step in range(maps):
        k = (own * 0) + (maps - 1 - step)  # int64: K N D may pass 2^31
        row = k * n + own
        cell = row[:, None] * dim + column
        h = tl.load(kept + row, mask=here, other=0)
        stretch = tl.load(gain + row, mask=here, other=1)
        direction = tl.load(u + cell, mask=there, other=0)
        normal = tl.load(w + cell, mask=there, other=0)
        point -= direction * h[:, None]
        slope = 1 - h * h
        q = of_log_det / (h * h + slope * stretch)
        in_a = slope * (tl.sum(g * direction, axis=1) + 2 * q * h * (1 - stretch))
        tl.store(in_u + cell, h[:, None] * g, mask=there)
        tl.store(in_w + cell, in_a[:, None] * point, mask=there)
        tl.store(in_b + row, in_a, mask=here)
        tl.store(in_gain + row, q * slope, mask=here)
        g += in_a[:, None] * normal
    tl.store(in_z + at, g, mask=there)


@triton.jit(do_not_specialize=["n", "maps"])
def radial_forward(z, centre, alpha, gain, out, log_det, kept, n, maps, dim, OWN: tl.constexpr, WIDTH: tl.constexpr):
    own = (tl.program_id(0) * OWN + tl.arange(0, OWN)).to(tl.int64)
    here = own < n
    column = tl.arange(0, WIDTH)[None, :]
    there = here[:, None] & (column < dim)
    at = own[:, None] * dim + column
    point = tl.load(z + at, mask=there, other=0)
    total = tl.zeros((OWN,), z.dtype.element_ty)
    for _ in range(maps):
        middle = tl.load(centre + at, mask=there, other=0)
        near = tl.load(alpha + own, mask=here, other=1)
        far = tl.load(gain + own, mask=here, other=1)
        away = point - middle
        r = tl.maximum(tl.sqrt(tl.sum(away * away, axis=1)), _SMALLEST)
        scale = (r + far) / (r + near)
        point = middle + scale[:, None] * away
        total += (dim - 1) * tl.log(scale) + tl.log(r * r + 2 * near * r + near * far) - 2 * tl.log(r + near)
        tl.store(kept + own, r, mask=here)
        centre += n * dim
        alpha += n
        gain += n
        kept += n
    tl.store(out + at, point, mask=there)
    tl.store(log_det + own, total, mask=here)


@triton.jit(do_not_specialize=["n", "maps"])
def radial_backward(
    upstream, in_log_det, out, kept, centre, alpha, gain, in_z, in_centre, in_alpha, in_gain, n, maps, dim,
    OWN: tl.constexpr, WIDTH: tl.constexpr,
):  # fmt: skip
    own = (tl.program_id(0) * OWN + tl.arange(0, OWN)).to(tl.int64)
    here = own < n
    column = tl.arange(0, WIDTH)[None, :]
    there = here[:, None] & (column < dim)
    at = own[:, None] * dim + column
    point = tl.load(out + at, mask=there, other=0)
    g = tl.load(upstream + at, mask=there, other=0)
    of_log_det = tl.load(in_log_det + own, mask=here, other=0)
    for step in range(maps):
        k = (own * 0) + (maps - 1 - step)
        row = k * n + own
        cell = row[:, None] * dim + column
        r = tl.load(kept + row, mask=here, other=1)
        near = tl.load(alpha + row, mask=here, other=1)
        far = tl.load(gain + row, mask=here, other=1)
        middle = tl.load(centre + cell, mask=there, other=0)
        scale = (r + far) / (r + near)
        away = (point - middle) / scale[:, None]
        point = middle + away
        q = of_log_det / (r * r + 2 * near * r + near * far)
        last = 2 * of_log_det / (r + near)
        in_scale = tl.sum(g * away, axis=1) + (dim - 1) * of_log_det / scale
        per_square = in_scale / ((r + near) * (r + near))
        in_r = per_square * (near - far) + 2 * q * (r + near) - last
        tl.store(in_alpha + row, q * (2 * r + far) - per_square * (r + far) - last, mask=here)
        tl.store(in_gain + row, in_scale / (r + near) + q * near, mask=here)
        in_away = scale[:, None] * g + (in_r / r)[:, None] * away
        tl.store(in_centre + cell, g - in_away, mask=there)
        g = in_away
    tl.store(in_z + at, g, mask=there)


def _launch(kernel, arrays: list[Tensor], shape: torch.Size) -> None:
    """Over vectors of the given shape (K, N, D)."""
    maps, n, dim = shape
    own, width = _tile(dim, arrays[0].element_size())
    kernel[(triton.cdiv(n, own),)](*arrays, n, maps, dim, OWN=own, WIDTH=width, num_warps=WARPS)


def _tile(dim: int, size: int) -> tuple[int, int]:
    """Points a program owns, and their coordinates up to a power of two; ``size`` is a number's, in bytes."""
    width = triton.next_power_of_2(dim)
    numbers = NUMBERS if size == 4 else NUMBERS // 4
    return max(1, numbers // width), width


def _forward(kernel, z: Tensor, *parameters: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    z, *parameters = (t.contiguous() for t in (z, *parameters))
    out, log_det, kept = torch.empty_like(z), z.new_empty(len(z)), torch.empty_like(parameters[-1])
    _launch(kernel, [z, *parameters, out, log_det, kept], parameters[0].shape)
    return out, log_det, kept


def _backward(kernel, results: list[Tensor], *inputs: Tensor) -> tuple[Tensor, ...]:
    inputs = [t.contiguous() for t in inputs]
    _launch(kernel, [*inputs, *results], inputs[4].shape)
    return tuple(results)


def _like(*tensors: Tensor) -> list[Tensor]:
    return [torch.empty_like(t, memory_format=torch.contiguous_format) for t in tensors]


def planar_stack(z, u, w, b, gain):
    """As the twin's ``planar_forward``."""
    return _forward(planar_forward, z, u, w, b, gain)


def planar_stack_backward(g, in_log_det, out, kept, u, w, gain):
    """As the twin's ``planar_backward``."""
    return _backward(planar_backward, _like(out, u, w, kept, gain), g, in_log_det, out, kept, u, w, gain)


def radial_stack(z, centre, alpha, gain):
    """As the twin's ``radial_forward``."""
    return _forward(radial_forward, z, centre, alpha, gain)


def radial_stack_backward(g, in_log_det, out, kept, centre, alpha, gain):
    """As the twin's ``radial_backward``."""
    return _backward(radial_backward, _like(out, centre, alpha, gain), g, in_log_det, out, kept, centre, alpha, gain)


def traffic(n: int, maps: int, dim: int, kind: str = "planar", size: int = 4) -> dict[str, int]:
    """Launches and bytes, forward and backward together: every array crosses once a launch."""
    vectors, numbers = (2, 2) if kind == "planar" else (1, 2)
    forward = 2 * n * dim + n + maps * n * (vectors * dim + numbers + 1)
    read_again = maps * n * (vectors * dim + (2 if kind == "planar" else 3))
    backward = 3 * n * dim + n + read_again + maps * n * (vectors * dim + 2)
    return {"launches": 2, "bytes": (forward + backward) * size, "operations": maps * n * dim * 16}


def variants() -> list[Variant]:
    """Both stacks, both ways, for a latent space of 20 or 32 and one of 64 dimensions in float32; float64 once."""
    found = []
    planar, radial = ("u", "w", "b", "gain"), ("centre", "alpha", "gain")
    results, given = ("out", "log_det", "kept"), ("upstream", "in_log_det", "out", "kept")
    pointers = {
        planar_forward: ("z", *planar, *results),
        planar_backward: (*given, "u", "w", "gain", "in_z", *(f"in_{name}" for name in planar)),
        radial_forward: ("z", *radial, *results),
        radial_backward: (*given, *radial, "in_z", *(f"in_{name}" for name in radial)),
    }
    for kernel, names in pointers.items():
        for dim, dtype in ((32, "fp32"), (WIDEST, "fp32"), (32, "fp64")):
            own, width = _tile(dim, 8 if dtype == "fp64" else 4)
            types = {**dict.fromkeys(names, f"*{dtype}"), **dict.fromkeys(("n", "maps", "dim"), "i32")}
            label = f"{kernel.__name__} {dim} {dtype}"
            found.append(Variant(label, kernel, types, {"OWN": own, "WIDTH": width}, WARPS, aligned=names))
    return found
