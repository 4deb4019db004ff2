"""Models played against critics: the model minimises one objective, and each critic its own."""

from collections.abc import Iterator
from contextlib import contextmanager

from torch import Tensor, nn

from dgm_tutor.models.base import Intractable
from dgm_tutor.models.latent import LatentVariableModel
from dgm_tutor.objectives import Draw, Loss, Objective, Player

SAMPLES = "sample(n), and compare samples: objectives.squared_mmd(x, model.sample(n))"


class AdversarialModel(LatentVariableModel):
    """Components and an objective, some of whose terms ask a critic; every critic is a player of its own.

    In a step of training all players see one draw: a critic moves by the samples that it then judges.

    Args:
        prior, decoder, posterior, objective, x_dim: as in ``LatentVariableModel``; a model without inference has no
            posterior, None.
        critics: a player's name to its network and the objective that it minimises: ``Game.critic``.
        player: the name of the first player, who owns all other parameters.
        critic_steps: how often each critic moves for each move of the first player; from the second time on by fresh
            samples of the same batch.
    """

    def __init__(
        self,
        prior: nn.Module,
        decoder: nn.Module,
        posterior: nn.Module | None,
        objective: Objective,
        critics: dict[str, tuple[nn.Module, Objective]],
        x_dim: int | None = None,
        player: str = "autoencoder",
        critic_steps: int = 1,
    ):
        super().__init__(prior, decoder, posterior, objective, x_dim)
        self.critics = nn.ModuleDict({name: critic for name, (critic, _) in critics.items()})
        self.critic_objectives = {name: objective for name, (_, objective) in critics.items()}
        self.player, self.critic_steps = player, critic_steps

    def players(self) -> list[Player]:
        theirs = set(self.critics.parameters())
        own = Player(self.player, [p for p in self.parameters() if p not in theirs], self._loss)
        first = [self._critic(name) for name in self.critics]
        more = [self._critic(name, fresh=True) for name in self.critics]
        return [own, *first, *more * (self.critic_steps - 1)]

    def draw(self, x: Tensor | Draw) -> Draw:
        """What the players see of a batch; a draw is one already."""
        return x if isinstance(x, Draw) else Draw(self, x)

    def _loss(self, x: Tensor | Draw) -> Loss:
        return self.objective(self.draw(x))

    def _critic(self, name: str, fresh: bool = False) -> Player:
        def loss(x: Tensor | Draw) -> Loss:
            draw = self.draw(x)
            return self.critic_objectives[name](draw.again() if fresh else draw)

        return Player(name, list(self.critics[name].parameters()), loss, first=True)

    def log_prob(self, x: Tensor) -> Tensor:
        """Intractable, and so are the bounds where the model has no posterior, or a part of it no density."""
        raise Intractable(self._no("log p(x)", SAMPLES if self.posterior is None else "log_marginal(x, samples=K)"))

    def elbo(self, x: Tensor, samples: int = 1) -> Tensor:
        with self._bound("elbo"):
            return super().elbo(x, samples)

    def log_marginal(self, x: Tensor, samples: int = 64) -> Tensor:
        with self._bound("importance-weighted bound"):
            return super().log_marginal(x, samples)

    @contextmanager
    def _bound(self, what: str) -> Iterator[None]:
        if self.posterior is None:
            raise Intractable(self._no(f"{what}: it has no inference model", SAMPLES))
        try:
            yield
        except NotImplementedError as missing:
            why = str(missing) or "a part of it has no density"
            raise Intractable(self._no(f"{what}: {why}", SAMPLES)) from missing
