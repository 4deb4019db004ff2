"""How a game is going: the players' gradients, and how well conditioned a flow is (C14)."""

import copy
from collections.abc import Callable

import torch
from torch import Tensor, nn

from dgm_tutor.components.flows import Transform


def gradient_norms(model: nn.Module) -> dict[str, Tensor]:
    """The Euclidean norm of each player's gradient, as its last step left it; players without one are left out."""
    norms = {}
    for player in model.players():
        gradients = [p.grad.norm() for p in player.parameters if p.grad is not None]
        if gradients:
            norms[player.name] = torch.stack(gradients).norm()
    return norms


def singular_values(transform: Transform, z: Tensor) -> Tensor:
    """The singular values of dx/dz, x = f(z), at each z (n, d): (n, d), float64, the largest first.

    Their product is |det dx/dz|; largest over smallest is the condition number, which float64 resolves to about 1e15.
    All d rows of the Jacobian come from one backward pass: memory O(n d^2).
    """
    f = copy.deepcopy(transform).double()
    n, d = z.shape
    points = z.detach().double().repeat_interleave(d, 0).requires_grad_()
    directions = torch.eye(d, dtype=points.dtype, device=points.device).repeat(n, 1)
    with torch.enable_grad():
        (rows,) = torch.autograd.grad(f(points)[0], points, directions)
    return torch.linalg.svdvals(rows.reshape(n, d, d))


def log_condition(transform: Transform, z: Tensor) -> Tensor:
    """log10 of the Jacobian's condition number at each z: (n,)."""
    values = singular_values(transform, z)
    return (values[:, 0] / values[:, -1]).log10()


def game_record(z: Tensor | None = None) -> Callable[[nn.Module], dict[str, Tensor]]:
    """For ``training.fit(..., record=game_record())``: columns that say how a game is going, beside its losses.

    "player/gradient norm" of each player. For a game with a flow give z (n, d), points of its base: then also
    "flow/log10 condition", "flow/log10 smallest" and "flow/log10 largest" of the singular values of the flow's
    Jacobian, medians over z.

    Raises:
        ValueError: z was given, and the model has no flow.
    """

    def record(model: nn.Module) -> dict[str, Tensor]:
        columns = {f"{player}/gradient norm": norm for player, norm in gradient_norms(model).items()}
        if z is None:
            return columns
        transform = getattr(getattr(model, "density", None), "transform", None)
        if transform is None:
            name = getattr(model, "name", type(model).__name__)
            raise ValueError(f"{name} has no flow whose Jacobian could be taken at z: use game_record()")
        values = singular_values(transform, z.to(model.device)).log10()
        return columns | {
            "flow/log10 condition": (values[:, 0] - values[:, -1]).median(),
            "flow/log10 smallest": values[:, -1].median(),
            "flow/log10 largest": values[:, 0].median(),
        }

    return record
