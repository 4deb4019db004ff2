"""Data: small real sets and generated ones that travel with the package, and full sets on request.

::

    from dgm_tutor import data
    digits = data.load("mnist")                 # 10,000 + 2,000 embedded images, offline
    x = data.binarise(digits.train.pixels())    # (10000, 28, 28) of 0 and 1
    data.load("mnist", full=True)               # 60,000 + 10,000, fetched once, verified always
"""

from . import chorales, densities, sprites
from .catalogue import describe, load, names
from .core import Dataset, Split, binarise, dequantise
from .fetch import DownloadError
from .full import cache_folder
from .sequences import padded, windows

__all__ = [
    "Dataset",
    "DownloadError",
    "Split",
    "binarise",
    "cache_folder",
    "chorales",
    "densities",
    "dequantise",
    "describe",
    "load",
    "names",
    "padded",
    "sprites",
    "windows",
]
