"""Sweeps: many models of one shape trained at once, as a stack with one batched product a layer."""

import copy
from collections.abc import Sequence

import torch
from torch import Tensor, nn

from dgm_tutor.components import GaussianHead, Linear
from dgm_tutor.objectives import Objective, Player
from dgm_tutor.training.fit import fit
from dgm_tutor.training.history import History

ONE_BY_ONE = "train these models one by one: with fit, or on the command line with sweep --scheduler local"


def sweep(models: Sequence[nn.Module], data, **settings) -> History:
    """Train models that differ in weights, numeric settings or initialisation, all on the same batches and noise.

    Each ends as if it had been trained alone with the same seed (up to rounding). History columns have one value
    per model. Settings are those of ``fit``, resuming included.

    Raises:
        ValueError: models that cannot be stacked; says which layer or objective, and to train those one by one with
            ``fit``.
    """
    ensemble = Ensemble(models)
    history = fit(ensemble, data, **settings)
    ensemble.unstack_into(models)
    return history


class Ensemble(nn.Module):
    """Models of one shape as one model whose parameters have a leading dimension, one slice a model."""

    def __init__(self, models: Sequence[nn.Module]):
        super().__init__()
        if not models:
            raise ValueError("expected at least one model to train, got none")
        self.stacked = _stack(models)
        self.name = f"{len(models)} x {getattr(models[0], 'name', '')}"
        self.settings = {"models": [getattr(model, "settings", {}) for model in models]}

    def players(self) -> list[Player]:
        return self.stacked.players()

    def checked(self, x: Tensor) -> Tensor:
        return self.stacked.checked(x)

    def unstack_into(self, models: Sequence[nn.Module]) -> None:
        """Copy each slice back into its model."""
        state = self.stacked.state_dict()
        for index, model in enumerate(models):
            model.load_state_dict({key: value[index] for key, value in state.items()})
            model.eval()


def _stack(models: Sequence[nn.Module]) -> nn.Module:
    first = models[0]
    stacked = copy.deepcopy(first)
    named = [dict(model.named_modules()) for model in models]
    for path, module in stacked.named_modules():
        parameters = list(module.named_parameters(recurse=False))
        if parameters and not isinstance(module, Linear):
            raise ValueError(f"{path} ({type(module).__name__}) cannot be stacked: {ONE_BY_ONE}")
        for key, _ in parameters:
            slices = [getattr(modules[path], key).detach() for modules in named]
            if len({s.shape for s in slices}) > 1:
                raise ValueError(f"{path}.{key} has shapes {[tuple(s.shape) for s in slices]}: expected one shape")
            setattr(module, key, nn.Parameter(torch.stack(slices)))
        if isinstance(module, GaussianHead):
            module.stacked = True
    stacked.objective = _stack_objectives([model.objective for model in models])
    return stacked


def _stack_objectives(objectives: Sequence[Objective]) -> Objective:
    """One objective whose weights are columns (models, 1), so that they meet values of shape (models, n)."""
    if stateful := [str(o) for o in objectives if isinstance(o, nn.Module)]:  # annealing counts one model's steps
        raise ValueError(
            f"an objective with a state of its own, such as an annealed one, cannot be stacked ({stateful[0]}): "
            f"{ONE_BY_ONE}, or without annealing (warm_up=0)"
        )
    terms = objectives[0].weights
    if any(set(o.weights) != set(terms) for o in objectives):
        raise ValueError(
            f"objectives with terms of their own, such as an MMD's or a critic's, cannot be stacked "
            f"({'; '.join(map(str, objectives))}): {ONE_BY_ONE}"
        )
    return Objective({t: torch.tensor([float(o.weights[t]) for o in objectives]).unsqueeze(-1) for t in terms})
