"""The data sets by name."""

from __future__ import annotations

import difflib
from collections.abc import Callable
from dataclasses import dataclass

import torch

from . import colour, embedded, full, sprites
from .core import Dataset, Split
from .densities import DENSITIES

DIGITS = tuple("0123456789")
CLOTHES = (
    *("T-shirt/top", "trouser", "pullover", "dress", "coat"),
    *("sandal", "shirt", "sneaker", "bag", "ankle boot"),
)


@dataclass(frozen=True)
class Entry:
    """One line of the catalogue. ``shape`` is one example's; ``train`` and ``test`` count examples."""

    splits: Callable[[torch.Generator], tuple[Split, Split]]
    shape: tuple[int | str, ...]
    train: int
    test: int
    license: str
    source: str
    classes: tuple[str, ...] = ()


def _images(name: str) -> Callable[[torch.Generator], tuple[Split, Split]]:
    def splits(_: torch.Generator) -> tuple[Split, Split]:
        x, y, test_x, test_y = embedded.images(name)
        return Split(x, y), Split(test_x, test_y)

    return splits


def _chorales(_: torch.Generator) -> tuple[Split, Split]:
    return embedded.chorales()


def _sprites(generator: torch.Generator) -> tuple[Split, Split]:
    factors = sprites.all_factors()
    factors = factors[torch.randperm(len(factors), generator=generator)]
    known = {"factor_names": sprites.NAMES, "factor_sizes": sprites.SIZES}
    train, test = factors.split([_SPRITES_TRAIN, len(factors) - _SPRITES_TRAIN])
    return tuple(Split(sprites.render(half), factors=half, **known) for half in (train, test))


def _colour_digits(generator: torch.Generator) -> tuple[Split, Split]:
    x, y, test_x, test_y = embedded.images("mnist")
    return _coloured(x, y, generator), _coloured(test_x, test_y, generator)


def _coloured(x: torch.Tensor, y: torch.Tensor, generator: torch.Generator) -> Split:
    factors = colour.draw_factors(len(x), generator)
    views = colour.modalities(x, factors)
    return Split(views["colour"], y, factors, colour.FACTOR_NAMES, colour.FACTOR_SIZES, views)


def _density(name: str) -> Entry:
    def splits(generator: torch.Generator) -> tuple[Split, Split]:
        return tuple(Split(*DENSITIES[name].sample(n, generator)) for n in (10_000, 2_000))

    return Entry(splits, (2,), 10_000, 2_000, "MIT", "drawn from its exact density by dgm-tutor")


_SPRITES_TRAIN = 20_480
_MNIST = ("CC BY-SA 3.0", "MNIST: LeCun, Cortes and Burges, http://yann.lecun.com/exdb/mnist/")
_ENTRIES: dict[str, Entry] = {
    "mnist": Entry(_images("mnist"), (28, 28), 10_000, 2_000, *_MNIST, classes=DIGITS),
    "fashion": Entry(
        _images("fashion"),
        (28, 28),
        6_000,
        1_000,
        "MIT, (c) 2017 Zalando SE",
        "Fashion-MNIST: Xiao, Rasul and Vollgraf 2017, https://github.com/zalandoresearch/fashion-mnist",
        classes=CLOTHES,
    ),
    "chorales": Entry(
        _chorales,
        ("time", 4),
        294,
        74,
        "music in the public domain; name the source",
        "J. S. Bach's four-voice chorales, from the scores of the music21 corpus and its encoders",
    ),
    "sprites": Entry(
        _sprites,
        (3, 16, 16),
        _SPRITES_TRAIN,
        4_096,
        "MIT",
        "rendered by dgm-tutor, after dSprites (Matthey et al. 2017)",
    ),
    "colour_digits": Entry(
        _colour_digits,
        (3, 28, 28),
        10_000,
        2_000,
        _MNIST[0],
        f"coloured by dgm-tutor from {_MNIST[1]}",
        classes=DIGITS,
    ),
} | {name: _density(name) for name in DENSITIES}


def names() -> list[str]:
    """The names that ``load`` knows."""
    return list(_ENTRIES)


def load(name: str, full: bool = False, seed: int = 0) -> Dataset:
    """A data set by name. Nothing is downloaded unless ``full=True``, which "mnist" and "fashion" have.

    ``seed`` settles what is drawn: the points of a density, the colours of digits, the sprites' split. The
    embedded sets (mnist, fashion, chorales) are the same for every seed.

    Raises ValueError for an unknown name or for ``full=True`` where the set has no larger version, and
    DownloadError where a full set is neither in the cache nor to be had from any mirror.
    """
    entry = _entry(name)
    train, test = _full(name) if full else entry.splits(torch.Generator().manual_seed(seed))
    return Dataset(name, train, test, entry.license, entry.source, entry.classes, DENSITIES.get(name))


def _entry(name: str) -> Entry:
    if name in _ENTRIES:
        return _ENTRIES[name]
    close = difflib.get_close_matches(str(name).lower(), _ENTRIES, n=1, cutoff=0.5)
    hint = f" Did you mean {close[0]!r}?" if close else ""
    raise ValueError(f"unknown data set {name!r}.{hint} Known: {', '.join(_ENTRIES)}")


def _full(name: str) -> tuple[Split, Split]:
    if name not in full.SETS:
        more = f": draw as many as you like with data.densities.{name}.sample(n)" if name in DENSITIES else ""
        raise ValueError(
            f"{name!r} has no larger version than data.load({name!r}){more}. full=True is for: {', '.join(full.SETS)}"
        )
    x, y, test_x, test_y = full.load_full(name)
    return Split(x, y), Split(test_x, test_y)


def _state(name: str) -> str:
    if name not in full.SETS:
        return "none"
    return "cached" if full.is_cached(name) else "not downloaded"


def describe() -> list[dict[str, object]]:
    """One dict a data set: name, train, test, shape, license, source and ``full``.

    ``full`` is "cached", "not downloaded" or "none" (no larger version). Reads no data.
    """
    return [
        {
            "name": name,
            "train": entry.train,
            "test": entry.test,
            "shape": entry.shape,
            "license": entry.license,
            "source": entry.source,
            "full": _state(name),
        }
        for name, entry in _ENTRIES.items()
    ]
