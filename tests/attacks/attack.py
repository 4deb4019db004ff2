"""What a record of the catalogue is."""

from collections.abc import Callable
from dataclasses import dataclass, field

SCRIPT = "<script>fetch('http://evil.example/')</script><img src=x onerror=evil()><iframe src='http://evil.example'>"


@dataclass(frozen=True)
class Attack:
    """Cells put first, answers in the place of the right ones, files beside it, or an edit of the whole notebook.

    `outcome`: `nothing` (no marks), `refused` (none, all flagged with a reason), `kept` (full marks, no flag),
    `any` (whatever the answers earn: the rest must hold).
    """

    name: str
    kind: str
    outcome: str
    cells: tuple[str, ...] = ()
    answers: dict[str, str] | None = None  # None: right ones
    files: dict[str, str] = field(default_factory=dict)
    edit: Callable[[dict], object] | None = None  # returns the notebook or text in its place, or None if done in place


def cells(kind: str, outcome: str, cells: dict[str, str], solved: bool) -> list[Attack]:
    """Attacks of a kind that are one cell each, before right answers or before none."""
    return [Attack(name, kind, outcome, (text,), None if solved else {}) for name, text in cells.items()]
