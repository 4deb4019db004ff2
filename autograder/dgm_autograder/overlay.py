"""A private overlay: checks and banked answers that an instructor keeps outside the course's repository.

`OVERLAY/NN-name/` lies over `course/exercises/NN-name/` while submissions are graded, and at no other time:

    checks.py      EXERCISES, QUESTIONS and PROVIDES in the place of the public ones, which it imports by
                   `from .public import EXERCISES, QUESTIONS, PROVIDES`; it may set `SEED`, of every submission's inputs
    *.py           modules that it imports, `from . import variants`
    right/, wrong/ banked answers, beside the public ones; those of the same name take their place

What the notebook says and what a question is worth stay public: an overlay holds no exercise.py, and points come from
the gradebook's master copy.
"""

import sys
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType


def part(overlay: Path, folder: Path) -> Path | None:
    """The overlay's folder for the assignment in `folder`, or None. Raises `ValueError` where it is not private."""
    overlay = overlay.resolve()
    if not overlay.is_dir():
        raise ValueError(f"the overlay {overlay} is not a folder; name one, or leave c.SealedExecute.overlay empty")
    if overlay.is_relative_to(folder.parents[1]):
        raise ValueError(f"the overlay {overlay} lies in the course's own folder: keep it outside {folder.parents[1]}")
    private = overlay / folder.name
    return private if private.is_dir() else None


def overlaid(folder: Path, overlay: Path, public: ModuleType) -> ModuleType:
    """The overlay's checks.py, or the public one where the overlay has only answers."""
    name = f"{public.__name__}_overlay"
    for old in [module for module in sys.modules if module == name or module.startswith(f"{name}.")]:
        del sys.modules[old]
    modules = {path.name for path in overlay.glob("*.py")}
    if "exercise.py" in modules or (modules and "checks.py" not in modules):
        raise ValueError(f"{overlay}: an overlay holds checks.py, modules it imports, right/ and wrong/; has {modules}")
    if not modules:
        return public
    places = [str(overlay), str(folder)]  # a module that the overlay lacks is the public one
    found = spec_from_file_location(name, overlay / "checks.py", submodule_search_locations=places)
    module = module_from_spec(found)
    sys.modules[name], sys.modules[f"{name}.public"] = module, public
    found.loader.exec_module(module)
    known, given = {e.name for e in public.EXERCISES}, {e.name for e in module.EXERCISES}
    if known != given:
        raise ValueError(f"{overlay}/checks.py has exercises {sorted(given)}; the sheet has {sorted(known)}")
    return module
