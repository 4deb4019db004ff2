"""An append-only log of every change of a mark, written by the gradebook itself.

Triggers on nbgrader's tables see whatever changes a mark: sealed grading, late penalties, a score typed in Formgrader,
a script, another program. Who it was is what a process with this package says of itself as it writes; a change made by
any other program is logged too, by nobody known. SQLite and PostgreSQL.
"""

import os
import pwd
import re
import sys
from pathlib import Path

from nbgrader.api import Base, Grade, Gradebook, SubmittedNotebook
from sqlalchemy import Connection, event, inspect, text
from sqlalchemy.orm import Session

from dgm_autograder.verdicts import VERDICTS

MARKS = {"grade": ("auto_score", "manual_score", "extra_credit"), "submitted_notebook": ("late_submission_penalty",)}
COLUMNS = ("id", "at", "who", "source", "student", "assignment", "question", "field", "old", "new")
# Where a row of either table hangs: student, assignment, question.
PLACE = {
    "grade": """SELECT a.student_id, m.name, c.name FROM submitted_notebook n
        JOIN submitted_assignment a ON a.id = n.assignment_id JOIN assignment m ON m.id = a.assignment_id
        JOIN base_cell c ON c.id = {row}.cell_id WHERE n.id = {row}.notebook_id""",
    "submitted_notebook": """SELECT a.student_id, m.name, k.name FROM submitted_assignment a
        JOIN assignment m ON m.id = a.assignment_id JOIN notebook k ON k.id = {row}.notebook_id
        WHERE a.id = {row}.assignment_id""",
}


def sqlite() -> list[str]:
    """The log, who is writing, and the triggers, for SQLite."""
    log = """CREATE TABLE IF NOT EXISTS dgm_audit (id INTEGER PRIMARY KEY AUTOINCREMENT, at TEXT NOT NULL, who TEXT,
        source TEXT, student TEXT, assignment TEXT, question TEXT, field TEXT NOT NULL, old REAL, new REAL)"""
    made = [
        log,
        "CREATE TABLE IF NOT EXISTS dgm_actor (one INTEGER PRIMARY KEY CHECK (one = 1), who TEXT, source TEXT)",
    ]
    made.append("INSERT OR IGNORE INTO dgm_actor VALUES (1, NULL, NULL)")
    for change in ("UPDATE", "DELETE"):
        made.append(
            f"CREATE TRIGGER IF NOT EXISTS dgm_audit_no_{change.lower()} BEFORE {change} ON dgm_audit "
            "BEGIN SELECT RAISE(ABORT, 'the audit log is append-only'); END"
        )
    for table, fields in MARKS.items():
        for field in fields:
            for when, old, new in (
                ("AFTER INSERT", "NULL", "NEW"),
                ("AFTER UPDATE", "OLD", "NEW"),
                ("BEFORE DELETE", "OLD", "NULL"),
            ):
                before, after = (row if row == "NULL" else f"{row}.{field}" for row in (old, new))
                place = PLACE[table].format(row=new if old == "NULL" else old)
                made.append(
                    f"CREATE TRIGGER IF NOT EXISTS dgm_audit_{field}_{when.split()[1].lower()} {when} ON {table} "
                    f"WHEN {before} IS NOT {after} BEGIN "
                    "INSERT INTO dgm_audit (at, who, source, student, assignment, question, field, old, new) "
                    f"SELECT strftime('%Y-%m-%d %H:%M:%f', 'now'), d.who, d.source, p.*, '{field}', {before}, {after} "
                    f"FROM dgm_actor d LEFT JOIN ({place}) p; END"
                )
    return made


