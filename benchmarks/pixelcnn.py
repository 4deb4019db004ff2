"""Cached against naive sampling of a PixelCNN: the same network, noise and images, ratios in one run.

    python benchmarks/pixelcnn.py [--json] [--rounds 5] [--pixels 8] [--threads 1]

28 x 28, batch 16, 5 gated layers of 32 channels. The naive sampler makes 784 passes of equal cost; a round times
``--pixels`` of them and scales (784 times them all). Rounds alternate, the median ratio counts, so that a busy machine
slows both, and on one thread the time is the processor's. First both samplers draw whole small images from one noise,
and nothing is timed unless they agree.
"""

import argparse
import json
import statistics
import sys
import time
from collections.abc import Callable

import torch

from dgm_tutor.components.pixelcnn import PixelCNN, cached_sample, naive_sample

BATCH, SIZE = 16, (28, 28)
TARGET = 350


def network(size: tuple[int, int]) -> PixelCNN:
    """Random weights away from their initialisation."""
    torch.manual_seed(0)
    pixelcnn = PixelCNN(size, layers=5, channels=32)
    with torch.no_grad():
        for parameter in pixelcnn.parameters():
            parameter.add_(0.1 * torch.randn_like(parameter))
    return pixelcnn


def same_images() -> bool:
    """Whether both samplers draw the same images of 12 x 12 from one noise."""
    pixelcnn, u = network((12, 12)), torch.rand(BATCH, 144)
    return torch.equal(naive_sample(pixelcnn, u), cached_sample(pixelcnn, u))


@torch.no_grad()
def naive(pixelcnn: PixelCNN, u: torch.Tensor, pixels: int, clock: Callable[[], float]) -> float:
    """Seconds for all pixels, from the first ``pixels`` steps of ``naive_sample``."""
    x = torch.zeros_like(u)
    start = clock()
    for i in range(pixels):
        x[:, i] = pixelcnn.pixels.draw(pixelcnn.raw(x)[:, i], u[:, i])
    return (clock() - start) * u.shape[1] / pixels


def cached(pixelcnn: PixelCNN, u: torch.Tensor, clock: Callable[[], float]) -> float:
    """Seconds of ``cached_sample`` for whole images."""
    start = clock()
    cached_sample(pixelcnn, u)
    return clock() - start


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", action="store_true", help="print the result as JSON")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--pixels", type=int, default=8, help="passes of the naive sampler timed in a round")
    parser.add_argument("--threads", type=int, default=1)
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    if not same_images():
        print("the samplers draw different images: no speed is reported", file=sys.stderr)
        return 1
    pixelcnn, u = network(SIZE), torch.rand(BATCH, SIZE[0] * SIZE[1])
    clock = time.process_time if args.threads == 1 else time.perf_counter
    naive(pixelcnn, u, 1, clock), cached(pixelcnn, u, clock)
    times = [(naive(pixelcnn, u, args.pixels, clock), cached(pixelcnn, u, clock)) for _ in range(args.rounds)]
    result = {
        "naive_s": statistics.median(slow for slow, _ in times),
        "cached_s": statistics.median(fast for _, fast in times),
        "ratio": statistics.median(slow / fast for slow, fast in times),
        "target": TARGET,
        "pixels_timed": args.pixels,
        "threads": args.threads,
        "rounds": args.rounds,
    }
    print(json.dumps(result, indent=1) if args.json else table(result))
    return 0


def table(result: dict) -> str:
    scaled = f"{result['pixels_timed']} of {SIZE[0] * SIZE[1]} passes timed, scaled"
    return "\n".join(
        [
            f"PixelCNN sampling, {SIZE[0]} x {SIZE[1]}, batch {BATCH}, {result['threads']} thread(s)",
            f"{'naive':<10}{result['naive_s']:>10.3f} s   ({scaled})",
            f"{'cached':<10}{result['cached_s']:>10.3f} s",
            f"{'ratio':<10}{result['ratio']:>10.0f}     (aim {result['target']})",
        ]
    )


if __name__ == "__main__":
    sys.exit(main())
