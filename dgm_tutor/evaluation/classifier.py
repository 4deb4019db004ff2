"""A small classifier of digits, trained by this project: what sample scores look through.

Published inception scores look through a network trained on ImageNet, which knows no digits; scores seen through
another network are numbers of another scale, so compare only what this one has seen. ``scripts/classifier.py`` trains
it and measures its accuracy, which lies beside its weights.
"""

import json
import math
from functools import cache
from pathlib import Path

import torch
import torch.nn.functional as F
from safetensors import safe_open
from torch import Tensor, nn

WEIGHTS = Path(__file__).parents[1] / "weights" / "classifier" / "digits.safetensors"
SIDE, CLASSES, FEATURES = 28, 10, 64


class DigitClassifier(nn.Module):
    """Square grey images (n, side * side) in [0, 1], of any side, to the logits of the ten digits (n, 10)."""

    def __init__(self):
        super().__init__()
        self.layers = nn.Sequential(
            nn.Conv2d(1, 16, 3, stride=2, padding=1),
            nn.ReLU(),
            nn.Conv2d(16, 32, 3, stride=2, padding=1),
            nn.ReLU(),
            nn.Flatten(),
            nn.Linear(32 * 7 * 7, FEATURES),
            nn.ReLU(),
        )
        self.last = nn.Linear(FEATURES, CLASSES)

    def forward(self, x: Tensor) -> Tensor:
        return self.last(self.features(x))

    def features(self, x: Tensor) -> Tensor:
        """What the last layer sees, (n, 64). ValueError as for ``resized``."""
        return self.layers(resized(x, SIDE).reshape(-1, 1, SIDE, SIDE))


def resized(x: Tensor, side: int) -> Tensor:
    """Square images (n, D) as (n, side * side): averaged where they shrink, interpolated where they grow.

    Raises:
        ValueError: x is not (n, D) of floats with a square D of at least 4, or side below 1.
    """
    given = math.isqrt(x.shape[1]) if x.dim() == 2 else 0
    if given < 2 or given * given != x.shape[1] or not x.is_floating_point():
        raise ValueError(
            f"expected flattened square images (n, side * side) of floats, got {tuple(x.shape)} of {x.dtype}; "
            "try x.flatten(1), and x / 255 for grey levels"
        )
    if side < 1:
        raise ValueError(f"side={side}: expected at least one pixel")
    images = x.reshape(-1, 1, given, given)
    how = "area" if side < images.shape[-1] else "bilinear"
    options = {} if how == "area" else {"align_corners": False}
    return F.interpolate(images, (side, side), mode=how, **options).flatten(1)


@cache
def digit_classifier() -> DigitClassifier:
    """The classifier that comes with the package, on the CPU, in evaluation mode; ``notes()`` has its accuracy."""
    with safe_open(WEIGHTS, framework="pt") as file:
        weights = {key: file.get_tensor(key).float() for key in file.keys()}  # noqa: SIM118 (not a dict)
    classifier = DigitClassifier()
    classifier.load_state_dict(weights)
    return classifier.eval().requires_grad_(False)


def notes() -> dict:
    """What was written beside the weights: the command that made them, and test accuracy by the images' side."""
    with safe_open(WEIGHTS, framework="pt") as file:
        return json.loads(file.metadata()["notes"])


@torch.no_grad()
def accuracy(classifier: nn.Module, x: Tensor, labels: Tensor) -> float:
    """The share of images (n, D) whose most probable class is their label, (n,)."""
    return (classifier(x).argmax(1) == labels).double().mean().item()
