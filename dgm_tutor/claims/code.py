"""Which code a claim's numbers come from, so that those kept from before a change elsewhere still count."""

import ast
import hashlib
import importlib.util
from collections.abc import Callable
from functools import cache
from pathlib import Path

import torch

from dgm_tutor.models.registry import RECIPES

PACKAGE, REGISTRY = "dgm_tutor", "dgm_tutor.models.registry"


@cache
def fingerprint(module: str) -> str:
    """Changes with torch and with every file that the claim's module reaches: numbers from before no longer count."""
    names = reached(module) | {f"{PACKAGE}.claims.run"}  # which seeds it
    sources = b"".join(_path(name).read_bytes() for name in sorted(names))
    return hashlib.sha256(sources + torch.__version__.encode()).hexdigest()[:16]


def reached(module: str) -> set[str]:
    """The modules of this package that ``module`` imports at its top level, those that they import, and itself.

    Imports inside functions are left out: those of GPU kernels, whose numbers are their torch twins', and of what a
    package only offers, such as ``models.table()``. The registry imports every recipe; of these, the ones that the
    claim's own modules name count, as in ``models.create("vae")``, and what they import.
    """
    claims = f"{PACKAGE}.claims.c"
    own = _closure(module, lambda source, target: target.startswith(claims) and target[len(claims) :].isdigit())
    named = {node.value for name in own for node in ast.walk(_tree(name)) if isinstance(node, ast.Constant)}

    def counts(source: str, target: str) -> bool:
        recipe = target.rpartition(".")[2]
        return source != REGISTRY or recipe not in RECIPES or recipe in named

    return _closure(module, counts)


def _closure(module: str, counts: Callable[[str, str], bool]) -> set[str]:
    found, ahead = {module}, [module]
    while ahead:
        source = ahead.pop()
        new = {target for target in _imports(source) if counts(source, target)} - found
        found |= new
        ahead += new
    return found


@cache
def _imports(module: str) -> frozenset[str]:
    """The modules of this package that a module's top level imports."""
    found = set()
    package = module if _path(module).name == "__init__.py" else module.rpartition(".")[0]
    for node in _tree(module).body:
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            base = importlib.util.resolve_name("." * node.level + (node.module or ""), package)
            found |= {base, *(f"{base}.{alias.name}" for alias in node.names)}
    return frozenset(name for name in found if name.split(".")[0] == PACKAGE and _path(name))


@cache
def _path(module: str) -> Path | None:
    """The module's file; None where there is none of that name (it is a function or a class)."""
    try:
        spec = importlib.util.find_spec(module)
    except ModuleNotFoundError:  # "a.b" is no package, so "a.b.c" is a name in it
        return None
    return Path(spec.origin) if spec and spec.origin else None


@cache
def _tree(module: str) -> ast.Module:
    return ast.parse(_path(module).read_text())
