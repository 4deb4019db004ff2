"""The kernels: a program owns a few points (or a few components), and the others stream by.

Arrays are stored with the coordinate first, (d, N), so that neighbouring threads read neighbouring points. The joint
density is one problem of d coordinates, the marginals are d problems of one: the same memory, read with other strides.
Exponents are sums of squared differences: nothing cancels, however many sigma a mean is away.
"""

import math

import torch
import triton
import triton.language as tl
from torch import Tensor

from dgm_tutor.kernels.ahead import Variant

OWN = 64  # points, or components, a program owns
STREAM = 32  # of the others in a tile
CHUNK = 8  # coordinates of the gradient a program owns
WARPS = 8


@triton.jit
def _log_density(z, mean, inverse, constant, points, components, n, m, dim, extra):
    """l_ij of a tile, with the bonus on i = j: points (1, P) and components (C, 1) give (C, P), or (P, 1), (1, C)."""
    log_p = tl.load(constant + components) + tl.zeros_like(points).to(z.dtype.element_ty)
    for _ in range(dim):
        t = (tl.load(z + points) - tl.load(mean + components)) * tl.load(inverse + components)
        log_p -= 0.5 * t * t
        z += n
        mean += m
        inverse += m
    return tl.where(points == components, log_p + extra, log_p)


@triton.jit(do_not_specialize=["dim", "rows"])
def mixture_forward(
    z,  # (problems, rows, n)
    mean,  # (problems, rows, m)
    inverse,  # (problems, rows, m): 1 / sigma
    constant,  # (problems, m): -sum_d log sigma - d log(2 pi) / 2; -inf where there is no component
    bonus,  # (1,)
    out,  # (problems, n)
    n,  # points and components, up to whole tiles
    m,
    dim,
    rows,  # coordinates, up to whole chunks
    OWN: tl.constexpr,
    STREAM: tl.constexpr,
):
    dtype = z.dtype.element_ty
    problem = tl.program_id(1).to(tl.int64)
    z += problem * rows * n
    mean += problem * rows * m
    inverse += problem * rows * m
    constant += problem * m
    own = tl.program_id(0) * OWN + tl.arange(0, OWN)
    extra = tl.load(bonus)
    greatest = tl.full((OWN,), -float("inf"), dtype)
    total = tl.zeros((OWN,), dtype)
    for start in range(0, m, STREAM):
        other = start + tl.arange(0, STREAM)
        log_p = _log_density(z, mean, inverse, constant, own[None, :], other[:, None], n, m, dim, extra)
        new = tl.maximum(greatest, tl.max(log_p, axis=0))
        finite = tl.where(new == -float("inf"), 0, new)  # no density anywhere yet: -inf - -inf is no number
        total = total * tl.exp(greatest - finite) + tl.sum(tl.exp(log_p - finite[None, :]), axis=0)
        greatest = new
    tl.store(out + problem * n + own, greatest + tl.log(total))


@triton.jit(do_not_specialize=["dim", "rows"])
def mixture_backward_points(
    z, mean, inverse, constant, bonus, out, upstream, in_z, n, m, dim, rows,
    OWN: tl.constexpr, STREAM: tl.constexpr, CHUNK: tl.constexpr,
):  # fmt: skip
    dtype = z.dtype.element_ty
    problem = tl.program_id(2).to(tl.int64)
    z += problem * rows * n
    mean += problem * rows * m
    inverse += problem * rows * m
    constant += problem * m
    own = tl.program_id(0) * OWN + tl.arange(0, OWN)
    chunk = (tl.program_id(1) * CHUNK + tl.arange(0, CHUNK)).to(tl.int64)[:, None]
    extra = tl.load(bonus)
    level = tl.load(out + problem * n + own)[None, :]
    at_own = tl.load(z + chunk * n + own[None, :])
    gradient = tl.zeros((CHUNK, OWN), dtype)
    for start in range(0, m, STREAM):
        other = start + tl.arange(0, STREAM)
        log_p = _log_density(z, mean, inverse, constant, own[None, :], other[:, None], n, m, dim, extra)
        share = tl.exp(log_p - level)
        mu = tl.load(mean + chunk * m + other[None, :])
        scale = tl.load(inverse + chunk * m + other[None, :])
        pull = (mu[:, :, None] - at_own[:, None, :]) * (scale * scale)[:, :, None]
        gradient += tl.sum(share[None, :, :] * pull, axis=1)
    gradient *= tl.load(upstream + problem * n + own)[None, :]
    tl.store(in_z + problem * rows * n + chunk * n + own[None, :], gradient)


