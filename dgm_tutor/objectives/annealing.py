"""Annealing: a term whose weight grows with training, so that z is used before it is paid for.

Bowman et al. 2016; Sonderby et al. 2016 ("warm-up").
"""

import torch
from torch import Tensor, nn

from dgm_tutor.objectives.draw import Draw
from dgm_tutor.objectives.objective import Loss, Objective, Term


def annealed(what: Term | Objective, steps: int) -> Objective:
    """``what`` with a weight that grows linearly, from 0 at the first training step to its own after ``steps``.

    ``distortion + annealed(rate, 2000)`` is trained as min(t / 2000, 1) rate at step t, and prints itself as what it
    comes to: the ELBO. Until then the loss is no bound on -log p(x).

    Args:
        what: for example ``rate``, ``4.0 * rate`` or ``rate_1 + rate_2``.
        steps: training steps until the weight is whole; 0 gives ``what`` back, not annealed.

    Raises:
        ValueError: steps is not an integer of at least 0.
    """
    if not isinstance(steps, int) or steps < 0:
        raise ValueError(f"steps: expected an integer of at least 0, got {steps!r}")
    return Annealed([(1.0 * what, steps)]) if steps else 1.0 * what


class Annealed(Objective, nn.Module):
    """A sum of objectives, each of which grows over its own number of steps; ``weights`` are the final ones.

    A module, because its one number is training's state: the model it belongs to saves it and resumes with it. A step
    is a backward pass in training mode; looking at a loss moves nothing. In evaluation mode all weights are final.
    """

    def __init__(self, parts: list[tuple[Objective, int]]):
        nn.Module.__init__(self)
        self.parts = parts
        self.register_buffer("step", torch.zeros(()))  # floating, so that weights kept in 16 bits hold it too
        Objective.__init__(self, _summed([part for part, _ in parts]).weights)

    def __call__(self, draw: Draw) -> Loss:
        loss = self._now()(draw)
        if self.training and loss.total.requires_grad:
            loss.total.register_hook(self._advance)
        return loss

    def __add__(self, other: Term | Objective) -> "Annealed":
        return Annealed(self.parts + _parts(other))

    def __radd__(self, other: Term | Objective) -> "Annealed":
        return Annealed(_parts(other) + self.parts)

    def __rmul__(self, scale: float | Tensor) -> "Annealed":
        return Annealed([(scale * part, steps) for part, steps in self.parts])

    def _now(self) -> Objective:
        if not self.training:
            return Objective(self.weights)
        return _summed([(self.step / steps).clamp(max=1) * part if steps else part for part, steps in self.parts])

    def _advance(self, _: Tensor) -> None:
        self.step += 1


def _parts(objective: Term | Objective) -> list[tuple[Objective, int]]:
    return objective.parts if isinstance(objective, Annealed) else [(1.0 * objective, 0)]


def _summed(objectives: list[Objective]) -> Objective:
    return sum(objectives[1:], start=objectives[0])
