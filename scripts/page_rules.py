"""The rules that a generated notebook keeps, each a function from the notebook to sentences about what breaks it."""

import re
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote

from nbformat import NotebookNode

LONGEST_CELL = 15  # lines of code: what fits in the eye at once
LARGEST_PAGE = 3_000_000  # bytes: GitHub and Colab still open it at once
NEEDS_NAME = ("img", "svg", "canvas")


def problems(notebook: NotebookNode, path: Path, root: Path) -> list[str]:
    """All sentences of all rules; ``path`` is the notebook's, ``root`` the repository's."""
    found = [p for rule in (no_widget_state, ran, short_cells, words_for_pictures, headings) for p in rule(notebook)]
    found += [*links(notebook, path), *no_traces(notebook, root)]
    if path.stat().st_size >= LARGEST_PAGE:
        found.append(f"{path.stat().st_size / 1e6:.1f} MB is too large, 3 MB at most; draw fewer or smaller pictures")
    return found


class Tags(HTMLParser):
    """Start tags of a piece of HTML with their attributes: ``[(tag, attributes)]``."""

    def __init__(self, html: str):
        super().__init__()
        self.found: list[tuple[str, dict]] = []
        self.feed(html)

    def handle_starttag(self, tag, attributes):
        self.found.append((tag, dict(attributes)))


def outputs(notebook: NotebookNode) -> Iterator[tuple[str, NotebookNode]]:
    for cell in notebook.cells:
        for output in cell.get("outputs", []):
            yield cell.id, output


def prose(cell: NotebookNode, inline: str = r"|`[^`\n]*`") -> str:
    """A markdown cell without its code."""
    return re.sub(r"```.*?```|~~~.*?~~~" + inline, "", cell.source, flags=re.DOTALL)


def no_widget_state(notebook: NotebookNode) -> Iterator[str]:
    if "widgets" in notebook.metadata:
        yield "metadata.widgets is there; GitHub refuses to show such a notebook"
    for name, output in outputs(notebook):
        if any("jupyter.widget" in mime for mime in output.get("data", {})):
            yield f"{name}: an output holds a widget, which is dead without its kernel"


def ran(notebook: NotebookNode) -> Iterator[str]:
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    if [cell.execution_count for cell in code] != list(range(1, len(code) + 1)):
        yield "the cells were not run once each, from top to bottom"
    for name, output in outputs(notebook):
        if output.output_type == "error":
            yield f"{name}: {output.ename}: {output.evalue}"
        if output.get("name") == "stderr":
            yield f"{name}: the output keeps what was written to stderr"


def short_cells(notebook: NotebookNode) -> Iterator[str]:
    for cell in notebook.cells:
        lines = len(cell.source.splitlines())
        if cell.cell_type == "code" and lines > LONGEST_CELL:
            yield f"{cell.id}: {lines} lines of code, {LONGEST_CELL} at most; split it, or move plumbing to dgm_tutor"


def words_for_pictures(notebook: NotebookNode) -> Iterator[str]:
    for cell in notebook.cells:
        if cell.cell_type == "markdown":
            if re.search(r"!\[\s*\]\(", prose(cell)):
                yield f"{cell.id}: a picture in the text has no alt text"
            yield from nameless(cell.id, prose(cell))
    for name, output in outputs(notebook):
        data = output.get("data", {})
        html = data.get("text/html", "")
        if any(mime.startswith("image/") for mime in data) and "<img" not in html:
            yield f"{name}: a picture without alt text; show it with figures.show(figure, alt) or as a Picture"
        yield from nameless(name, html)


def nameless(where: str, html: str) -> Iterator[str]:
    for tag, a in Tags(html).found:
        named = any((a.get(key) or "").strip() for key in ("alt", "aria-label", "aria-labelledby"))
        if tag in NEEDS_NAME and not named and a.get("aria-hidden") != "true":
            yield f"{where}: <{tag}> has no words for who cannot see it (alt or aria-label)"


def headings(notebook: NotebookNode) -> Iterator[str]:
    """One title, first; below it no level is left out."""
    found = [(int(level), where) for where, level, _ in _headings(notebook)]
    if not found or found[0][0] != 1 or sum(level == 1 for level, _ in found) != 1:
        yield "a page has one title, '# ...', and it comes first"
    for (before, _), (level, where) in zip(found, found[1:], strict=False):
        if level > before + 1:
            yield f"{where}: a heading of level {level} follows one of level {before}"


def _headings(notebook: NotebookNode) -> Iterator[tuple[str, str, str]]:
    for cell in notebook.cells:
        if cell.cell_type == "markdown":
            for marks, text in re.findall(r"^(#{1,6}) +(.+?)\s*$", prose(cell, inline=""), flags=re.MULTILINE):
                yield cell.id, str(len(marks)), text
        for output in cell.get("outputs", []):
            for tag, _ in Tags(output.get("data", {}).get("text/html", "")).found:
                if re.fullmatch(r"h[1-6]", tag):
                    yield cell.id, tag[1], ""


def links(notebook: NotebookNode, path: Path) -> Iterator[str]:
    """Links to headings of the page, in Jupyter's spelling (spaces become hyphens), and to files beside it."""
    anchors = {re.sub(r"[*_`]", "", text).replace(" ", "-") for _, _, text in _headings(notebook) if text}
    for cell in notebook.cells:
        if cell.cell_type != "markdown":
            continue
        targets = re.findall(r"\]\(<?([^)\s>]+)", prose(cell))
        targets += [a["href"] for tag, a in Tags(prose(cell)).found if tag == "a" and a.get("href")]
        for target in targets:
            if re.match(r"[a-z]+:", target):
                continue
            file, _, anchor = target.partition("#")
            if file and not (path.parent / unquote(file)).exists():
                yield f"{cell.id}: the link to {file} leads nowhere"
            if not file and unquote(anchor) not in anchors:
                yield f"{cell.id}: no heading for #{anchor}; headings: {', '.join(sorted(anchors))}"


def no_traces(notebook: NotebookNode, root: Path) -> Iterator[str]:
    """Nothing in an output that is different on the next machine: addresses in memory, paths."""
    for name, output in outputs(notebook):
        text = str(output.get("text", "")) + str(output.get("data", {}).get("text/plain", ""))
        if re.search(r"\bat 0x[0-9a-f]{6,}", text):
            yield f"{name}: the output shows an address in memory; print what the object is"
        if str(root) in text or str(Path.home()) in text:
            yield f"{name}: the output shows a path of this machine"
