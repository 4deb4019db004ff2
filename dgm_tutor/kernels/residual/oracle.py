"""The stacks in float64, their log-determinants from the whole Jacobian by autograd: slow, and plainly right."""

from collections.abc import Callable

import torch
from torch import Tensor


def planar_stack(z: Tensor, u: Tensor, w: Tensor, b: Tensor, gain: Tensor) -> tuple[Tensor, Tensor]:
    """z' (N, D) and log |det dz'/dz| (N,), for z (N, D), u and w (K, N, D), b (K, N). ``gain`` is 1 + w.u, unused."""
    return _mapped(lambda z, u, w, b: z + u * torch.tanh(w @ z + b), z, u, w, b)


def radial_stack(z: Tensor, centre: Tensor, alpha: Tensor, gain: Tensor) -> tuple[Tensor, Tensor]:
    """As ``planar_stack``, for centre (K, N, D), alpha and gain (K, N)."""

    def one(z: Tensor, centre: Tensor, alpha: Tensor, gain: Tensor) -> Tensor:
        return z + (gain - alpha) * (z - centre) / (alpha + torch.linalg.vector_norm(z - centre))

    return _mapped(one, z, centre, alpha, gain)


def _mapped(one: Callable, z: Tensor, *parameters: Tensor) -> tuple[Tensor, Tensor]:
    """All maps in turn, point by point."""
    points, log_dets = [], []
    for i in range(len(z)):
        mine = [p[:, i].double() for p in parameters]

        def stack(point: Tensor, mine: list[Tensor] = mine) -> Tensor:
            for of_map in zip(*mine, strict=True):
                point = one(point, *of_map)
            return point

        points.append(stack(z[i].double()))
        log_dets.append(torch.autograd.functional.jacobian(stack, z[i].double(), create_graph=True).slogdet()[1])
    return torch.stack(points), torch.stack(log_dets)
