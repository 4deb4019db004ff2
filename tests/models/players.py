"""What the tests of several games ask: whom a step moves, whether runs repeat, whether training holds."""

from collections.abc import Callable
from pathlib import Path

import torch
from torch import Tensor, nn

from dgm_tutor import models, training
from dgm_tutor.models.base import Model
from dgm_tutor.objectives import Player


def moved_by(player: Player, model: nn.Module, x: Tensor) -> set[nn.Parameter]:
    """The model's parameters that one step of the player on a batch has changed."""
    before = [p.detach().clone() for p in model.parameters()]
    optimizer = torch.optim.SGD(player.parameters, 0.1)
    optimizer.zero_grad()
    player.loss(x).total.backward(inputs=player.parameters)
    optimizer.step()
    return {p for p, b in zip(model.parameters(), before, strict=True) if not torch.equal(p, b)}


def saved_and_read(model: Model, folder: Path) -> Model:
    """The model as its file gives it back, with the same parameters."""
    back = models.load(models.save(model, folder / "m.safetensors"))
    assert all(torch.equal(a, b) for a, b in zip(model.parameters(), back.parameters(), strict=True))
    return back


def assert_runs_repeat(made: Callable[[], Model], x: Tensor) -> None:
    """Two short trainings with one seed give the same losses."""
    runs = [training.fit(made(), x, steps=5, seed=4, progress=False, device="cpu") for _ in range(2)]
    assert all(torch.equal(runs[0][c], runs[1][c]) for c in runs[0].columns)


def assert_ten_of_ten_seeds_stay_finite(name: str, x: Tensor, answer: Callable[[Model], Tensor], **settings) -> None:
    """Ten seeds of a short training: no loss is NaN or infinite, no sample, and nothing of what the model answers."""
    for seed in range(10):
        model = models.create(name, seed=seed, **settings)
        history = training.fit(model, x, steps=60, batch_size=64, seed=seed, progress=False, device="cpu")
        assert all(history[column].isfinite().all() for column in history.columns)
        assert model.sample(10).isfinite().all() and answer(model).isfinite().all()
