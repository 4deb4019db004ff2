"""The kernel: one program owns a few points, all others stream by.

Points are stored with the coordinate first, (d, N), so that neighbouring threads read neighbouring points. Squared
distances are sums of squared differences, never |a|^2 + |b|^2 - 2ab: nothing cancels, and no matrix unit with its
rounding is involved. Bandwidth 1: the caller scales the points.
"""

import torch
import triton
import triton.language as tl
from torch import Tensor

from dgm_tutor.kernels.ahead import Variant

OWN = 64  # points a program owns
STREAM = 32  # points in a tile that streams by
CHUNK = 16  # coordinates of the gradient a program owns
WARPS = 8


@triton.jit
def _profile(squared, RBF: tl.constexpr):
    """The mean over five octaves of k(r), and its derivative in r."""
    total = tl.zeros_like(squared)
    slope = tl.zeros_like(squared)
    if RBF:
        k = tl.exp(squared * -0.25)  # the widest; each octave is the square of the one above it
        for octave in tl.static_range(5):
            total += k
            slope -= k * (0.25 * 2**octave)
            k = k * k
    else:
        for octave in tl.static_range(5):
            k = 1 / (1 + squared * (0.25 * 2**octave))
            total += k
            slope -= k * k * (0.25 * 2**octave)
    return total / 5, slope / 5


@triton.jit(do_not_specialize=["n", "total", "dim"])
def mmd_rows(
    points,  # (dim, stride): the n of x, those of y, and zeros up to whole tiles
    values,  # (stride,): row i's share of MMD^2, out
    gradients,  # (dim, stride), out
    n,
    total,
    dim,
    stride,
    RBF: tl.constexpr,
    UNBIASED: tl.constexpr,
    GRADIENT: tl.constexpr,
    OWN: tl.constexpr,
    STREAM: tl.constexpr,
    CHUNK: tl.constexpr,
):
    dtype = points.dtype.element_ty
    own = tl.program_id(0) * OWN + tl.arange(0, OWN)
    chunk = (tl.program_id(1) * CHUNK + tl.arange(0, CHUNK)).to(tl.int64)[:, None] * stride
    value = tl.zeros((OWN,), dtype)
    gradient = tl.zeros((CHUNK, OWN), dtype)
    of_x = tl.zeros((), dtype) + n
    of_y = tl.zeros((), dtype) + (total - n)
    less = 1 if UNBIASED else 0
    within = tl.where(own < n, 1 / (of_x * (of_x - less)), 1 / (of_y * (of_y - less)))
    across = -1 / (of_x * of_y)
    at_own = tl.load(points + chunk + own[None, :])
    for start in range(0, total, STREAM):
        other = start + tl.arange(0, STREAM)
        squared = tl.zeros((STREAM, OWN), dtype)
        row = points
        for _ in range(dim):
            difference = tl.load(row + own)[None, :] - tl.load(row + other)[:, None]
            squared += difference * difference
            row += stride
        k, slope = _profile(squared, RBF)
        weight = tl.where((own < n)[None, :] == (other < n)[:, None], within[None, :], across)
        weight = tl.where((other < total)[:, None] & (own[None, :] != other[:, None]), weight, 0)
        value += tl.sum(weight * k, axis=0)
        if GRADIENT:
            at_other = tl.load(points + chunk + other[None, :])
            pull = (weight * slope)[None, :, :] * (at_own[:, None, :] - at_other[:, :, None])
            gradient += tl.sum(pull, axis=1)
    if tl.program_id(1) == 0:
        tl.store(values + own, value)
    if GRADIENT:
        tl.store(gradients + chunk + own[None, :], 4 * gradient)


def squared_mmd(
    x: Tensor, y: Tensor, kernel: str, bandwidth: float, unbiased: bool, wanted: tuple[bool, bool]
) -> tuple[Tensor, Tensor, Tensor]:
    """As the twin's: MMD^2 and its gradients, all of them from one launch."""
    n, m, dim, scale = len(x), len(y), x.shape[1], bandwidth**0.5
    work = x.dtype if x.dtype in (torch.float32, torch.float64) else torch.float32
    chunk, stride, rows = _sizes(n + m, dim, work.itemsize)
    points = x.new_zeros((rows, stride), dtype=work)
    points[:dim, : n + m] = torch.cat([x, y]).mT.to(work) / scale
    values, gradients = points.new_empty(stride), torch.empty_like(points)
    mmd_rows[(stride // OWN, rows // chunk if any(wanted) else 1)](
        points, values, gradients, n, n + m, dim, stride,
        RBF=kernel == "rbf", UNBIASED=unbiased, GRADIENT=any(wanted), OWN=OWN, STREAM=STREAM, CHUNK=chunk,
        num_warps=WARPS, num_stages=1,
    )  # fmt: skip
    value = values[: n + m].sum(dtype=torch.float64)
    if not unbiased:
        value = value + (1 / n + 1 / m)
    if not any(wanted):
        return value.to(x.dtype), torch.zeros_like(x), torch.zeros_like(y)
    in_x, in_y = (gradients[:dim, : n + m] / scale).mT.to(x.dtype).contiguous().split([n, m])
    return value.to(x.dtype), in_x.clone(), in_y.clone()  # an operation's outputs must not share memory


def _sizes(total: int, dim: int, size: int) -> tuple[int, int, int]:
    """Coordinates a program owns, fewer if a number takes 8 bytes; points and coordinates up to whole tiles."""
    chunk = min(CHUNK * 4 // size, triton.next_power_of_2(dim))
    return chunk, triton.cdiv(total, OWN) * OWN, triton.cdiv(dim, chunk) * chunk


def traffic(n: int, m: int, dim: int, gradient: bool = True, size: int = 4) -> dict[str, int]:
    """What one launch asks of the memory: ``bytes`` if every array crosses once, between the chip and its memory;
    ``streamed``, all that the programs read, most of it from the second-level cache; ``operations`` on numbers."""
    total = n + m
    chunk, stride, rows = _sizes(total, dim, size)
    chunks = rows // chunk if gradient else 1
    tiles = (stride // OWN) * triton.cdiv(total, STREAM) * chunks
    read = dim * (OWN + STREAM) + (chunk * STREAM if gradient else 0)
    return {
        "launches": 1,
        "bytes": (rows * stride * (2 if gradient else 1) + stride) * size,
        "streamed": tiles * read * size,
        "operations": tiles * OWN * STREAM * (3 * dim + 25 + (3 * chunk if gradient else 0)),
    }


def variants() -> list[Variant]:
    """Each kernel with gradients in float32, float64 once, and the value alone."""
    pointers = ("points", "values", "gradients")
    found = []
    for name, dtype, rbf, gradient in (
        ("rbf", "fp32", True, True),
        ("imq", "fp32", False, True),
        ("rbf value", "fp32", True, False),
        ("rbf float64", "fp64", True, True),
    ):
        types = {**dict.fromkeys(pointers, f"*{dtype}"), **dict.fromkeys(("n", "total", "dim", "stride"), "i32")}
        sizes = {"OWN": OWN, "STREAM": STREAM, "CHUNK": CHUNK // (2 if dtype == "fp64" else 1)}
        constants = {"RBF": rbf, "UNBIASED": True, "GRADIENT": gradient, **sizes}
        found.append(
            Variant(f"mmd_rows {name}", mmd_rows, types, constants, warps=WARPS, aligned=(*pointers, "stride"))
        )
    return found
