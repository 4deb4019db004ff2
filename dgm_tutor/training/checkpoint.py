"""Checkpoints: weights, optimisers, random state and history in one safetensors file."""

import json
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor, nn

from dgm_tutor.files import write_safetensors
from dgm_tutor.training.history import History


class Checkpoint:
    """The state of one run, kept at ``path``; with no path, nothing is kept.

    ``run`` is what identifies the run: a file of another run is refused, never overwritten.
    """

    def __init__(
        self,
        path: str | Path | None,
        model: nn.Module,
        optimizers: dict[str, torch.optim.Optimizer],
        run: dict,
    ):
        self.path = Path(path) if path else None
        if self.path and self.path.is_dir():
            raise ValueError(f"{self.path} is a folder: expected a file, such as runs/vae.safetensors")
        self.model, self.optimizers = model, optimizers
        self.run = json.loads(json.dumps(run, default=str))  # as it is read back: lists for tuples, words for a module

    def save(self, step: int, history: History) -> None:
        """Replace the file by the present state, atomically."""
        if not self.path:
            return
        tensors = {f"model/{key}": value for key, value in self.model.state_dict().items()}
        for player, optimizer in self.optimizers.items():
            for index, state in optimizer.state_dict()["state"].items():
                tensors |= {f"optimizer/{player}/{index}/{key}": value for key, value in state.items()}
        tensors |= {f"history/{key}": value for key, value in history.state().items()}
        tensors["rng/cpu"] = torch.get_rng_state()
        if torch.cuda.is_available():
            tensors["rng/cuda"] = torch.cuda.get_rng_state()
        about = {"run": self.run, "step": step}
        tensors = {key: value.detach().cpu().contiguous() for key, value in tensors.items()}
        write_safetensors(self.path, tensors, {"dgm_tutor": json.dumps(about)})

    def resume(self, history: History) -> tuple[int, History]:
        """Put the saved state back: the steps done, and their history. Without a file: 0 and the empty one."""
        if not self.path or not self.path.exists():
            return 0, history
        about, tensors = self._read()
        if about.get("run") != self.run:
            raise ValueError(
                f"{self.path} is a checkpoint of another run ({_differences(about.get('run') or {}, self.run)}): "
                "give this run another file, or move that one away"
            )
        try:
            self.model.load_state_dict(_under("model/", tensors))
        except RuntimeError as error:
            raise ValueError(f"{self.path} is a checkpoint of another model: {error}") from error
        for player, optimizer in self.optimizers.items():
            state: dict[int, dict[str, Tensor]] = {}
            for key, value in _under(f"optimizer/{player}/", tensors).items():
                index, name = key.split("/")
                state.setdefault(int(index), {})[name] = value
            optimizer.load_state_dict({**optimizer.state_dict(), "state": state})
        torch.set_rng_state(tensors["rng/cpu"])
        if "rng/cuda" in tensors and torch.cuda.is_available():
            torch.cuda.set_rng_state(tensors["rng/cuda"])
        return about["step"], History.from_state(_under("history/", tensors))

    def _read(self) -> tuple[dict, dict[str, Tensor]]:
        try:
            with safe_open(self.path, framework="pt") as file:
                about = json.loads((file.metadata() or {}).get("dgm_tutor", "{}"))
                return about, {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118 (not a dict)
        except SafetensorError as error:
            raise ValueError(f"{self.path} is no checkpoint ({error}): give this run another file") from error


def _under(prefix: str, tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    return {key.removeprefix(prefix): value for key, value in tensors.items() if key.startswith(prefix)}


def _differences(theirs: dict, ours: dict) -> str:
    keys = dict.fromkeys([*ours, *theirs])
    changed = [f"{k} {theirs.get(k)!r} there, {ours.get(k)!r} here" for k in keys if theirs.get(k) != ours.get(k)]
    return ", ".join(changed) or "written by another program"
