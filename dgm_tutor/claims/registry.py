"""The claims that there are, by number."""

import difflib
import importlib
from pathlib import Path

from dgm_tutor.claims.claim import Claim


def names() -> list[str]:
    """The numbers of all claims, in the lecture's order."""
    modules = sorted(path.stem for path in Path(__file__).parent.glob("c[0-9][0-9].py"))
    return [f"C{int(module[1:])}" for module in modules]


def get(number: str) -> Claim:
    """The claim of that number; only its own module is imported.

    Raises:
        ValueError: there is none of that number.
    """
    if number not in names():
        close = difflib.get_close_matches(str(number).upper(), names(), n=1)
        hint = f"; did you mean {close[0]}?" if close else ""
        raise ValueError(f"unknown claim {number!r}, expected one of {', '.join(names())}{hint}")
    return importlib.import_module(f"dgm_tutor.claims.c{int(number[1:]):02d}").CLAIM
