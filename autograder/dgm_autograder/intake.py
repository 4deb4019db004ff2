"""A submission is data: what is taken of a folder that a student handed in, and what is said about the rest.

The folder is copied plain: ordinary files of a bounded size and number, no links, a time that can be read, notebooks
rebuilt from kinds and sources of their cells. Nothing after this meets anything else. What had to be left out or put
right is a note; a notebook that cannot be taken at all becomes an empty one with the reason in it.
"""

import hashlib
import json
import os
import stat
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import nbformat
from dgm_tutor.files import write_bytes
from nbformat.v4 import new_notebook
from nbgrader.utils import parse_utc

from dgm_autograder.restore import NOTES, UNREADABLE, cell_of, named, plain, printable

MAX_NOTEBOOK = 64_000_000  # bytes of a notebook file
MAX_CELLS = 2_000
MAX_SOURCE = 4_000_000  # characters of all the sources
MAX_FILE = 50_000_000  # bytes of any other file
MAX_ALL = 100_000_000
MAX_FILES = 200
MAX_NAME = 128  # characters that nbgrader's tables have for a student
TIME = "timestamp.txt"
SKIPPED = {".ipynb_checkpoints", "__pycache__", "feedback"}
DONE = ".graded"  # in an autograded folder: written last, says which submission it is the result of


class Refused(ValueError):
    """A notebook that cannot be taken; the message is the reason, fit to be shown."""


def identity(name: str) -> str:
    """The student whose folder has this name: the name itself, or one that can be printed and stored, like no other."""
    plain = printable(name).replace("\n", r"\n").replace("\t", r"\t")
    if plain == name and len(name) <= MAX_NAME:
        return name
    digest = hashlib.sha256(os.fsencode(name)).hexdigest()[:8]
    return f"{plain[: MAX_NAME - len(digest) - 1]}-{digest}"


def stage(handed_in: Path, staged: Path, expected: list[str]) -> list[str]:
    """Copy a folder plain, with every `expected` notebook (by name, without .ipynb) in it. Returns the notes.

    The only notebook is the only expected one, whatever a browser or a student called it.
    """
    notes, left, total, count = [], [], 0, 0
    extra = []
    for path, is_plain in walk(handed_in):
        relative = path.relative_to(handed_in)
        name = str(relative)
        if name.endswith(".ipynb"):
            if name.removesuffix(".ipynb") not in expected:
                extra.append(name)
            continue
        wanted = is_plain and name.isprintable() and relative.parts[0] != DONE and count < MAX_FILES
        content = read(path, MAX_FILE) if wanted else None
        if name == TIME:
            continue
        if content is None or total + len(content) > MAX_ALL:
            left.append(name)
            continue
        total, count = total + len(content), count + 1
        write_bytes(staged / relative, content)
    if left:
        notes.append(f"Files left out, as no plain files, too large or too many: {named(left)}.")
    renamed = len(expected) == len(extra) == 1 and not os.path.lexists(handed_in / f"{expected[0]}.ipynb")
    if renamed:
        notes.append(f"The notebook was handed in under another name: {named(extra)}.")
    elif extra:
        notes.append(f"Notebooks of other names were not graded: {named(extra)}.")
    notes += _time(handed_in / TIME, staged / TIME)
    for name in expected:
        try:
            notebook = notebook_of(handed_in / (extra[0] if renamed else f"{name}.ipynb"))
        except Refused as error:
            notebook = new_notebook(metadata={UNREADABLE: str(error)})
        notebook.metadata[NOTES] = notes
        write_bytes(staged / f"{name}.ipynb", nbformat.writes(notebook).encode())
    return notes


def stage_refused(staged: Path, expected: list[str], why: str) -> list[str]:
    """In the place of a folder that cannot be copied: nothing to grade, and why."""
    for name in expected:
        write_bytes(staged / f"{name}.ipynb", refusal(why))
    return [why]


def refusal(why: str) -> bytes:
    """A notebook that says why there is nothing to grade."""
    return nbformat.writes(new_notebook(metadata={UNREADABLE: why, NOTES: [why]})).encode()


