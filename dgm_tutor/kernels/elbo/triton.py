"""The kernels: a program takes a few rows from end to end; the noise is a function, called forwards and backwards."""

import torch
import triton
import triton.language as tl
from torch import Tensor

from dgm_tutor.kernels.ahead import Variant

ROWS = 4  # of a program
WIDEST = 256  # coordinates of a tile; wider rows take several
WARPS = 4


@triton.jit
def words(position, state):
    """Philox4x32-10 of int64 positions: four words of 32 bits."""
    seed = tl.load(state)
    offset = tl.zeros_like(position) + tl.load(state + 1)
    low, high = position.to(tl.uint32), (position >> 32).to(tl.uint32)
    return tl.philox(seed, low, high, offset.to(tl.uint32), (offset >> 32).to(tl.uint32))


@triton.jit
def noise(position, state, WIDE: tl.constexpr):
    """A standard normal number for each position."""
    first, second, _, _ = words(position, state)
    u = ((first >> 8) + 1).to(WIDE) * (1 / 16777216)
    v = (second >> 8).to(WIDE) * (1 / 16777216)
    return tl.sqrt(-2.0 * tl.log(u)) * tl.cos(v * 6.283185307179586)


@triton.jit
def _rows(n, ROWS: tl.constexpr):
    rows = tl.program_id(0).to(tl.int64) * ROWS + tl.arange(0, ROWS)
    return rows, rows < n


@triton.jit
def _tile(rows, here, start, dim, WIDTH: tl.constexpr):
    """Places in memory of a tile of the rows, and which of them are there."""
    column = start + tl.arange(0, WIDTH)[None, :]
    return rows[:, None] * dim + column, here[:, None] & (column < dim)


@triton.jit(do_not_specialize=["n"])
def sample_kernel(mu, log_sigma, state, z, kl, n, dim, ROWS: tl.constexpr, WIDTH: tl.constexpr):
    WIDE: tl.constexpr = mu.dtype.element_ty
    rows, here = _rows(n, ROWS)
    total = tl.zeros((ROWS,), WIDE)
    for start in range(0, dim, WIDTH):
        at, there = _tile(rows, here, start, dim, WIDTH)
        mean, log_std = tl.load(mu + at, mask=there, other=0.0), tl.load(log_sigma + at, mask=there, other=0.0)
        std = tl.exp(log_std)
        tl.store(z + at, mean + std * noise(at, state, WIDE), mask=there)
        total += tl.sum((mean * mean + std * std - 1) * 0.5 - log_std, axis=1)  # what is not there adds 0
    tl.store(kl + rows, total, mask=here)


@triton.jit(do_not_specialize=["n"])
def sample_backward_kernel(in_z, in_kl, mu, log_sigma, state, in_mu, in_log_sigma, n, dim,
                           ROWS: tl.constexpr, WIDTH: tl.constexpr):  # fmt: skip
    WIDE: tl.constexpr = mu.dtype.element_ty
    rows, here = _rows(n, ROWS)
    k = tl.load(in_kl + rows, mask=here, other=0.0)[:, None]
    for start in range(0, dim, WIDTH):
        at, there = _tile(rows, here, start, dim, WIDTH)
        mean, log_std = tl.load(mu + at, mask=there, other=0.0), tl.load(log_sigma + at, mask=there, other=0.0)
        g, std = tl.load(in_z + at, mask=there, other=0.0), tl.exp(log_std)
        tl.store(in_mu + at, g + k * mean, mask=there)
        tl.store(in_log_sigma + at, g * std * noise(at, state, WIDE) + k * (std * std - 1), mask=there)


@triton.jit(do_not_specialize=["n"])
def bernoulli_kernel(x, logits, out, n, dim, ROWS: tl.constexpr, WIDTH: tl.constexpr):
    rows, here = _rows(n, ROWS)
    total = tl.zeros((ROWS,), x.dtype.element_ty)
    for start in range(0, dim, WIDTH):
        at, there = _tile(rows, here, start, dim, WIDTH)
        pixel, logit = tl.load(x + at, mask=there, other=0.0), tl.load(logits + at, mask=there, other=0.0)
        softplus = tl.maximum(logit, 0.0) + tl.log(1.0 + tl.exp(-tl.abs(logit)))
        total += tl.sum(tl.where(there, pixel * logit - softplus, 0.0), axis=1)
    tl.store(out + rows, total, mask=here)


