"""The training loop."""

import math
import zlib
from collections.abc import Callable, Mapping
from numbers import Integral
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from tqdm import tqdm

from dgm_tutor.data import Dataset, Split
from dgm_tutor.objectives import Loss, Player
from dgm_tutor.training.batches import batch
from dgm_tutor.training.checkpoint import Checkpoint
from dgm_tutor.training.history import History
from dgm_tutor.training.interrupt import Interruptible
from dgm_tutor.training.team import Team

Transform = Callable[[Tensor], Tensor]
Record = Callable[[nn.Module], Mapping[str, Tensor]]


class Diverged(RuntimeError):
    """A loss became NaN or infinite. The model is left as it was before that step."""


def fit(
    model: nn.Module,
    data: Tensor | Split | Dataset,
    *,
    steps: int,
    batch_size: int = 128,
    lr: float = 1e-3,
    seed: int = 0,
    transform: Transform | None = None,
    device: str = "auto",
    checkpoint: str | Path | None = None,
    checkpoint_every: int = 1000,
    progress: bool = True,
    record: Record | None = None,
    fabric: Any = None,
    shards: int | None = None,
) -> History:
    """Play the model's game on the data for a number of steps; one Adam optimiser a player.

    Interrupting (Ctrl-C, or the notebook's stop button) ends training after the running step and keeps the model.
    With ``checkpoint`` the same call, made again, goes on where it stopped; on the CPU to the same bits as without
    the interruption.

    Args:
        model: anything with ``players()`` and ``checked(x)``. What its ``draw(x)`` makes of a batch, where it has one,
            all players of a step share in place of x.
        data: x (n, ...), or a data set or split of images, whose grey levels are used.
        steps: in all, those before a resume included.
        batch_size, lr: of every player; a player with a ``rate`` of its own learns at that multiple of lr.
        seed: of the order of the data and of all noise; the caller's random state is left as it was.
        transform: applied to every batch, for example ``data.binarise``.
        device: "auto" takes a CUDA GPU where there is one, else the CPU. The model stays there.
        checkpoint: a ``.safetensors`` file, written atomically every ``checkpoint_every`` steps and at the end.
        progress: show a progress bar.
        record: more columns for the history, by name, measured on the model after every recorded step, gradients still
            in place; for example ``evaluation.game_record(z)``. It must draw no random numbers, and
            a resumed run needs it again.
        fabric: a launched ``lightning_fabric.Fabric``, for several processes that share each batch.
        shards: of a batch, each with noise of its own; default one a process. One process with one shard draws all
            noise in one stream: to get what two processes get, ask it for shards=2.

    Returns:
        The losses, every tenth step and the last.

    Raises:
        Diverged: a loss is NaN or infinite; says at which step, which player and which term.
        ValueError: the data do not fit the model, or the checkpoint is of another run.
    """
    x = _tensor(data)
    for name, given in {"steps": steps, "batch_size": batch_size, "checkpoint_every": checkpoint_every}.items():
        if not isinstance(given, Integral) or given < 1:
            raise ValueError(f"{name}={given!r}: expected a whole number of at least 1")
    team = Team(fabric, shards, seed)
    device = _device(device, fabric)
    model.to(device).train()
    x = x.to(next(model.parameters())) if x.is_floating_point() else x.to(device)
    # A transform may draw noise, which belongs to its batch: then the first one stands for the others.
    sight = x if transform is None else batch(x, 0, batch_size, seed)
    transform = transform or (lambda x: x)
    with torch.random.fork_rng(devices=[device] if device.type == "cuda" else []):
        torch.manual_seed(seed)
        model.checked(transform(sight))
        team.split(batch(x, 0, batch_size, seed))
        team.share_state(model)
        players = model.players()
        optimizers = {p.name: torch.optim.Adam(p.parameters, lr=lr * p.rate, fused=True) for p in players}
        history = History()
        run = {"batch_size": batch_size, "lr": lr, "seed": seed, "data": _fingerprint(x), **_identity(model)}
        if team.shards > 1:
            run["shards"] = team.shards
        store = Checkpoint(checkpoint, model, optimizers, run)
        step, history = store.resume(history)
        team.agrees_on(step)
        if step > steps:
            raise ValueError(f"{checkpoint} has {step} steps already, and {steps} in all were asked for")
        bar = tqdm(
            total=steps,
            initial=step,
            disable=not (progress and team.leads),
            desc=getattr(model, "name", ""),
            unit="step",
        )
        with bar, Interruptible() as interrupt:
            stop = False
            while step < steps and not stop:
                losses = _step(
                    model,
                    players,
                    optimizers,
                    _shards(model, team, transform, batch(x, step, batch_size, seed), step),
                    team,
                    step,
                )
                step += 1
                stop = team.any(interrupt.asked)
                if step % 10 == 0 or step == steps or stop:
                    history.record(step, losses, record(model) if record else {})
                    bar.set_postfix_str(f"loss {_total(losses, players[0]):.4g} nats", refresh=False)
                bar.update()
                if step % checkpoint_every == 0 and step < steps and team.leads:
                    store.save(step, history)
        history.interrupted = step < steps
        if team.leads:
            store.save(step, history)
    model.eval()
    return history


