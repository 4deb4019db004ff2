"""Whom a player's step moves."""

import torch
from torch import Tensor, nn

from dgm_tutor.objectives import Player


def moved_by(player: Player, model: nn.Module, x: Tensor) -> set[nn.Parameter]:
    """The model's parameters that one step of the player on a batch has changed."""
    before = [p.detach().clone() for p in model.parameters()]
    optimizer = torch.optim.SGD(player.parameters, 0.1)
    optimizer.zero_grad()
    player.loss(x).total.backward(inputs=player.parameters)
    optimizer.step()
    return {p for p, b in zip(model.parameters(), before, strict=True) if not torch.equal(p, b)}
