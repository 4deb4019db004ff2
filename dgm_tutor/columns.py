"""Rows of text as columns: one line a row for a file or a pipe, folded to its width for a terminal."""

import shutil
import sys
import textwrap

GAP = "  "


def room() -> int | None:
    """How wide the terminal is that output goes to, or None: a file, a pipe, a notebook."""
    return shutil.get_terminal_size().columns if sys.stdout.isatty() else None


def columns(rows: list[dict[str, str]], width: int | None = None) -> str:
    """The rows under their headings. Beyond `width`, long cells are folded at spaces, widest columns first.

    Where words are too long for that, each row is a paragraph: its first cell, then the others that are not empty.
    """
    if not rows:
        return ""
    cells = [list(rows[0]), *(list(row.values()) for row in rows)]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    floors = [max(len(word) for cell in column for word in cell.split() or [""]) for column in zip(*cells, strict=True)]
    most = sum(widths) if width is None else width - len(GAP) * (len(widths) - 1)
    if sum(floors) > most:
        return "\n".join(_paragraph(row, width) for row in rows)
    while sum(widths) > most:
        widest = max((size, index) for index, size in enumerate(widths) if size > floors[index])[1]
        widths[widest] -= 1
    return "\n".join(line for row in cells for line in _lines(row, widths))


def _lines(row: list[str], widths: list[int]) -> list[str]:
    """A row; of several lines where a cell is folded."""
    folded = [textwrap.wrap(cell, max(1, size)) for cell, size in zip(row, widths, strict=True)]
    deep = max(1, *map(len, folded))
    lines = zip(*(cell + [""] * (deep - len(cell)) for cell in folded), strict=True)
    return [GAP.join(part.ljust(size) for part, size in zip(line, widths, strict=True)).rstrip() for line in lines]


def _paragraph(row: dict[str, str], width: int) -> str:
    """A row's first cell, and the others with their headings; each is kept on one line where it fits."""
    indent, solid = "    ", "\N{NO-BREAK SPACE}"
    (_, name), *others = row.items()
    told = [f"{heading}: {cell}" for heading, cell in others if cell]
    whole = [part.replace(" ", solid) if len(part) < width - len(indent) else part for part in told]
    lines = textwrap.wrap("; ".join(whole), width, initial_indent=indent, subsequent_indent=indent)
    return "\n".join([name, *lines]).replace(solid, " ")
