"""Neural networks on a finite world: small enough that every term of their loss is also an exact sum."""

from collections.abc import Sequence

import torch
from torch import Tensor

from dgm_tutor.components import CategoricalHead, Table, mlp
from dgm_tutor.exact import FiniteWorld
from dgm_tutor.models.latent import LatentVariableModel
from dgm_tutor.objectives import ExactDraw, Loss, distortion, rate


def finite_vae(x_count: int, z_count: int, *, beta: float = 1.0, hidden: Sequence[int] = (16,)) -> LatentVariableModel:
    """A beta-VAE over one-hot x and z, with a uniform prior and networks for q(z|x) and p(x|z), float64."""
    model = LatentVariableModel(
        prior=Table(torch.full((z_count,), 1 / z_count)).requires_grad_(False),
        decoder=CategoricalHead(mlp([z_count, *hidden, x_count])),
        posterior=CategoricalHead(mlp([x_count, *hidden, z_count])),
        objective=distortion + beta * rate,
        x_dim=x_count,
    )
    return model.double()


def exact_draw(model: LatentVariableModel, p_data: Tensor, axes: Sequence[int] | None = None) -> ExactDraw:
    """Every x and z of the model's world, for any objective: ``objective(exact_draw(model, p_data))``.

    ``axes`` are the sizes of z's axes, which objectives over its dimensions ask for.
    """
    return ExactDraw(model, torch.eye(len(p_data), dtype=torch.float64), p_data, axes)


def exact_loss(model: LatentVariableModel, p_data: Tensor, axes: Sequence[int] | None = None) -> Loss:
    """The model's loss with its expectations summed out, not sampled; p_data (n,) over the n symbols."""
    return model.objective(exact_draw(model, p_data, axes))


def exact_world(model: LatentVariableModel, p_data: Tensor) -> FiniteWorld:
    """The finite world whose tables are what the model's networks say, differentiable in their parameters."""
    prior = model.prior().probs
    every_x, every_z = (torch.eye(n, dtype=torch.float64) for n in (len(p_data), len(prior)))
    return FiniteWorld(
        p={"z": prior, "x | z": model.decoder(every_z).probs.mT},
        q={"x": p_data, "z | x": model.posterior(every_x).probs.mT},
    )


def table_model(world: FiniteWorld) -> LatentVariableModel:
    """A model whose components are the tables of a world over x and z, float64; p_data is the world's.

    Where z has several axes, a symbol z is a combination of their values, the last axis varying fastest.

    It has a ``density()`` too, p_theta(x), as a flow has: every objective of the lecture can be asked of it.
    """
    z = len(world.z)
    prior = world.prior.probs.flatten()
    decoder, posterior = world.decoder.probs.flatten(1).mT, world.posterior.probs.flatten(0, z - 1).mT
    model = LatentVariableModel(Table(prior), Table(decoder), Table(posterior), distortion + rate, decoder.shape[-1])
    model.density = Table(world.model.probs)
    return model
