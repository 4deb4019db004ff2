"""Numbers with their standard errors, and what every estimator checks at its door."""

import math
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.distributions import Distribution, Independent


@dataclass(frozen=True)
class Estimate:
    """A Monte Carlo estimate and its standard error, in the same unit (nats unless said)."""

    value: float
    standard_error: float

    def sigmas(self, truth: float = 0.0) -> float:
        """How many standard errors the value lies from `truth`; infinite if it differs and the error is 0."""
        distance = abs(self.value - truth)
        return distance / self.standard_error if self.standard_error else (math.inf if distance else 0.0)

    def __str__(self) -> str:
        if not (self.standard_error > 0 and math.isfinite(self.standard_error)):
            return f"{self.value:.4g} ± {self.standard_error:.2g}"
        digits = max(0, 1 - math.floor(math.log10(self.standard_error)))
        return f"{self.value:.{digits}f} ± {self.standard_error:.{digits}f}"


def over_examples(values: Tensor) -> Estimate:
    """Mean of (n,) values of n examples; the error counts the choice of examples, a sample from p_data."""
    values = values.double()
    return Estimate(values.mean().item(), (values.std() / math.sqrt(len(values))).item())


def over_draws(values: Tensor) -> Estimate:
    """Mean of (S, N) values, S draws for each of N points; the error counts the draws alone.

    The points are all of p_data, not a sample from it, so they add no error: the variance is measured
    within each point, sum_n var_n / (S N^2).
    """
    values = values.double()
    samples, points = values.shape
    error = (values.var(0).sum() / samples).sqrt() / points
    return Estimate(values.mean().item(), error.item())


@contextmanager
def seeded(seed: int | None, device: torch.device) -> Iterator[None]:
    """Draw from `seed` and leave the caller's random state as it was; None draws from the caller's state."""
    if seed is None:
        yield
        return
    with torch.random.fork_rng([device] if device.type == "cuda" else []):
        torch.manual_seed(seed)
        yield


def draw(q: Distribution, samples: int) -> Tensor:
    """z of shape (samples, n, d) from q, with gradients where q has them."""
    return q.rsample((samples,)) if q.has_rsample else q.sample((samples,))


def check_data(x: Tensor, least: int = 1) -> None:
    """ValueError unless x is a finite tensor (n, D) with n >= least."""
    if not isinstance(x, Tensor) or x.dim() != 2:
        given = f"shape {tuple(x.shape)}" if isinstance(x, Tensor) else type(x).__name__
        raise ValueError(f"x: expected a tensor (n, D) of flattened examples, got {given}; try x.flatten(1)")
    if len(x) < least:
        raise ValueError(f"x: this needs {least} examples or more, got {len(x)}")
    if not x.isfinite().all():
        raise ValueError("x: holds NaN or infinite values; clean the data before it is evaluated")


def posterior_of(model, x: Tensor) -> Distribution:
    """q(z|x), one distribution an example. ValueError where the model has none, or one of another shape."""
    if getattr(model, "posterior", None) is None:
        raise ValueError(f"{type(model).__name__} has no posterior(x), which this asks for: compare samples instead")
    q = model.posterior(x)
    if q.batch_shape != x.shape[:1] or len(q.event_shape) != 1:
        raise ValueError(
            f"model.posterior(x): expected batch ({len(x)},) and event (d,), got batch "
            f"{tuple(q.batch_shape)} and event {tuple(q.event_shape)}; wrap it "
            "in torch.distributions.Independent"
        )
    return q


def marginals(distribution: Distribution, name: str) -> Distribution:
    """The distributions of the dimensions, event (); TypeError, which says `name`, where they are not independent."""
    if not isinstance(distribution, Independent) or distribution.base_dist.event_shape:
        raise TypeError(
            f"{name}: this needs each dimension's own density, expected "
            f"torch.distributions.Independent over scalars, got {type(distribution).__name__}"
        )
    return distribution.base_dist


def check_count(name: str, value: int, least: int = 1) -> None:
    """ValueError unless value is an integer of at least `least`."""
    if not isinstance(value, int) or value < least:
        raise ValueError(f"{name}: expected an integer of at least {least}, got {value!r}")