@triton.jit(do_not_specialize=["dim", "rows"])
def mixture_backward_components(
    z, mean, inverse, constant, bonus, out, upstream, in_mean, in_std, n, m, dim, rows,
    OWN: tl.constexpr, STREAM: tl.constexpr, CHUNK: tl.constexpr,
):  # fmt: skip
    dtype = z.dtype.element_ty
    problem = tl.program_id(2).to(tl.int64)
    z += problem * rows * n
    mean += problem * rows * m
    inverse += problem * rows * m
    constant += problem * m
    own = tl.program_id(0) * OWN + tl.arange(0, OWN)
    chunk = (tl.program_id(1) * CHUNK + tl.arange(0, CHUNK)).to(tl.int64)[:, None]
    extra = tl.load(bonus)
    mu = tl.load(mean + chunk * m + own[None, :])
    scale = tl.load(inverse + chunk * m + own[None, :])
    first = tl.zeros((CHUNK, OWN), dtype)
    second = tl.zeros((CHUNK, OWN), dtype)
    for start in range(0, n, STREAM):
        other = start + tl.arange(0, STREAM)
        log_p = _log_density(z, mean, inverse, constant, other[:, None], own[None, :], n, m, dim, extra)
        level = tl.load(out + problem * n + other)[:, None]
        share = tl.load(upstream + problem * n + other)[:, None] * tl.exp(log_p - level)
        t = (tl.load(z + chunk * n + other[None, :])[:, :, None] - mu[:, None, :]) * scale[:, None, :]
        first += tl.sum(share[None, :, :] * t, axis=1)
        second += tl.sum(share[None, :, :] * (t * t - 1), axis=1)
    at = problem * rows * m + chunk * m + own[None, :]
    tl.store(in_mean + at, first * scale)
    tl.store(in_std + at, second * scale)


class _Problems:
    """Arrays as the kernels read them: one problem of d coordinates, or d problems of one; padded to whole tiles.

    A component that pads has density 0, and a point that pads has no gradient upstream: neither adds anything.
    """

    def __init__(self, z: Tensor, mean: Tensor, std: Tensor, bonus: float, marginals: bool):
        self.work = z.dtype if z.dtype in (torch.float32, torch.float64) else torch.float32
        self.count, self.dim = (z.shape[1], 1) if marginals else (1, z.shape[1])
        self.chunk = min(CHUNK, triton.next_power_of_2(self.dim))
        self.rows = triton.cdiv(self.dim, self.chunk) * self.chunk
        self.n, self.m = (triton.cdiv(len(points), OWN) * OWN for points in (z, mean))
        logs = -std.to(self.work).log() - 0.5 * math.log(2 * math.pi)
        constant = self.vectors(logs if marginals else logs.sum(1), self.m, -math.inf)
        z, mean, inverse = self.points(z, self.n), self.points(mean, self.m), self.points(1 / std, self.m)
        self.arrays = (z, mean, inverse, constant, constant.new_full((1,), bonus))
        self.sizes = (self.n, self.m, self.dim, self.rows)

    def points(self, values: Tensor, length: int) -> Tensor:
        """(N, d) as (problems, rows, length)."""
        out = values.new_zeros((self.count, self.rows, length), dtype=self.work)
        out[:, : self.dim, : len(values)] = values.mT.unflatten(0, (self.count, self.dim))
        return out

    def vectors(self, values: Tensor, length: int, fill: float) -> Tensor:
        """(N,) or (N, problems) as (problems, length)."""
        out = values.new_full((self.count, length), fill, dtype=self.work)
        out[:, : len(values)] = values.mT if values.dim() == 2 else values
        return out

    def back(self, values: Tensor, like: Tensor) -> Tensor:
        """(problems, rows, length) as (N, d)."""
        return (
            values[:, : self.dim, : len(like)]
            .flatten(0, 1)
            .mT.to(like.dtype)
            .clone(memory_format=torch.contiguous_format)
        )


