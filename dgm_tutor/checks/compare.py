"""Compare what an answer gives with what right answers give, within the estimator's own standard error.

A probe's outputs are either exact, or *draws*: a tensor whose first axis holds independent repetitions of a random
estimator. Draws are compared in mean, so that a right answer may draw its noise in any order, and in spread, so that
noise shared over a batch is seen. The level is chosen so that a right answer fails once in 10,000 checks.
"""

import math
from dataclasses import dataclass
from statistics import NormalDist

import torch
from torch import Tensor

FALSE_VERDICT = 1e-4  # chance that a right answer is called wrong, for a whole exercise
RTOL = 2e-4  # exact outputs differ by float32 rounding only
LEAST_SPREAD = 2.0  # times the right one: to scatter that much, one of n draws would have to lie 1.7 sqrt(n) sd away


@dataclass(frozen=True)
class Expected:
    """What right answers give for one output: `mean`, and for draws their `sd` over `draws` repetitions.

    `slack` is how far an exact output may be off: for trained quantities, which come close and no closer.
    """

    mean: Tensor
    sd: Tensor | None = None
    draws: int = 0
    slack: float = 0.0

    @property
    def size(self) -> int:
        return self.mean.numel()


def expect(outputs: list[object], random: bool, slack: float = 0.0) -> Expected:
    """What to expect from the outputs of several right answers: the first's mean, the largest spread."""
    first = _number(outputs[0])
    if not random:
        return Expected(first, slack=slack)
    spread = torch.stack([_number(output).std(0) for output in outputs]).amax(0)
    return Expected(first.mean(0), spread, first.shape[0])


def fault(output: object, expected: Expected, comparisons: int) -> str | None:
    """Why `output` cannot come from a right answer, or None.

    `comparisons` is the number of numbers the exercise compares: the level is split between them.
    """
    try:
        value = _number(output)
    except (TypeError, ValueError, RuntimeError):
        return "not a number"
    random = expected.sd is not None
    if value.shape[1 if random else 0 :] != expected.mean.shape or (random and (not value.ndim or len(value) < 2)):
        return "shape"
    if not value.isfinite().all():
        return "not finite"
    scale = expected.mean.abs().max() if expected.size else torch.tensor(0.0)
    rounding = RTOL * scale + 1e-6
    if not random:
        return "value" if ((value - expected.mean).abs() > rounding + expected.slack).any() else None
    limit = _quantile(FALSE_VERDICT / max(comparisons, 1) / 4, expected.draws - 1)
    error = expected.sd * (1 / len(value) + 1 / expected.draws) ** 0.5
    # Asked so that NaN is a fault: sums of finite draws may overflow to it.
    if not ((value.mean(0) - expected.mean).abs() <= limit * error + rounding).all():
        return "value"
    # The log of a sample variance has variance 2 / (n - 1) for normal draws; 1.5 allows for heavier tails, and where n
    # is large LEAST_SPREAD for long ones, such as the log of a mean of weights has.
    log_error = 1.5 * (2 / (len(value) - 1) + 2 / (expected.draws - 1)) ** 0.5
    most = expected.sd * max(math.exp(limit * log_error / 2), LEAST_SPREAD) + rounding
    return None if (value.std(0) <= most).all() else "spread"


def _number(output: object) -> Tensor:
    return torch.as_tensor(output, dtype=torch.float64)


def _quantile(level: float, freedom: int) -> float:
    """Two-sided quantile of Student's t (Cornish-Fisher, good to 1% from 20 degrees of freedom up)."""
    z = NormalDist().inv_cdf(1 - level / 2)
    return z + (z**3 + z) / (4 * freedom) + (5 * z**5 + 16 * z**3 + 3 * z) / (96 * freedom**2)
