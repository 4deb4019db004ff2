"""Put a submitted notebook back on the master's rails before anything reads it.

The master's record (nbgrader's database) says which cells there are, what they are worth and what the locked ones
say. A cell handed in contributes its source, and only where the master has a cell to answer. Everything that had to
be put back is a flag with a reason.
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from nbformat import NotebookNode, from_dict
from nbformat.corpus.words import generate_corpus_id as random_cell_id
from nbformat.v4 import new_notebook
from nbgrader.preprocessors import ClearHiddenTests, ClearMarkScheme, NbGraderPreprocessor

from dgm_autograder.ledger import gradebook

FLAGS = "dgm_flags"  # notebook metadata: grade_id -> reason; written here, read by SealedExecute
NOTES = "dgm_notes"  # notebook metadata: remarks on the whole submission, for the gradebook
UNREADABLE = "dgm_unreadable"  # notebook metadata: why there is nothing to grade

PICTURES = ("image/png", "image/jpeg", "image/gif")
BASE64 = re.compile(r"[A-Za-z0-9+/=\s]*")
NAME = re.compile(r"[\w .()-]{1,100}")


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
    task: bool = False
    released: str = ""  # the text of a locked cell as students got it, where that is another

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
            "task": self.task,
        }
        return {**data, "points": self.points} if self.grade or self.task else data


def master(db_url: str, assignment: str, notebook: str, released: Callable[[str], str]) -> dict[str, MasterCell]:
    """The master's cells by name, in order; `released` cuts from a text what students did not get."""
    with gradebook(db_url) as book:
        record = book.find_notebook(notebook, assignment)
        points = {cell.name: float(cell.max_score) for cell in record.grade_cells}
        tasks = {cell.name: float(cell.max_score) for cell in record.task_cells}
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
                points=(points | tasks).get(cell.name, 0.0),
                task=cell.name in tasks,
                released=released(cell.source),
            )
            for cell in record.source_cells
        }


def restore(notebook: NotebookNode, cells: dict[str, MasterCell]) -> tuple[NotebookNode, dict[str, str]]:
    """The notebook rebuilt from its plain parts, and a flag for each graded cell that had to be put back."""
    flags: dict[str, str] = {}
    found: dict[str, NotebookNode] = {}
    rebuilt = []
    for kind, source, data, attachments in plain(notebook):
        name = data.get("grade_id")
        known = cells.get(name) if isinstance(name, str) else None
        if known is None or name in found:
            if known is not None:
                flags[name] = "the cell is there twice; the first one counts"
            rebuilt.append(cell_of(kind, source, attachments=attachments))
            continue
        if known.grade and any(data.get(key) != value for key, value in _role(known).items()):
            flags[name] = "the cell's grading marks were changed"
        texts = {known.source.strip(), (known.released or known.source).strip()}
        if known.locked and (kind != known.kind or source.strip() not in texts):
            flags[name] = "the text of a check was changed"
        found[name] = cell_of(known.kind, known.source if known.locked else source, known, attachments)
        rebuilt.append(found[name])
    for name, known in cells.items():
        if name not in found:
            flags[name] = "the cell is missing"
            # As released, and at the end: a check sees every answer there is.
            rebuilt.append(cell_of(known.kind, known.source, known))
    about: dict = {}
    if UNREADABLE in notebook.metadata:
        flags = dict.fromkeys(cells, notebook.metadata[UNREADABLE])
        about[UNREADABLE] = notebook.metadata[UNREADABLE]
    flags = {name: why for name, why in flags.items() if cells[name].grade}
    return new_notebook(cells=rebuilt, metadata={FLAGS: flags, NOTES: notebook.metadata.get(NOTES, []), **about}), flags


def _role(cell: MasterCell) -> dict:
    return {"grade": cell.grade, "solution": cell.solution, "locked": cell.locked}


def plain(notebook: dict) -> Iterator[tuple[str, str, dict, dict]]:
    """Kind, source, nbgrader data and attachments of every cell that is one."""
    cells = notebook.get("cells", [])
    for cell in cells if isinstance(cells, list) else []:
        if not isinstance(cell, dict) or cell.get("cell_type") not in ("code", "markdown", "raw"):
            continue
        source = cell.get("source", "")
        source = "".join(map(str, source)) if isinstance(source, list) else str(source)
        source = source.encode(errors="replace").decode()
        attachments = _images(cell.get("attachments"))
        metadata = cell.get("metadata")
        data = metadata.get("nbgrader") if isinstance(metadata, dict) else None
        yield cell["cell_type"], source, data if isinstance(data, dict) else {}, attachments


def _images(attachments: object) -> dict[str, dict[str, str]]:
    """Those attachments that are pictures in base64, under names that are no markup."""
    found = {}
    for name, kinds in attachments.items() if isinstance(attachments, dict) else []:
        for kind, data in kinds.items() if isinstance(kinds, dict) else []:
            if kind in PICTURES and isinstance(data, str) and BASE64.fullmatch(data) and NAME.fullmatch(str(name)):
                found[str(name)] = {kind: data}
    return found


def cell_of(kind: str, source: str, known: MasterCell | None = None, attachments: dict | None = None) -> NotebookNode:
    """A new cell; with the master's marks and id where it is one of the master's."""
    # Built by hand: nbformat's own functions validate every cell, which takes longer than all the rest.
    about = {"nbgrader": known.metadata()} if known else {}
    name = known.name if known else random_cell_id()
    cell = from_dict({"cell_type": "markdown", "id": name, "metadata": about, "source": source})
    if kind == "code":
        cell.update(cell_type="code", execution_count=None, outputs=[])
    if attachments and kind != "code":
        cell.attachments = attachments
    return cell


def named(names: list[str]) -> str:
    """Some of the names, fit to be printed."""
    shown = ", ".join(repr(name[:60]) for name in names[:5])
    return shown + (f" and {len(names) - 5} more" if len(names) > 5 else "")


def printable(text: str) -> str:
    """The text with everything written out that a terminal would act on, or a file or a database would not take."""
    return "".join(c if c.isprintable() or c in "\n\t" else repr(c)[1:-1] for c in text)


class Restore(NbGraderPreprocessor):
    """The first sanitizing step: everything after it meets a well-formed notebook."""

    def preprocess(self, nb, resources):
        """Rebuild `nb`; its flags travel in its metadata."""
        about = resources["nbgrader"]
        cells = master(about["db_url"], about["assignment"], about["notebook"], self._released())
        nb, flags = restore(nb, cells)
        for why in dict.fromkeys(flags.values()):  # once: a notebook that cannot be read has it at every cell
            names = ", ".join(name for name, other in flags.items() if other == why)
            self.log.warning("%s, %s: %s", about["student"], names, why)
        return nb, resources

    def _released(self) -> Callable[[str], str]:
        """By nbgrader's own steps, with their settings."""
        tests, schemes = ClearHiddenTests(config=self.config), ClearMarkScheme(config=self.config)

        def released(source: str) -> str:
            cell = NotebookNode(source=source)
            tests._remove_hidden_test_region(cell)
            schemes._remove_mark_scheme_region(cell)
            return cell.source

        return released
