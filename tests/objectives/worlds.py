"""Random finite worlds with a model of their tables, and a draw that sums over them."""

import torch

from dgm_tutor.exact import FiniteWorld
from dgm_tutor.models.finite import exact_draw, table_model


def random_world(seed: int = 0, x: int = 5, z: int = 3):
    """A world away from uniform, and the exact draw of its tables."""
    world = FiniteWorld.random(sizes={"x": x, "z": z}, generator=torch.Generator().manual_seed(seed))
    return world, exact_draw(table_model(world), world.data.probs)


def value(term, draw) -> torch.Tensor:
    """The term's expectation."""
    return (1.0 * term)(draw).total
