"""The lecture's derivations D1 to D17 as objects: what is printed is what was checked on exact worlds.

>>> d16 = get("D16")                       # rendered line by line in a notebook
>>> print(d16.check())                     # every line on many random worlds
>>> d16.check_line(3, {"mi_q": "beta - 1", "kl_aggregate": "beta", "kl_likelihood": 1, "entropy_data": 1})
"""

from .check import Counterexample, LineReport, Report, Verdict
from .coefficients import Parameter
from .d11 import D11
from .d12 import D12
from .d16 import D16
from .derivation import Derivation, Equality, Line, Rendered, Slip
from .terms import TERMS, Term
from .worlds import altered, finite_worlds, generic_worlds, variational_worlds

_ALL = {derivation.name: derivation for derivation in (D11, D12, D16)}


def names() -> list[str]:
    """The derivations there are."""
    return list(_ALL)


def get(name: str) -> Derivation:
    """The derivation called ``name``, such as "D16". Raises ValueError for one that is not there."""
    if name not in _ALL:
        raise ValueError(f"there is no derivation {name!r}; there are {', '.join(_ALL)}")
    return _ALL[name]


__all__ = [
    "TERMS",
    "Counterexample",
    "Derivation",
    "Equality",
    "Line",
    "LineReport",
    "Parameter",
    "Rendered",
    "Report",
    "Slip",
    "Term",
    "Verdict",
    "altered",
    "finite_worlds",
    "generic_worlds",
    "get",
    "names",
    "variational_worlds",
]