@triton.jit(do_not_specialize=["n"])
def bernoulli_backward_kernel(upstream, x, logits, in_logits, n, dim, ROWS: tl.constexpr, WIDTH: tl.constexpr):
    rows, here = _rows(n, ROWS)
    g = tl.load(upstream + rows, mask=here, other=0.0)[:, None]
    for start in range(0, dim, WIDTH):
        at, there = _tile(rows, here, start, dim, WIDTH)
        pixel, logit = tl.load(x + at, mask=there, other=0.0), tl.load(logits + at, mask=there, other=0.0)
        tl.store(in_logits + at, g * (pixel - tl.sigmoid(logit)), mask=there)


def sample_and_kl(mu: Tensor, log_sigma: Tensor, state: Tensor) -> tuple[Tensor, Tensor]:
    """As the twin's. One launch: reads 2 numbers a coordinate, writes 1 and the KL."""
    results = mu.new_empty(mu.shape), mu.new_empty(len(mu))
    _launch(sample_kernel, mu.shape, mu, log_sigma, state, *results)
    return results


def sample_and_kl_backward(
    in_z: Tensor, in_kl: Tensor, mu: Tensor, log_sigma: Tensor, state: Tensor
) -> tuple[Tensor, Tensor]:
    """As the twin's. One launch: reads 3 numbers a coordinate, writes 2; of the noise, none."""
    results = mu.new_empty(mu.shape), mu.new_empty(mu.shape)
    _launch(sample_backward_kernel, mu.shape, in_z, in_kl, mu, log_sigma, state, *results)
    return results


def log_bernoulli(x: Tensor, logits: Tensor) -> Tensor:
    """As the twin's. One launch: reads 2 numbers a pixel."""
    out = x.new_empty(len(x))
    _launch(bernoulli_kernel, x.shape, x, logits, out)
    return out


def log_bernoulli_backward(upstream: Tensor, x: Tensor, logits: Tensor) -> Tensor:
    """As the twin's. One launch: reads 2 numbers a pixel, writes 1."""
    out = x.new_empty(x.shape)
    _launch(bernoulli_backward_kernel, x.shape, upstream, x, logits, out)
    return out


def _launch(kernel, shape: torch.Size, *arrays: Tensor) -> None:
    """Over rows (N, D); results, which are new, are contiguous already."""
    n, dim = shape
    if n:
        arrays = [t.contiguous() for t in arrays]
        kernel[(triton.cdiv(n, ROWS),)](*arrays, n, dim, ROWS=ROWS, WIDTH=_width(dim), num_warps=WARPS)


def _width(dim: int) -> int:
    return min(WIDEST, triton.next_power_of_2(max(dim, 1)))


def traffic(n: int, dim: int, term: str = "posterior", size: int = 4) -> dict[str, int]:
    """Launches and bytes of a term, there and back, "posterior" or "likelihood"; every array crosses once a launch."""
    arrays = 3 + 5 if term == "posterior" else 2 + 3
    return {"launches": 2, "bytes": (arrays * n * dim + 2 * n) * size}


def variants() -> list[Variant]:
    """A latent space of 32 dimensions and images of 784 pixels in float32; float64 once."""
    arrays = {
        sample_kernel: ("mu", "log_sigma", "state", "z", "kl"),
        sample_backward_kernel: ("in_z", "in_kl", "mu", "log_sigma", "state", "in_mu", "in_log_sigma"),
        bernoulli_kernel: ("x", "logits", "out"),
        bernoulli_backward_kernel: ("upstream", "x", "logits", "in_logits"),
    }
    found = []
    for kernel, names in arrays.items():
        for dim, dtype in ((32, "fp32"), (784, "fp32"), (32, "fp64")):
            types = {**dict.fromkeys(names, f"*{dtype}"), "n": "i32", "dim": "i32"}
            types |= {"state": "*i64"} if "state" in names else {}
            sizes = {"ROWS": ROWS, "WIDTH": _width(dim)}
            label = f"{kernel.__name__.removesuffix('_kernel')} {dim} {dtype}"
            found.append(Variant(label, kernel, types, sizes, WARPS, aligned=names))
    return found
