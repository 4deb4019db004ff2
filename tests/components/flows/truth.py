"""What every test of a flow needs: flows far from their initialisation, grids, and the list of them all."""

import torch

from dgm_tutor.components import normal
from dgm_tutor.components.flows import (
    Inverted,
    OnFirst,
    Permutation,
    Planar,
    Radial,
    Stack,
    Sylvester,
    iaf,
    maf,
    naf,
    planar,
    real_nvp,
)

TRANSFORMS = {
    "planar": lambda dim, c: planar(dim, 3, c),
    "radial": lambda dim, c: Stack(Radial(dim, c), Radial(dim, c)),
    "sylvester": lambda dim, c: Sylvester(dim, 2, c),
    "real_nvp": lambda dim, c: real_nvp(dim, 4, (12,), c),
    "maf": lambda dim, c: maf(dim, 2, (12, 12), c),
    "iaf": lambda dim, c: iaf(dim, 2, (12, 12), c),
    "naf": lambda dim, c: naf(dim, 2, (12,), 4, c),
    "mixed": lambda dim, c: Stack(
        maf(dim, 1, (12,), c),
        Permutation(torch.arange(dim).roll(1)),
        OnFirst(Radial(dim - 1, c), dim - 1),
        Inverted(Planar(dim, c)),
    ),
}


def away(module, scale=0.3, seed=0):
    """The module in float64, with parameters far from their initialisation."""
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for parameter in module.parameters():
            parameter.add_(scale * torch.randn(parameter.shape, generator=generator))
    return module.double()


def made(name, dim, context_dim=0, seed=0):
    """The transform of that name, away from initialisation, the same at each call."""
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        return away(TRANSFORMS[name](dim, context_dim), seed=seed)


def points(*shape, seed=1, scale=1.0):
    return scale * torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def base(dim):
    """A Gaussian that is not the standard one."""
    return normal(points(dim, seed=5) / 2, points(dim, seed=6).exp().clamp(0.4, 1.5))


def grid(count, reach):
    """Points of the plane (count^2, 2), and the area that each stands for."""
    line = torch.linspace(-reach, reach, count, dtype=torch.float64)
    return torch.cartesian_prod(line, line), (2 * reach / (count - 1)) ** 2
