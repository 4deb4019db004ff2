"""What every model answers, and what it says when asked for something that it does not have."""

from numbers import Integral
from typing import Any

import torch
from torch import Tensor, nn

from dgm_tutor.objectives import Loss, Objective, Player, Term


class Intractable(RuntimeError):
    """The model has no such quantity in closed form; the message says what to ask for in its place."""


class Model(nn.Module):
    """A generative model played as a game. Subclasses give ``players`` and override what is tractable for them.

    Every quantity is in nats per example, with all its constants.
    """

    name: str = ""
    settings: dict = {}

    def __setattr__(self, name: str, value: Any) -> None:
        """A term by itself is an objective of weight one."""
        super().__setattr__(name, 1.0 * value if name == "objective" and isinstance(value, Term) else value)

    def players(self) -> list[Player]:
        """Who plays: each player's parameters and the loss it minimises over them."""
        raise NotImplementedError

    def loss(self, x: Tensor) -> Loss:
        """The first player's loss on a batch x (n, D)."""
        return self.players()[0].loss(self.checked(x))

    def sample(self, n: int) -> Tensor:
        """n samples of p(x), (n, D)."""
        raise NotImplementedError

    def log_prob(self, x: Tensor) -> Tensor:
        """log p(x), (n,), where it is exact."""
        raise Intractable(self._no("exact log p(x)", "log_marginal(x, samples=K) or elbo(x)"))

    def elbo(self, x: Tensor, samples: int = 1) -> Tensor:
        """A lower bound on log p(x), (n,)."""
        raise Intractable(self._no("elbo: it has no inference model", "sample(n)"))

    def log_marginal(self, x: Tensor, samples: int = 64) -> Tensor:
        """An importance-weighted lower bound on log p(x), (n,)."""
        raise Intractable(self._no("importance-weighted bound: it has no inference model", "sample(n)"))

    @property
    def put_in_place(self) -> Objective | None:
        """The objective that took the place of the recipe's own; None where that is still there."""
        now = getattr(self, "objective", None)
        return None if now is vars(self).get("own_objective", now) else now

    @property
    def called(self) -> str:
        """What errors call it: its recipe, or its class where components were put together by hand."""
        return self.name or type(self).__name__

    @property
    def device(self) -> torch.device:
        return next(self.parameters()).device

    def checked(self, x: Tensor) -> Tensor:
        """x as (n, D), n at least 1, on the model's device and in its precision, or a clear refusal."""
        if not isinstance(x, Tensor) or not x.is_floating_point():
            raise TypeError(f"{self.called}: expected a float tensor of shape (n, ...), got {_and_what_to_do(x)}")
        if x.dim() < 2:
            raise ValueError(
                f"{self.called}: expected a batch (n, ...), got shape {tuple(x.shape)}; try x.unsqueeze(0)"
            )
        if len(x) == 0:
            raise ValueError(f"{self.called}: expected a batch of at least one example, got shape {tuple(x.shape)}")
        return x.flatten(1).to(next(self.parameters()))

    def _no(self, what: str, instead: str) -> str:
        return f"{self.called} has no {what}. Use {instead}."


def count(n: int) -> int:
    """n, how many samples; ValueError unless it is a whole number of at least 1."""
    if not isinstance(n, Integral) or n < 1:
        raise ValueError(f"expected how many samples, a whole number of at least 1, got {n!r}")
    return int(n)


def _and_what_to_do(x: Any) -> str:
    if not isinstance(x, Tensor):
        return f"{type(x).__name__}: torch.as_tensor(x, dtype=torch.float32) makes one"
    if x.dtype == torch.uint8:
        return f"{x.dtype}: x / 255 makes pixels of grey levels, and Split.pixels() does"
    return f"{x.dtype}: x.float() makes one"
