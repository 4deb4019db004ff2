"""Flow (section 0): x = f(z), z ~ N(0, I), f invertible; log p(x) is exact, and maximised."""

from collections.abc import Sequence

from dgm_tutor.components import StandardNormal
from dgm_tutor.components.flows import FlowPrior, Stack, maf, multi_scale, naf, real_nvp
from dgm_tutor.models.density import DensityModel
from dgm_tutor.models.pixelcnn import square


def _images(x_dim: int, layers: int, hidden: Sequence[int]) -> Stack:
    return multi_scale((1, *square(x_dim)), channels=hidden[0])


TRANSFORMS = {"maf": maf, "naf": naf, "real_nvp": real_nvp, "multi_scale": _images}


def flow(
    *, x_dim: int = 2, transform: str = "real_nvp", layers: int = 8, hidden: Sequence[int] = (64, 64)
) -> DensityModel:
    """Loss: -log p(x), exact.

    Args:
        x_dim: dimensions of x, and so of z.
        transform: "real_nvp" (density and sampling fast), "maf" (sampling slow) or "naf" (slower still, by bisection);
            "multi_scale" is Real NVP for square images of x_dim pixels, with convolutions.
        layers: of the transform; the image's size gives those of "multi_scale".
        hidden: sizes of the hidden layers in each; the first gives the channels of "multi_scale".
    """
    return DensityModel(FlowPrior(StandardNormal(x_dim), transform_named(transform, x_dim, layers, hidden)), x_dim)


def transform_named(name: str, dim: int, layers: int, hidden: Sequence[int]) -> Stack:
    """The transform of that name for vectors of ``dim``. ValueError, with the names there are, for another."""
    if name not in TRANSFORMS:
        raise ValueError(f"unknown transform {name!r}: expected one of {', '.join(TRANSFORMS)}")
    return TRANSFORMS[name](dim, layers, hidden)