def walk(folder: Path, depth: int = 4) -> Iterator[tuple[Path, bool]]:
    """Every file below a folder and whether it is an ordinary one; links are not followed, folders not listed.

    A folder that may not be looked into is listed, as something that is no file.
    """
    try:
        with os.scandir(folder) as entries:
            found = sorted(entries, key=lambda entry: entry.name)
    except PermissionError:
        yield folder, False
        return
    for entry in found:
        if entry.is_dir(follow_symlinks=False):
            if entry.name not in SKIPPED and depth:
                yield from walk(Path(entry.path), depth - 1)
        else:
            yield Path(entry.path), entry.is_file(follow_symlinks=False)


def read(path: Path, limit: int) -> bytes | None:
    """The bytes of an ordinary file, or None: a link, a device, larger than `limit`, not there."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    except (OSError, ValueError):
        return None
    status = os.fstat(descriptor)
    if not stat.S_ISREG(status.st_mode) or status.st_size > limit:
        os.close(descriptor)
        return None
    with open(descriptor, "rb") as file:
        return file.read(limit)


def notebook_of(path: Path) -> nbformat.NotebookNode:
    """The notebook in a file, rebuilt from kinds, sources and nbgrader marks. Raises `Refused`."""
    if not os.path.lexists(path):
        raise Refused("no notebook of this name was handed in")
    content = read(path, MAX_NOTEBOOK)
    if content is None:
        raise Refused(f"the notebook is no plain file of at most {MAX_NOTEBOOK // 1_000_000} MB")
    try:
        data = json.loads(content)
        if isinstance(data, dict) and data.get("nbformat") != 4:
            data = nbformat.reads(content.decode(), as_version=4)  # of an older format
    except Exception as error:
        raise Refused("the notebook could not be read: it is not JSON, or no notebook") from error
    if not isinstance(data, dict) or not isinstance(data.get("cells"), list):
        raise Refused("the notebook could not be read: it has no list of cells")
    about = data.get("metadata")
    if isinstance(about, dict) and isinstance(about.get(UNREADABLE), str):  # an archive that could not be unpacked
        raise Refused(about[UNREADABLE][:500])
    if len(data["cells"]) > MAX_CELLS:
        raise Refused(f"the notebook has {len(data['cells']):,} cells; at most {MAX_CELLS:,} are read")
    parts = list(plain(data))
    if sum(len(source) for _, source, _, _ in parts) > MAX_SOURCE:
        raise Refused(f"the notebook's text is longer than {MAX_SOURCE:,} characters")
    cells = []
    for kind, source, marks, attachments in parts:
        cells.append(cell_of(kind, source, attachments=attachments))
        cells[-1].id = f"cell-{len(cells)}"  # the same for the same submission: see `digest`
        cells[-1].metadata["nbgrader"] = {key: marks[key] for key in marks if isinstance(key, str)}
    return new_notebook(cells=cells)


def _time(given: Path, target: Path) -> list[str]:
    """Write the time of submission; one that cannot be read or lies ahead becomes the time the file arrived here."""
    if not os.path.lexists(given):
        return []
    now = datetime.now(UTC).replace(tzinfo=None)
    try:
        when = parse_utc((read(given, 200) or b"").decode().strip())
        trouble = not datetime(2000, 1, 1) < when < now + timedelta(days=1)
    except (ValueError, OverflowError, TypeError):
        trouble = True
    if trouble:
        when = datetime.fromtimestamp(given.lstat().st_ctime, UTC).replace(tzinfo=None)
    write_bytes(target, f"{when:%Y-%m-%d %H:%M:%S.%f} UTC".encode())
    return ["The time of submission could not be read; the time at which it arrived counts."] if trouble else []


def digest(folder: Path) -> str:
    """A fingerprint of everything below a staged folder."""
    total = hashlib.sha256()
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        content = path.read_bytes()
        total.update(f"{path.relative_to(folder)}\0{len(content)}\0".encode() + content)
    return total.hexdigest()