def _shards(model: nn.Module, team: Team, transform: Transform, x: Tensor, step: int) -> list:
    """What the players see of this process's shards."""
    seen = getattr(model, "draw", lambda x: x)
    shards = []
    for index, shard in enumerate(team.split(x)):
        team.draws_for(step, index, 0)
        shards.append(seen(transform(shard)))
    return shards


def _step(
    model: nn.Module,
    players: list[Player],
    optimizers: dict[str, torch.optim.Optimizer],
    shards: list,
    team: Team,
    step: int,
) -> dict[str, Loss]:
    """Every player moves once, its own parameters only."""
    losses = {}
    for use, player in enumerate(sorted(players, key=lambda player: not player.first), 1):
        optimizers[player.name].zero_grad()  # before the forward pass, which can then have the gradients' memory
        loss, totals = team.loss(player, shards, step, use)
        if not math.isfinite(loss.total.sum().item()):
            raise Diverged(_diagnosis(player, loss, step))
        first, *others = totals
        first.backward(inputs=player.parameters)
        if others:  # what a backward pass counts, as annealing does, counts one a step
            counted = [buffer.clone() for buffer in model.buffers()]
            for total in others:
                total.backward(inputs=player.parameters)
            for buffer, value in zip(model.buffers(), counted, strict=True):
                buffer.copy_(value)
        team.share_gradients(player.parameters)
        optimizers[player.name].step()
        losses[player.name] = loss
    return losses


def _diagnosis(player: Player, loss: Loss, step: int) -> str:
    bad = [name for name, (_, value) in loss.terms.items() if not torch.isfinite(value).all()]
    poisoned = sum(not torch.isfinite(p).all() for p in player.parameters)
    cause = (
        f"{poisoned} of its parameter tensors already held NaN or infinity"
        if poisoned
        else "its parameters are all finite: look for NaN in the data, a log of 0 or an exp that overflows, and try a "
        "smaller lr"
    )
    where = ", ".join(bad) or "the total"
    return f"step {step}: the loss of player {player.name!r} is not finite, in {where}; {cause}"


def _tensor(data: Tensor | Split | Dataset) -> Tensor:
    if isinstance(data, Dataset):
        data = data.train
    if isinstance(data, Split):
        data = data.pixels() if data.x.dtype == torch.uint8 else data.x
    if not isinstance(data, Tensor):
        raise TypeError(
            f"expected a tensor (n, ...), a Split or a Dataset, got {type(data).__name__}; see torch.as_tensor"
        )
    if data.dim() < 2 or len(data) == 0:
        raise ValueError(f"expected data (n, ...) of at least 1 example, got shape {tuple(data.shape)}")
    return data.flatten(1)


def _device(wanted: str, fabric: Any) -> torch.device:
    there = torch.cuda.is_available()
    if wanted == "auto":
        wanted = fabric.device if fabric else "cuda" if there else "cpu"
    try:
        device = torch.device(wanted)
    except RuntimeError as error:
        raise ValueError(f"device={wanted!r}: expected 'auto', 'cpu' or 'cuda'") from error
    if device.type == "cuda" and not there:
        raise ValueError(f"device={wanted!r}: torch sees no CUDA GPU here; take 'auto' or 'cpu'")
    return device


def _identity(model: nn.Module) -> dict:
    identity = {"model": getattr(model, "name", type(model).__name__), "settings": getattr(model, "settings", {})}
    if objective := getattr(model, "put_in_place", None):  # its prices are left out: a Lagrangian's move in training
        weights = objective.weights.items()
        identity["objective"] = {term.name: "moves" if isinstance(w, Tensor) else float(w) for term, w in weights}
    return identity


def _fingerprint(x: Tensor) -> str:
    return f"{tuple(x.shape)} crc32 {zlib.crc32(x[:1000].cpu().numpy().tobytes()):08x}"


def _total(losses: dict[str, Loss], player: Player) -> float:
    return losses[player.name].total.mean().item()
