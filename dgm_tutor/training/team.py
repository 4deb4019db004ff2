"""Who trains: one process, or several that share each batch and average their gradients.

A batch is cut into shards, and the noise of a shard belongs to the seed, the step and the shard: which process draws
it, and how many processes there are, makes no difference. So two processes with a shard each give the losses of one
process with two shards, up to rounding.
"""

from typing import Any

import torch
from torch import Tensor, nn

from dgm_tutor.objectives import Loss, Player


class Team:
    """The processes of a Lightning ``Fabric`` (None: this one alone), and the shards of a batch that are this one's.

    Args:
        fabric: a launched ``lightning_fabric.Fabric``; only its collectives are used, players stay plain modules.
        shards: of a batch; None for one a process. With one shard and no fabric, noise is drawn in one stream.
        seed: of all noise.

    Raises:
        ValueError: shards that cannot be dealt out evenly.
    """

    def __init__(self, fabric: Any = None, shards: int | None = None, seed: int = 0):
        self.fabric, self.seed = fabric, seed
        self.size = fabric.world_size if fabric else 1
        self.shards = self.size if shards is None else shards
        if self.shards < 1 or self.shards % self.size:
            raise ValueError(f"shards={shards}: expected a multiple of the {self.size} processes")
        each = self.shards // self.size
        first = (fabric.global_rank if fabric else 0) * each
        self.own = range(first, first + each)

    @property
    def leads(self) -> bool:
        """Whether this process writes files and shows progress."""
        return self.fabric is None or self.fabric.global_rank == 0

    def split(self, x: Tensor) -> list[Tensor]:
        """This process's shards of a batch (n, ...); ValueError where n is no multiple of the shards."""
        if len(x) % self.shards:
            raise ValueError(f"a batch of {len(x)} has no {self.shards} equal shards: expected a multiple of them")
        size = len(x) // self.shards
        return [x[shard * size : (shard + 1) * size] for shard in self.own]

    def draws_for(self, step: int, shard: int, use: int) -> None:
        """Seed the noise of a shard: use 0 is the data's transform, use 1 the first move's loss, and so on."""
        if self.shards > 1:
            torch.manual_seed(((self.seed * 1_000_003 + step) * 65_536 + self.own[shard]) * 64 + use)

    def loss(self, player: Player, shards: list, step: int, use: int) -> tuple[Loss, list[Tensor]]:
        """A player's loss on the whole batch, detached where it is shared, and the totals to go backward from."""
        parts = []
        for index, x in enumerate(shards):
            self.draws_for(step, index, use)
            parts.append(player.loss(x))
        if self.shards == 1:
            return parts[0], [parts[0].total.sum()]
        loss = Loss(
            self._mean([part.total.detach() for part in parts]),
            {
                name: (weight, self._mean([part.terms[name][1].detach() for part in parts]))
                for name, (weight, _) in parts[0].terms.items()
            },
        )
        return loss, [part.total.sum() / len(parts) for part in parts]

    def share_gradients(self, parameters: list[nn.Parameter]) -> None:
        """Average every process's gradients, as one message."""
        if self.size > 1:
            gradients = [p.grad for p in parameters if p.grad is not None]
            flat = self.fabric.all_reduce(torch.cat([g.flatten() for g in gradients]), reduce_op="mean")
            for g, mean in zip(gradients, flat.split([g.numel() for g in gradients]), strict=True):
                g.copy_(mean.view_as(g))

    def share_state(self, model: nn.Module) -> None:
        """Give every process the first one's weights."""
        if self.size > 1:
            model.load_state_dict(self.fabric.broadcast(model.state_dict()))

    def any(self, asked: bool) -> bool:
        """Whether one of the processes asks: all stop at the same step, or none does."""
        if self.size == 1:
            return asked
        return bool(self.fabric.all_reduce(torch.tensor(float(asked), device=self.fabric.device), reduce_op="sum") > 0)

    def agrees_on(self, step: int) -> None:
        """ValueError unless all processes have resumed at this step."""
        if self.size > 1:
            total = self.fabric.all_reduce(torch.tensor(float(step), device=self.fabric.device), reduce_op="sum")
            if total != step * self.size:
                raise ValueError(
                    f"the processes resume at different steps, this one at {step}: "
                    "the checkpoint must lie where all of them see it"
                )

    def _mean(self, values: list[Tensor]) -> Tensor:
        mean = torch.stack(values).mean(0)
        return self.fabric.all_reduce(mean, reduce_op="mean") if self.size > 1 else mean