def forward(z: Tensor, mean: Tensor, std: Tensor, bonus: float, marginals: bool) -> Tensor:
    """As the twin's."""
    p = _Problems(z, mean, std, bonus, marginals)
    out = z.new_empty((p.count, p.n), dtype=p.work)
    mixture_forward[(p.n // OWN, p.count)](*p.arrays, out, *p.sizes, OWN=OWN, STREAM=STREAM, num_warps=WARPS)
    found = out[:, : len(z)].to(z.dtype)
    return found.mT.clone(memory_format=torch.contiguous_format) if marginals else found[0].clone()


def backward(
    upstream: Tensor, out: Tensor, z: Tensor, mean: Tensor, std: Tensor, bonus: float, marginals: bool
) -> tuple[Tensor, Tensor, Tensor]:
    """As the twin's: a launch for the points, and one for the components."""
    p = _Problems(z, mean, std, bonus, marginals)
    level, u = p.vectors(out, p.n, math.inf), p.vectors(upstream, p.n, 0)
    in_z, in_mean, in_std = (torch.empty_like(p.arrays[i]) for i in (0, 1, 1))
    tiles = {"OWN": OWN, "STREAM": STREAM, "CHUNK": p.chunk, "num_warps": WARPS}
    chunks = p.rows // p.chunk
    mixture_backward_points[(p.n // OWN, chunks, p.count)](*p.arrays, level, u, in_z, *p.sizes, **tiles)
    mixture_backward_components[(p.m // OWN, chunks, p.count)](*p.arrays, level, u, in_mean, in_std, *p.sizes, **tiles)
    return p.back(in_z, z), p.back(in_mean, mean), p.back(in_std, std)


def traffic(n: int, m: int, dim: int, marginals: bool = False, size: int = 4) -> dict[str, int]:
    """Forward and backward together, as in ``pairwise.triton.traffic``."""
    count, inner = (dim, 1) if marginals else (1, dim)
    chunk = min(CHUNK, triton.next_power_of_2(inner))
    chunks, n, m = triton.cdiv(inner, chunk), triton.cdiv(n, OWN) * OWN, triton.cdiv(m, OWN) * OWN
    arrays = count * (chunks * chunk * (n + 2 * m) + m)
    density = inner * 5 + 4  # operations on a pair: l_ij and its exponential
    return {
        "launches": 3,
        "bytes": (3 * arrays + 5 * count * n + count * chunks * chunk * (n + 2 * m)) * size,
        "operations": count * n * m * (density * (1 + 2 * chunks) + chunks * chunk * (4 + 7)),
    }


def variants() -> list[Variant]:
    """The three kernels in float32, joint and marginal; float64 once."""
    shared = ("z", "mean", "inverse", "constant", "bonus", "out")
    kernels = (
        (mixture_forward, shared),
        (mixture_backward_points, (*shared, "upstream", "in_z")),
        (mixture_backward_components, (*shared, "upstream", "in_mean", "in_std")),
    )
    found = []
    for kind, dtype, chunk in (("joint", "fp32", CHUNK), ("marginal", "fp32", 1), ("joint float64", "fp64", CHUNK)):
        for kernel, pointers in kernels:
            sizes = {"OWN": OWN, "STREAM": STREAM, "CHUNK": chunk}
            if kernel is mixture_forward:
                if kind == "marginal":  # the same program: it owns no coordinates
                    continue
                del sizes["CHUNK"]
            types = {**dict.fromkeys(pointers, f"*{dtype}"), **dict.fromkeys(("n", "m", "dim", "rows"), "i32")}
            name = f"{kernel.__name__} {kind}"
            found.append(Variant(name, kernel, types, sizes, WARPS, aligned=(*pointers, "n", "m")))
    return found
