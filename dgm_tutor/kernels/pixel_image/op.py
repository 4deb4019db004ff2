"""The operation: the kernel, where it is asked for by name; opaque to ``torch.compile``; no gradient."""

import os
from typing import Any

import torch
from torch import Tensor

from dgm_tutor.kernels.backend import backend, refuse
from dgm_tutor.kernels.pixel_image.weights import Vertical
from dgm_tutor.kernels.pixel_row import Weights


def in_one_launch(*tensors: Tensor) -> bool:
    """Whether images are to be drawn whole: with DGM_BACKEND=triton alone, as it has not been measured on a GPU yet,
    and not with DGM_CUDA_GRAPHS=1, which records rows.

    Raises:
        BackendError: DGM_BACKEND=triton, where Triton cannot run.
    """
    by_name = os.environ.get("DGM_BACKEND") == "triton" and os.environ.get("DGM_CUDA_GRAPHS") != "1"
    return by_name and backend(*tensors) == "triton"


def sample_image(pixels: Any, noise: Tensor, condition: Tensor | None, vertical: Vertical, weights: Weights) -> Tensor:
    """x (height, width, n) from noise of that shape, and condition (n, D, height, width) or None for D = 0.

    Raises:
        BackendError: ``pixels.family`` is not among ``pixel_row.FAMILIES``, or the network too large.
    """
    from dgm_tutor.kernels.pixel_row.triton import refusal

    if reason := refusal(pixels.family, weights, noise.shape[1]):
        refuse(reason)
    return _sample_image(pixels.family, pixels.levels, noise, condition, list(vertical), list(weights))


@torch.library.custom_op("dgm_tutor::pixel_image", mutates_args=())
def _sample_image(
    family: str, levels: int, noise: Tensor, condition: Tensor | None, vertical: list[Tensor], weights: list[Tensor]
) -> Tensor:
    from dgm_tutor.kernels.pixel_image import triton

    return triton.sample_image(family, levels, noise, condition, Vertical(*vertical), Weights(*weights))


@_sample_image.register_fake
def _(
    family: str, levels: int, noise: Tensor, condition: Tensor | None, vertical: list[Tensor], weights: list[Tensor]
) -> Tensor:
    return noise.new_empty(noise.shape)
