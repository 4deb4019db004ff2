"""The operation: the twin, or the kernel where it is asked for by name; opaque to ``torch.compile``; no gradient."""

import os

import torch
from torch import Tensor

from dgm_tutor.kernels.backend import backend, refuse
from dgm_tutor.kernels.pixel_row.torch import Row, Weights

FAMILIES = ("binary", "categorical", "logistic")
"""The draws that the kernel knows: u < sigmoid(raw), a place among softmax(raw), ``logistic_mixture``'s."""


def sample_row(row: Row, contexts: list[Tensor], noise: Tensor) -> Tensor:
    """x (width, n, *event) from noise of that shape and what each layer's gates are told, (width, n, 2 C).

    The kernel runs only with DGM_BACKEND=triton, as it has not been measured on a GPU yet; with that alone,
    ``cached_sample`` draws whole images (``pixel_image``), and comes here to record rows (DGM_CUDA_GRAPHS=1).

    Raises:
        BackendError: DGM_BACKEND=triton, and ``row.pixels.family`` is not among ``FAMILIES`` or the network too large.
    """
    if os.environ.get("DGM_BACKEND") == "triton" and backend(noise, *contexts) == "triton":
        from dgm_tutor.kernels.pixel_row import triton

        family = row.pixels.family
        reason = triton.refusal(family, row.weights, len(noise))
        if reason is None:
            return _sample_row(family, row.pixels.levels, torch.stack(contexts), noise, list(row.weights))
        refuse(reason)
    return row.sample(contexts, noise)


@torch.library.custom_op("dgm_tutor::pixel_row", mutates_args=())
def _sample_row(family: str, levels: int, contexts: Tensor, noise: Tensor, weights: list[Tensor]) -> Tensor:
    from dgm_tutor.kernels.pixel_row import triton

    return triton.sample_row(family, levels, contexts, noise, Weights(*weights))


@_sample_row.register_fake
def _(family: str, levels: int, contexts: Tensor, noise: Tensor, weights: list[Tensor]) -> Tensor:
    return noise.new_empty(noise.shape)
