"""Kernels that are easy to predict, to try the machinery on."""

import triton
import triton.language as tl

from dgm_tutor.kernels.ahead import Variant


@triton.jit
def doubled(x, out, n, SIZE: tl.constexpr):
    at = tl.program_id(0) * SIZE + tl.arange(0, SIZE)
    tl.store(out + at, 2 * tl.load(x + at, mask=at < n), mask=at < n)


@triton.jit
def crowded(x, out, SIZE: tl.constexpr):
    """Three sizes' worth of numbers, all needed until the end: more than one warp's registers hold."""
    at = tl.arange(0, SIZE)
    a, b, c = tl.load(x + at), tl.load(x + SIZE + at), tl.load(x + 2 * SIZE + at)
    tl.store(out + at, a * tl.sum(b) + b * tl.sum(c) + c * tl.sum(a))


TYPES = {"x": "*fp32", "out": "*fp32"}
SMALL = Variant("doubled", doubled, {**TYPES, "n": "i32"}, {"SIZE": 128})
LARGE = Variant("crowded", crowded, TYPES, {"SIZE": 4096}, warps=1)