def postgresql() -> list[str]:
    """The same for PostgreSQL."""
    places = " ".join(
        f"{'IF' if table == 'grade' else 'ELSIF'} TG_TABLE_NAME = '{table}' THEN "
        f"{PLACE[table].format(row='it').replace(' FROM ', ' INTO student, assignment, question FROM ', 1)};"
        for table in MARKS
    )
    made = [
        """CREATE TABLE IF NOT EXISTS dgm_audit (id bigserial PRIMARY KEY, at timestamp NOT NULL, who text, source text,
        student text, assignment text, question text, field text NOT NULL, old float8, new float8)""",
        """CREATE OR REPLACE FUNCTION dgm_audit_refuse() RETURNS trigger LANGUAGE plpgsql AS
        $$ BEGIN RAISE EXCEPTION 'the audit log is append-only'; END $$""",
        "CREATE OR REPLACE TRIGGER dgm_audit_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON dgm_audit "
        "EXECUTE FUNCTION dgm_audit_refuse()",
        f"""CREATE OR REPLACE FUNCTION dgm_audit_write() RETURNS trigger LANGUAGE plpgsql AS $$
        DECLARE field text; it record; before float8; after float8; student text; assignment text; question text;
        BEGIN
            IF TG_OP = 'DELETE' THEN it := OLD; ELSE it := NEW; END IF;
            FOREACH field IN ARRAY TG_ARGV LOOP
                before := NULL; after := NULL;
                IF TG_OP <> 'INSERT' THEN before := to_jsonb(OLD)->>field; END IF;
                IF TG_OP <> 'DELETE' THEN after := to_jsonb(NEW)->>field; END IF;
                IF before IS DISTINCT FROM after THEN
                    {places} END IF;
                    INSERT INTO dgm_audit (at, who, source, student, assignment, question, field, old, new) VALUES (
                        now() AT TIME ZONE 'UTC', nullif(current_setting('dgm.who', true), ''),
                        nullif(current_setting('dgm.source', true), ''),
                        student, assignment, question, field, before, after);
                END IF;
            END LOOP;
            RETURN it;
        END $$""",
    ]
    for table, fields in MARKS.items():
        given = ", ".join(f"'{field}'" for field in fields)
        for when in ("AFTER INSERT OR UPDATE", "BEFORE DELETE"):
            name = f"dgm_audit_{table}_{when.split()[1].lower()}"
            each = f"FOR EACH ROW EXECUTE FUNCTION dgm_audit_write({given})"
            made.append(f"CREATE OR REPLACE TRIGGER {name} {when} ON {table} {each}")
    return made


KINDS = {"sqlite": sqlite, "postgresql": postgresql}
TRIGGERS = {
    "sqlite": "SELECT count(*) FROM sqlite_master WHERE type = 'trigger' AND name LIKE 'dgm_audit_%'",
    "postgresql": "SELECT count(*) FROM pg_trigger WHERE tgname LIKE 'dgm_audit_%'",
}


def watch(target: object, connection: Connection, **_: object) -> None:
    """Put what is ours into a gradebook that lacks it; called whenever nbgrader opens one."""
    VERDICTS.create(connection, checkfirst=True)
    kind = connection.dialect.name
    if kind not in KINDS or not inspect(connection).has_table("grade"):
        return
    statements = KINDS[kind]()
    if connection.execute(text(TRIGGERS[kind])).scalar() < sum(" TRIGGER " in made for made in statements):
        for statement in statements:
            connection.exec_driver_sql(statement)


def source() -> str:
    """The program that this process is, such as `nbgrader autograde` or `jupyter-lab` (Formgrader runs in it)."""
    program, *words = [Path(sys.argv[0] or "python"), *sys.argv[1:3]]
    name = program.parent.name if program.name == "__main__.py" else program.stem
    return " ".join([name, *(word for word in words if re.fullmatch("[a-z_]+", word))])


def who() -> str:
    """The person: as JupyterHub calls them, or the account."""
    return os.environ.get("JUPYTERHUB_USER") or pwd.getpwuid(os.getuid()).pw_name


def _sign(session: Session, *_: object) -> None:
    """Before marks are written: say who writes them, for this transaction alone."""
    if any(isinstance(row, (Grade, SubmittedNotebook)) for row in (*session.new, *session.dirty, *session.deleted)):
        _say(session.connection(), who(), source())
        session.info["dgm_signed"] = True


def _sign_off(session: Session, *_: object) -> None:
    if session.info.pop("dgm_signed", False):
        _say(session.connection(), None, None)


def _say(connection: Connection, who: str | None, source: str | None) -> None:
    if connection.dialect.name == "sqlite":
        connection.execute(text("UPDATE dgm_actor SET who = :who, source = :source"), {"who": who, "source": source})
    elif connection.dialect.name == "postgresql":
        for name, value in (("dgm.who", who), ("dgm.source", source)):
            connection.execute(text("SELECT set_config(:name, :value, true)"), {"name": name, "value": value or ""})


def install() -> None:
    """Watch every gradebook that this process opens."""
    for target, name, hook in (
        (Base.metadata, "after_create", watch),
        (Session, "before_flush", _sign),
        (Session, "after_flush", _sign_off),
    ):
        if not event.contains(target, name, hook):
            event.listen(target, name, hook)


def changes(gradebook: Gradebook, assignment: str | None = None, student: str | None = None) -> list[dict]:
    """The log, oldest first. Times are UTC."""
    asked = f"SELECT {', '.join(COLUMNS)} FROM dgm_audit"
    given = {"assignment": assignment, "student": student}
    wanted = {name: value for name, value in given.items() if value is not None}
    if wanted:
        asked += " WHERE " + " AND ".join(f"{name} = :{name}" for name in wanted)
    found = gradebook.db.execute(text(f"{asked} ORDER BY id"), wanted)
    return [dict(zip(COLUMNS, row, strict=True)) | {"at": f"{row[1]!s:.23}"} for row in found]
