"""Flow (section 0): x = f(z), z ~ N(0, I), f invertible; log p(x) is exact, and maximised."""

from collections.abc import Sequence

from dgm_tutor.components import StandardNormal
from dgm_tutor.components.flows import FlowPrior, Stack, maf, naf, real_nvp
from dgm_tutor.models.density import DensityModel

TRANSFORMS = {"maf": maf, "naf": naf, "real_nvp": real_nvp}


def flow(
    *, x_dim: int = 2, transform: str = "real_nvp", layers: int = 8, hidden: Sequence[int] = (64, 64)
) -> DensityModel:
    """Loss: -log p(x), exact.

    Args:
        x_dim: dimensions of x, and so of z.
        transform: "real_nvp" (density and sampling fast), "maf" (sampling slow) or "naf" (slower still, by bisection).
        layers: of the transform.
        hidden: sizes of the hidden layers in each.
    """
    return DensityModel(FlowPrior(StandardNormal(x_dim), transform_named(transform, x_dim, layers, hidden)), x_dim)


def transform_named(name: str, dim: int, layers: int, hidden: Sequence[int]) -> Stack:
    """The transform of that name in ``dim`` dimensions. ValueError, with the names there are, for another."""
    if name not in TRANSFORMS:
        raise ValueError(f"unknown transform {name!r}: expected one of {', '.join(TRANSFORMS)}")
    return TRANSFORMS[name](dim, layers, hidden)
