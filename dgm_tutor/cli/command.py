"""What a command is."""

import argparse
import json
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from pkgutil import resolve_name

from dgm_tutor.columns import columns, room


@dataclass(frozen=True)
class Command:
    """A name, a line of help, its arguments, and what it does: ``run(args)`` returns the exit code."""

    name: str
    help: str
    add_arguments: Callable[[argparse.ArgumentParser], None]
    run: Callable[[argparse.Namespace], int]


def later(name: str, help: str, place: str) -> Command:
    """The command at `place` ("module:NAME"), imported when it is used: importing torch takes seconds."""
    return Command(
        name,
        help,
        lambda parser: resolve_name(place).add_arguments(parser),
        lambda args: resolve_name(place).run(args),
    )


def add_json(parser: argparse.ArgumentParser) -> None:
    """The --json switch of every command that prints results."""
    parser.add_argument("--json", action="store_true", help="print the result as JSON, for scripts")


def show(rows: list[dict], as_json: bool) -> None:
    """Print rows of one shape as JSON, or as a table: folded to a terminal's width, one line a row for a pipe.

    What is said on stderr after it is read after it, wherever the two go.
    """
    if as_json:
        print(json.dumps(rows, indent=2), flush=True)
    elif rows:
        print(columns([{key: _cell(value) for key, value in row.items()} for row in rows], room()), flush=True)


def _cell(value: object) -> str:
    return f"{value:.4f}" if isinstance(value, float) else str(value)


def wrote(path: Path, what: str = "") -> None:
    """Say on stderr, which is no result, that a file is there: every command that writes one does, in these words."""
    print(f"Wrote {path}{f': {what}' if what else ''}", file=sys.stderr)
