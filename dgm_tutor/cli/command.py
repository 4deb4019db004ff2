"""What a command is."""

import argparse
import json
from collections.abc import Callable
from dataclasses import dataclass
from pkgutil import resolve_name


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
    """Print rows of one shape as JSON, or as a table."""
    if as_json:
        print(json.dumps(rows, indent=2))
        return
    cells = [list(rows[0]), *([_cell(value) for value in row.values()] for row in rows)] if rows else []
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    for row in cells:
        print("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())


def _cell(value: object) -> str:
    return f"{value:.4f}" if isinstance(value, float) else str(value)
