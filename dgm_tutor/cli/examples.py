"""What of a data set a model is given: training and evaluation ask here, and are told the same."""

import inspect
from collections.abc import Callable

import torch
from torch import Tensor

from dgm_tutor import data
from dgm_tutor.data import Split, chorales, pairs
from dgm_tutor.models.registry import RECIPES

Examples = tuple[Tensor, dict, Callable[[Tensor], Tensor] | None]
CONTINUOUS = ("flow", "flow_gan")  # densities: grey levels are spread over their cells


def examples(name: str, dataset: str, split: Split, settings: dict) -> Examples:
    """x as (n, D), the settings that the data decide, and what makes a batch of x fit the model's likelihood.

    ValueError for data that the model has no use for, with what it wants.
    """
    known = inspect.signature(RECIPES[name]).parameters if name in RECIPES else {}
    if split.length is not None and known:
        return _stretches(name, dataset, split, settings)
    if name == "mvae":
        return _modalities(dataset, split)
    if name == "labelled_aae":
        return _labelled(dataset, split, settings)
    images = split.x.dtype == torch.uint8
    x = (split.pixels() if images else split.x).flatten(1)
    decided = {"x_dim": x.shape[1]} if "x_dim" in known and "steps" not in known else {}
    if "examples" in known:  # whose estimates weigh a batch as a part of all examples
        decided["examples"] = len(x)
    if images and name in CONTINUOUS:
        return x, decided, data.dequantise
    binary = settings.get("likelihood", "bernoulli") == "bernoulli"
    return x, decided, data.binarise if images and binary else None


def _stretches(name: str, dataset: str, split: Split, settings: dict) -> Examples:
    """Chorales as stretches of one-hot symbols, four bars long unless the model's steps say otherwise."""
    takers = [taker for taker, recipe in RECIPES.items() if "steps" in inspect.signature(recipe).parameters]
    if name not in takers:
        raise ValueError(f"{name} takes no sequences, and {dataset} are sequences: use one of {', '.join(takers)}")
    decided = {"x_dim": chorales.SYMBOLS, "likelihood": "categorical", "steps": settings.get("steps", 32)}
    if name == "vrnn":
        decided["warm_up"] = 200  # steps, without which z stays empty on chorales
    x = data.padded(chorales.one_hot(split.x), split.length)
    return data.windows(x, decided["steps"]).flatten(1), decided, None


def _modalities(dataset: str, split: Split) -> Examples:
    """A digit and its label, or the three views of a coloured digit."""
    if split.modalities:
        return pairs.views(split), {"modalities": "colour_grey_edges"}, None
    if not _has_labelled_digits(split):
        raise ValueError(f"mvae takes several modalities, and {dataset} has one: use mnist, fashion or colour_digits")
    return pairs.digits_and_labels(split), {"modalities": "digit_label"}, pairs.binarised


def _labelled(dataset: str, split: Split, settings: dict) -> Examples:
    """A digit with its label, as ``LabelledAAE.join`` puts them: every label is known."""
    if not _has_labelled_digits(split):
        raise ValueError(f"labelled_aae takes images with labels, and {dataset} are none: use mnist or fashion")
    binary = settings.get("likelihood", "bernoulli") == "bernoulli"
    decided = {"x_dim": 28 * 28, "classes": pairs.LABELS}
    return pairs.digits_and_labels(split), decided, pairs.binarised if binary else None


def _has_labelled_digits(split: Split) -> bool:
    return split.y is not None and split.x.shape[1:] == (28, 28)
