"""Put a submitted notebook back on the master's rails before anything reads it.

The master's record (nbgrader's database) says which cells there are, what they are worth and what the locked ones
say. A cell handed in contributes its source, and only where the master has a cell to answer. Everything that had to
be put back is a flag with a reason.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import nbformat
from nbconvert.exporters import NotebookExporter
from nbformat import NotebookNode
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook
from nbgrader.api import Gradebook
from nbgrader.preprocessors import NbGraderPreprocessor

FLAGS = "dgm_flags"  # notebook metadata: grade_id -> reason; written here, read by SealedExecute
NOTES = "dgm_notes"  # notebook metadata: remarks on the whole submission, for the gradebook
UNREADABLE = "dgm_unreadable"


@dataclass(frozen=True)
class MasterCell:
    """A cell as the instructor released it."""

    name: str
    kind: str  # code or markdown
    locked: bool
    source: str
    checksum: str
    grade: bool
    solution: bool
    points: float

    def metadata(self) -> dict:
        """Its nbgrader metadata."""
        data = {
            "cell_type": self.kind,
            "checksum": self.checksum,
            "grade": self.grade,
            "grade_id": self.name,
            "locked": self.locked,
            "schema_version": 3,
            "solution": self.solution,
            "task": False,
        }
        return {**data, "points": self.points} if self.grade else data


def master(db_url: str, assignment: str, notebook: str) -> dict[str, MasterCell]:
    """The released cells by name, in order."""
    with Gradebook(db_url) as gradebook:
        record = gradebook.find_notebook(notebook, assignment)
        points = {cell.name: float(cell.max_score) for cell in record.grade_cells}
        solutions = {cell.name for cell in record.solution_cells}
        return {
            cell.name: MasterCell(
                name=cell.name,
                kind=cell.cell_type,
                locked=bool(cell.locked),
                source=cell.source,
                checksum=cell.checksum,
                grade=cell.name in points,
                solution=cell.name in solutions,
                points=points.get(cell.name, 0.0),
            )
            for cell in record.source_cells
        }


def restore(notebook: NotebookNode, cells: dict[str, MasterCell]) -> tuple[NotebookNode, dict[str, str]]:
    """The notebook rebuilt from its plain parts, and a flag for each graded cell that had to be put back."""
    flags: dict[str, str] = {}
    found: dict[str, NotebookNode] = {}
    rebuilt = []
    for kind, source, data, attachments in _plain(notebook):
        name = data.get("grade_id")
        known = cells.get(name) if isinstance(name, str) else None
        if known is None or name in found:
            if known is not None:
                flags[name] = "the cell is there twice; the first one counts"
            rebuilt.append(_cell(kind, source, attachments=attachments))
            continue
        if known.grade and any(data.get(key) != value for key, value in _role(known).items()):
            flags[name] = "the cell's grading marks were changed"
        if known.locked and (kind != known.kind or source.strip() != known.source.strip()):
            flags[name] = "the text of a check was changed"
        found[name] = _cell(known.kind, known.source if known.locked else source, known, attachments)
        rebuilt.append(found[name])
    for name, known in cells.items():
        if name not in found:
            flags[name] = "the cell is missing"
            # As released, and at the end: a check sees every answer there is.
            rebuilt.append(_cell(known.kind, known.source, known))
    if notebook.metadata.get(UNREADABLE) is True:
        flags = dict.fromkeys(cells, "the notebook could not be read")
    flags = {name: why for name, why in flags.items() if cells[name].grade}
    return new_notebook(cells=rebuilt, metadata={FLAGS: flags}), flags


def _role(cell: MasterCell) -> dict:
    return {"grade": cell.grade, "solution": cell.solution, "locked": cell.locked}


def _plain(notebook: NotebookNode) -> Iterator[tuple[str, str, dict, dict]]:
    """Kind, source, nbgrader data and attachments of every cell that is one."""
    cells = notebook.get("cells", [])
    for cell in cells if isinstance(cells, list) else []:
        if not isinstance(cell, dict) or cell.get("cell_type") not in ("code", "markdown", "raw"):
            continue
        source = cell.get("source", "")
        source = "".join(map(str, source)) if isinstance(source, list) else str(source)
        source = source.encode(errors="replace").decode()
        attachments = cell.get("attachments")
        metadata = cell.get("metadata")
        data = metadata.get("nbgrader") if isinstance(metadata, dict) else None
        yield cell["cell_type"], source, *(item if isinstance(item, dict) else {} for item in (data, attachments))


def _cell(kind: str, source: str, known: MasterCell | None = None, attachments: dict | None = None) -> NotebookNode:
    new = new_code_cell if kind == "code" else new_markdown_cell
    cell = new(source, metadata={"nbgrader": known.metadata()} if known else {})
    if known:
        cell.id = known.name
    if attachments and kind != "code":
        cell.attachments = attachments
    return cell


def named(names: list[str]) -> str:
    """Some of the names, fit to be printed."""
    shown = ", ".join(repr(name[:60]) for name in names[:5])
    return shown + (f" and {len(names) - 5} more" if len(names) > 5 else "")


class Restore(NbGraderPreprocessor):
    """The first sanitizing step: everything after it meets a well-formed notebook."""

    def preprocess(self, nb, resources):
        """Rebuild `nb`; its flags travel in its metadata."""
        about = resources["nbgrader"]
        nb, flags = restore(nb, master(about["db_url"], about["assignment"], about["notebook"]))
        for name, why in flags.items():
            self.log.warning("%s, cell %s: %s", about["student"], name, why)
        return nb, resources


class ForgivingExporter(NotebookExporter):
    """Reads what cannot be read as an empty notebook, so that one student's broken file is that student's zero."""

    def from_file(self, file_stream, resources=None, **kwargs):
        """The notebook in `file_stream`, or an empty one marked as unreadable."""
        try:
            notebook = nbformat.reads(file_stream.read(), as_version=4)
            if not isinstance(notebook.metadata, dict) or not isinstance(notebook.cells, list):
                raise ValueError("no list of cells")
        except Exception as error:  # whatever is wrong with the file, it is this student's file
            self.log.error("The notebook could not be read: %s", type(error).__name__)
            notebook = new_notebook(metadata={UNREADABLE: True})
        return self.from_notebook_node(notebook, resources=resources, **kwargs)
