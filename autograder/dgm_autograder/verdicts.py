"""What sealed grading found, kept in the gradebook beside the marks: for item analysis and for grading again.

The table is made when a gradebook is opened (`audit.watch`), before several processes may want it at once.
"""

from nbgrader.api import MissingEntry
from sqlalchemy import BigInteger, Column, MetaData, String, Table, delete, insert, inspect, select
from sqlalchemy.orm import Session

from dgm_autograder.ledger import gradebook
from dgm_autograder.mark import Mark

VERDICTS = Table(
    "dgm_verdict",
    MetaData(),
    Column("grade_id", String(32), primary_key=True),  # of nbgrader's table grade
    Column("outcome", String(32), nullable=False),  # right, wrong, raised, not attempted
    Column("slip", String(200)),  # the known mistake, by name
    Column("seed", BigInteger),  # of the inputs
)


def record(session: Session, grade_id: str, mark: Mark | None) -> None:
    """Keep what was found for a grade, in the place of what was found before."""
    session.execute(delete(VERDICTS).where(VERDICTS.c.grade_id == grade_id))
    if mark is not None:
        session.execute(insert(VERDICTS).values(grade_id=grade_id, **vars(mark.found)))


def found(session: Session) -> dict[str, dict]:
    """The outcome, slip and seed by grade id; empty for a gradebook that sealed grading never wrote to."""
    if not inspect(session.connection()).has_table(VERDICTS.name):
        return {}
    return {
        row.grade_id: {"outcome": row.outcome, "slip": row.slip, "seed": row.seed}
        for row in session.execute(select(VERDICTS))
    }


def seed_of(about: dict) -> int | None:
    """The seed that a submission's inputs were drawn with last time; `about` is nbgrader's resources."""
    with gradebook(about["db_url"]) as book:
        try:
            notebook = book.find_submission_notebook(about["notebook"], about["assignment"], about["student"])
        except MissingEntry:
            return None
        known = found(book.db)
        seeds = [known[grade.id]["seed"] for grade in notebook.grades if grade.id in known]
    return next((seed for seed in seeds if seed is not None), None)
