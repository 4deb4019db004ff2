"""A gradebook in PostgreSQL: copied and put back by the server's own tools; its rows in a file, to be graded again."""

import os
import shutil
import subprocess
from pathlib import Path

from nbgrader.api import Base, Gradebook
from sqlalchemy import create_engine, delete, insert, select
from sqlalchemy.engine import make_url

from dgm_autograder.verdicts import VERDICTS


class Missing(RuntimeError):
    """PostgreSQL's tools are not installed; the message says what to install."""


def dump(address: str, target: Path) -> None:
    """Write the whole database to a file, as it is at one moment. Raises `RuntimeError`."""
    place, password = _split(address)
    _run("pg_dump", "--format=custom", "--no-owner", f"--file={target}", place, password=password)


def load(copy: Path, address: str) -> None:
    """Put a whole copy into the database's place, in one transaction.

    Raises `RuntimeError`, also where somebody else goes on using the database for a minute.
    """
    place, password = _split(address)
    options = ("--clean", "--if-exists", "--no-owner", "--single-transaction", f"--dbname={place}")
    _run("pg_restore", *options, str(copy), password=password, PGOPTIONS="-c lock_timeout=60s")


def verify(copy: Path) -> None:
    """Raise `RuntimeError` for a file that is no whole copy of a gradebook."""
    contents = _run("pg_restore", "--file=-", str(copy))  # reads it to the end
    if "COPY public.grade " not in contents:
        raise RuntimeError(f"{copy} is no gradebook: it has no table grade")


def rows(address: str, target: Path) -> None:
    """Copy a gradebook, whatever its database, into a new file of SQLite's."""
    with Gradebook(f"sqlite:///{target}"):  # makes the tables
        pass
    tables = [*Base.metadata.sorted_tables, VERDICTS]
    source, copy = create_engine(address, isolation_level="REPEATABLE READ"), create_engine(f"sqlite:///{target}")
    try:
        with source.connect() as reading, copy.begin() as writing:
            for table in reversed(tables):
                writing.execute(delete(table))  # nbgrader's own first rows
            for table in tables:
                if found := [dict(row) for row in reading.execute(select(table)).mappings()]:
                    writing.execute(insert(table), found)
    finally:
        source.dispose()
        copy.dispose()


def _run(tool: str, *options: str, password: str | None = None, **settings: str) -> str:
    """What one of PostgreSQL's programs says. Raises `Missing`, and `RuntimeError` where it fails."""
    if shutil.which(tool) is None:
        raise Missing(f"{tool} was not found: install PostgreSQL's client, as with `apt-get install postgresql-client`")
    secret = {"PGPASSWORD": password} if password else {}  # not for everyone to see on the command line
    done = subprocess.run([tool, *options], env=os.environ | secret | settings, capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError(f"{tool} failed:\n{done.stderr[-2000:]}")
    return done.stdout


def _split(address: str) -> tuple[str, str | None]:
    """The address as PostgreSQL's programs take it, and the password."""
    url = make_url(address)
    return url.set(drivername="postgresql", password=None).render_as_string(), url.password
