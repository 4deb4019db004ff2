"""Copies of the gradebook: made while others write to it, verified, dated, and put back without losing anything."""

import os
import sqlite3
from datetime import UTC, datetime
from pathlib import Path

from dgm_autograder.intake import DONE
from dgm_autograder.teaching import postgres
from dgm_autograder.teaching.course import Course

FOLDER = "backups"


def backup(course: Course, folder: Path | None = None, label: str = "") -> Path:
    """Copy the gradebook into `folder` (by default backups/); the copy's path.

    The copy is whole or not there. Raises `ValueError` for a gradebook that is missing, `RuntimeError` for one that is
    damaged, and where PostgreSQL's tools are missing.
    """
    if course.database is not None and not course.database.is_file():
        raise ValueError(f"there is no gradebook at {course.database}")
    folder = folder or course.folder / FOLDER
    folder.mkdir(parents=True, exist_ok=True)
    kind = "dump" if course.database is None else "db"
    target = folder / f"gradebook-{datetime.now(UTC):%Y%m%dT%H%M%S.%fZ}{label}.{kind}"
    temporary = target.with_suffix(".part")
    try:
        if course.database is None:
            temporary.touch(mode=0o600)
            postgres.dump(course.db_url, temporary)
            postgres.verify(temporary)
        else:
            sqlite(course.database, temporary)
            verify(temporary)
        with open(temporary, "rb") as file:
            os.fsync(file.fileno())
        os.chmod(temporary, 0o600)
        os.replace(temporary, target)
    finally:
        temporary.unlink(missing_ok=True)
    return target


def restore(course: Course, copy: Path) -> Path:
    """Put a copy in the gradebook's place, in one transaction; what it replaces is copied first: that copy's path."""
    if not copy.is_file():
        raise ValueError(f"{copy} is not a file; `dgm-tutor class backup` makes copies in {course.folder / FOLDER}")
    if course.database is None:
        postgres.verify(copy)
        kept = backup(course, label="-before-restore")
        postgres.load(copy, course.db_url)
        return kept
    verify(copy)
    kept = backup(course, label="-before-restore")
    sqlite(copy, course.database)
    verify(course.database)
    return kept


def graded_since(course: Course, copy: Path) -> list[str]:
    """Whose result is younger than the copy, as "student (assignment)": the copy has older marks of them, or none."""
    made = copy.stat().st_mtime
    results = (course.folder / course.app.coursedir.autograded_directory).glob(f"*/*/{DONE}")
    return sorted(f"{done.parts[-3]} ({done.parts[-2]})" for done in results if done.stat().st_mtime > made)


def verify(path: Path) -> None:
    """Raise `RuntimeError` for a file that is no whole gradebook."""
    try:
        with _open(path) as connection:
            sound = connection.execute("PRAGMA integrity_check").fetchone()[0]
            tables = {row[0] for row in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
        connection.close()
    except sqlite3.DatabaseError as error:
        raise RuntimeError(f"{path} is damaged or no gradebook: {error}") from error
    if sound != "ok":
        raise RuntimeError(f"{path} is damaged: {sound}")
    if missing := {"assignment", "student", "grade"} - tables:
        raise RuntimeError(f"{path} is no gradebook: it has no table {', '.join(sorted(missing))}")


def _open(path: Path) -> sqlite3.Connection:
    return sqlite3.connect(f"{path.resolve().as_uri()}?mode=rw", uri=True, timeout=60)


def sqlite(source: Path, target: Path) -> None:
    """SQLite's online backup: a consistent copy whatever others write meanwhile."""
    target.touch(mode=0o600)
    old, new = _open(source), _open(target)
    try:
        old.backup(new)
    finally:
        old.close()
        new.close()
