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


@triton.jit
def handed_on(x, scratch, out, rounds, AFTER_WRITING: tl.constexpr, AFTER_READING: tl.constexpr, SIZE: tl.constexpr):
    """Threads write, and then read what others wrote; a barrier is there (1), not (0) or not always (2)."""
    at = tl.arange(0, SIZE)
    for k in range(rounds):
        tl.store(scratch + at, tl.load(x + at) + k)
        if AFTER_WRITING == 1:
            tl.debug_barrier()
        elif AFTER_WRITING == 2:
            for _ in range(k):
                tl.debug_barrier()
        tl.store(out + at, tl.load(scratch + SIZE - 1 - at))
        if AFTER_READING:
            tl.debug_barrier()


@triton.jit
def swapped(x, out, rounds, SIZE: tl.constexpr):
    """Reads one and writes the other; a round later they have changed places, with no barrier between."""
    at = tl.arange(0, SIZE)
    a, b = x + at, out + at
    for _ in range(rounds):
        tl.store(b, tl.load(a))
        a, b = b, a


def handed(after_writing: int, after_reading: int) -> Variant:
    constants = {"AFTER_WRITING": after_writing, "AFTER_READING": after_reading, "SIZE": 128}
    return Variant("handed on", handed_on, {**TYPES, "scratch": "*fp32", "rounds": "i32"}, constants)


TYPES = {"x": "*fp32", "out": "*fp32"}
SMALL = Variant("doubled", doubled, {**TYPES, "n": "i32"}, {"SIZE": 128})
LARGE = Variant("crowded", crowded, TYPES, {"SIZE": 4096}, warps=1)
SWAPPED = Variant("swapped", swapped, {**TYPES, "rounds": "i32"}, {"SIZE": 128})
