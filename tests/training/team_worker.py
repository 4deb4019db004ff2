"""What each process of tests/training/test_team.py runs: train small models together, keep weights and losses."""

import os
import signal
import sys
from pathlib import Path

import torch
from lightning_fabric import Fabric
from safetensors.torch import save_file

from dgm_tutor import data, models, training

SMALL = {"x_dim": 16, "z_dim": 2}
MODELS = {
    "vae": {**SMALL, "hidden": (8,)},
    "aae": {**SMALL, "hidden": (8,)},  # two players
    "pixel_vae": {**SMALL, "channels": 4, "warm_up": 10},  # annealed: a backward pass counts
}
STEPS = 24


def images() -> torch.Tensor:
    return torch.rand(64, 16, generator=torch.Generator().manual_seed(0))


def train(name: str, fabric=None, shards: int | None = None, die_at: int = 0, **settings) -> dict[str, torch.Tensor]:
    """Weights and losses; at the ``die_at``-th batch the process kills itself."""
    calls = []

    def transform(x: torch.Tensor) -> torch.Tensor:
        calls.append(1)
        if len(calls) == die_at:
            os.kill(os.getpid(), signal.SIGKILL)
        return data.binarise(x)

    model = models.create(name, **MODELS[name])
    how = {"steps": STEPS, "batch_size": 16, "lr": 1e-2, "device": "cpu", "progress": False}
    history = training.fit(model, images(), transform=transform, fabric=fabric, shards=shards, **how, **settings)
    losses = {f"history/{column}": history[column] for column in history.columns}
    return {key: value.contiguous() for key, value in {**model.state_dict(), **losses}.items()}


def main() -> None:
    folder, names, killed = Path(sys.argv[1]), sys.argv[2].split(","), sys.argv[3:] == ["killed"]
    torch.set_num_threads(1)
    fabric = Fabric(accelerator="cpu", strategy="ddp", devices=int(os.environ["LOCAL_WORLD_SIZE"]))
    fabric.launch()
    mark = folder / "died"
    die_at = 15 if killed and fabric.global_rank == 1 and not mark.exists() else 0
    if die_at:
        mark.touch()
    for name in names:
        kept = {"checkpoint": folder / f"{name}.checkpoint.safetensors", "checkpoint_every": 5} if killed else {}
        result = train(name, fabric, die_at=die_at, **kept)
        save_file(result, folder / f"{name}.{fabric.global_rank}.safetensors")
    torch.distributed.destroy_process_group()


if __name__ == "__main__":
    main()
