"""The plain RNN, VRNN's baseline without z: p(x) = prod_t p(x_t | h_{t-1}), exact."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from dgm_tutor.components import SymbolsHead, mlp
from dgm_tutor.components.experts import filled
from dgm_tutor.models.base import Model, count
from dgm_tutor.models.vae import decoder_head
from dgm_tutor.objectives import Draw, Loss, Objective, Player, Term


class SequenceModel(Model):
    """A model of sequences of x_dim values a step: x is (n, T, x_dim), or flattened, with T free.

    Shorter sequences end in steps that are NaN throughout (see ``data.padded``); these count for nothing.
    Subclasses have a ``decoder`` head and an ``objective``.

    Args:
        x_dim: the number of values at a step.
        steps: how many steps ``sample`` makes.
    """

    def __init__(self, decoder: nn.Module, objective: Objective, x_dim: int, steps: int):
        super().__init__()
        if x_dim < 1 or steps < 1:
            raise ValueError(f"expected x_dim and steps of at least 1, got {x_dim} and {steps}")
        self.decoder, self.objective = decoder, objective
        self.x_dim, self.steps = x_dim, steps

    def players(self) -> list[Player]:
        return [Player("sequence model", list(self.parameters()), self._loss)]

    def _loss(self, x: Tensor) -> Loss:
        return self.objective(SequenceDraw(self, x))

    def by_step(self, x: Tensor) -> Tensor:
        """x (n, T * x_dim) as (T, n, x_dim)."""
        return x.unflatten(1, (-1, self.x_dim)).transpose(0, 1)

    def checked(self, x: Tensor) -> Tensor:
        """x as (n, T * x_dim); refuses NaN anywhere but in whole steps at the end."""
        x = super().checked(x)
        if x.shape[1] == 0 or x.shape[1] % self.x_dim:
            raise ValueError(
                f"{self.called}: expected sequences of steps of {self.x_dim} values, got {x.shape[1]} values "
                "per example: create the model with another x_dim"
            )
        steps = self.by_step(x)
        present = ~steps.isnan().all(-1)
        if steps[present].isnan().any() or not present[0].all() or (present[1:] & ~present[:-1]).any():
            raise ValueError(
                f"{self.called}: NaN marks the steps after a sequence's end, whole steps and no others: "
                "see data.padded(x, length)"
            )
        if complaint := self.decoder.refuse(steps[present]):
            raise ValueError(f"{self.called}: {complaint}")
        return x


class SequenceDraw(Draw):
    """A batch of sequences, step by step: ``x`` is (T, n, x_dim) without NaN, ``present`` bool (T, n).

    A term gives its values step by step, (T, n); they are summed over the steps that are there.
    """

    def __init__(self, model: SequenceModel, x: Tensor):
        steps = model.by_step(x)
        super().__init__(model, filled(steps))
        self.present = ~steps.isnan().any(-1)

    def total(self, per_step: Tensor) -> Tensor:
        """The sum over a sequence's own steps, (T, n) -> (n,)."""
        return torch.where(self.present, per_step, 0.0).sum(0)

    def mean(self, per_step: Tensor) -> Tensor:
        return self.total(per_step).mean()


class RNN(SequenceModel):
    """A GRU that reads x_{<t} and states p(x_t|x_{<t}): exact log p(x), all steps in parallel when x is known."""

    def __init__(self, embed: nn.Module, gru: nn.GRU, decoder: nn.Module, x_dim: int, steps: int):
        super().__init__(decoder, 1.0 * negative_log_likelihood, x_dim, steps)
        self.embed, self.gru = embed, gru

    def conditionals(self, x: Tensor):
        """p(x_t|x_{<t}) for all t; x (T, n, x_dim)."""
        start = x.new_zeros(1, x.shape[1], self.gru.hidden_size)
        states = torch.cat([start, self.gru(self.embed(x[:-1]))[0]]) if len(x) > 1 else start
        return self.decoder(states)

    @torch.no_grad()
    def log_prob(self, x: Tensor) -> Tensor:
        """log p(x) = sum_t log p(x_t|x_{<t}), (n,) nats."""
        draw = SequenceDraw(self, self.checked(x))
        return draw.total(self.conditionals(draw.x).log_prob(draw.x))

    @torch.no_grad()
    def sample(self, n: int) -> Tensor:
        """n sequences, (n, steps * x_dim); each step reads the sample before it, not its mean."""
        h = next(self.parameters()).new_zeros(1, count(n), self.gru.hidden_size)
        steps = [self.decoder(h[0]).sample()]
        while len(steps) < self.steps:
            _, h = self.gru(self.embed(steps[-1]).unsqueeze(0), h)
            steps.append(self.decoder(h[0]).sample())
        return torch.stack(steps, 1).flatten(1)


negative_log_likelihood = Term(
    "negative_log_likelihood",
    r"\mathbb{E}_{p_{\text{data}}}\!\left[-\sum_t \log p_\theta(x_t \mid x_{<t})\right]",
    lambda draw: -draw.model.conditionals(draw.x).log_prob(draw.x),
)
"""-E_{p_data} log p(x), nats per sequence."""


def rnn(
    *,
    x_dim: int | Sequence[int] = 28,
    steps: int = 28,
    hidden: int = 128,
    likelihood: str = "bernoulli",
    sigma: float = 0.1,
) -> RNN:
    """Loss: -log p(x), nats per sequence. Settings as in ``vrnn``, with the same output family."""
    size = values_of(x_dim)
    return RNN(
        embed=nn.Sequential(mlp([size, hidden]), nn.ReLU()),
        gru=nn.GRU(hidden, hidden),
        decoder=step_head(mlp([hidden, hidden, size]), x_dim, likelihood, sigma),
        x_dim=size,
        steps=steps,
    )


def values_of(x_dim: int | Sequence[int]) -> int:
    """The number of values at a step, all voices' symbols together where ``x_dim`` counts them by voice."""
    return x_dim if isinstance(x_dim, int) else sum(x_dim)


def step_head(network: nn.Module, x_dim: int | Sequence[int], likelihood: str, sigma: float) -> nn.Module:
    """p(x_t|.) over a network's output, of a family of ``vae``'s, or "categorical": a symbol for each voice."""
    if likelihood == "categorical":
        return SymbolsHead(network, [x_dim] if isinstance(x_dim, int) else x_dim)
    if not isinstance(x_dim, int):
        raise ValueError(f"x_dim: symbols by voice, {x_dim}, are for likelihood='categorical', got {likelihood!r}")
    return decoder_head(network, likelihood, sigma)
