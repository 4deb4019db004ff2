"""The logistic mixture's log-likelihood and gradient: one sweep of tiles against operation by operation, in one run.

    python benchmarks/logistic_mixture.py [--pixels 50176] [--mixtures 5] [--rounds 15] [--json]

``eager`` is the same formula as plain differentiable torch. Processor time, rounds alternate, the median ratio counts;
and what each keeps for its backward pass, counted tensor by tensor. Nothing is timed unless the two agree.
"""

import argparse
import json
import statistics
import sys
import time

import torch
from torch import Tensor

from dgm_tutor.kernels.logistic_mixture import discretised_logistic
from dgm_tutor.kernels.logistic_mixture.torch import log_prob

LEVELS = 256


def eager(x: Tensor, logits: Tensor, mu: Tensor, log_scale: Tensor, levels: int) -> Tensor:
    each = discretised_logistic(x.unsqueeze(-1), mu, log_scale, levels)
    return (logits.log_softmax(-1) + each).logsumexp(-1)


def problem(n: int, mixtures: int) -> tuple[Tensor, list[Tensor]]:
    torch.manual_seed(0)
    x = torch.randint(LEVELS, (n,)) / (LEVELS - 1)
    logits, mu, log_scale = torch.randn(3, n, mixtures)
    return x, [logits, 0.5 + 0.3 * mu, log_scale - 3]


def gradients(function, x: Tensor, parameters: list[Tensor]) -> tuple[Tensor, ...]:
    parameters = [t.detach().requires_grad_() for t in parameters]
    log_p = function(x, *parameters, LEVELS)
    return log_p.detach(), *torch.autograd.grad(log_p.sum(), parameters)


def kept(function, x: Tensor, parameters: list[Tensor]) -> int:
    """Bytes that stay until the backward pass, besides the inputs."""
    parameters = [t.detach().requires_grad_() for t in parameters]
    inputs, sizes = {t.data_ptr() for t in (x, *parameters)}, {}

    def keep(t: Tensor) -> Tensor:
        if t.data_ptr() not in inputs:
            sizes[t.data_ptr()] = t.untyped_storage().nbytes()
        return t

    with torch.autograd.graph.saved_tensors_hooks(keep, lambda t: t):
        log_p = function(x, *parameters, LEVELS)
    del log_p
    return sum(sizes.values())


def seconds(function, x: Tensor, parameters: list[Tensor]) -> float:
    start = time.process_time()
    gradients(function, x, parameters)
    return time.process_time() - start


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pixels", type=int, default=64 * 784)
    parser.add_argument("--mixtures", type=int, default=5)
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--json", action="store_true", help="print the result as JSON")
    args = parser.parse_args()
    torch.set_num_threads(1)
    x, parameters = problem(args.pixels, args.mixtures)
    for a, b in zip(gradients(log_prob, x, parameters), gradients(eager, x, parameters), strict=True):
        if not torch.allclose(a, b, rtol=1e-3, atol=1e-3):
            print("the two differ: no speed is reported", file=sys.stderr)
            return 1
    times = [(seconds(eager, x, parameters), seconds(log_prob, x, parameters)) for _ in range(args.rounds)]
    result = {
        "eager_ms": 1e3 * statistics.median(slow for slow, _ in times),
        "sweep_ms": 1e3 * statistics.median(fast for _, fast in times),
        "ratio": statistics.median(slow / fast for slow, fast in times),
        "eager_kept_mb": kept(eager, x, parameters) / 1e6,
        "sweep_kept_mb": kept(log_prob, x, parameters) / 1e6,
        "pixels": args.pixels,
        "mixtures": args.mixtures,
        "rounds": args.rounds,
    }
    print(json.dumps(result, indent=1) if args.json else table(result))
    return 0


def table(result: dict) -> str:
    return "\n".join(
        [
            f"Logistic mixture and its gradient: {result['pixels']} pixels, {result['mixtures']} components, 1 thread",
            f"{'eager':<10}{result['eager_ms']:>10.2f} ms{result['eager_kept_mb']:>10.1f} MB kept",
            f"{'one sweep':<10}{result['sweep_ms']:>10.2f} ms{result['sweep_kept_mb']:>10.1f} MB kept",
            f"{'ratio':<10}{result['ratio']:>10.2f}",
        ]
    )


if __name__ == "__main__":
    sys.exit(main())
