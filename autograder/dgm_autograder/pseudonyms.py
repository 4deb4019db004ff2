"""Anonymous grading: a private table of names that stand for students."""

import csv
import fcntl
import os
import secrets
from pathlib import Path

COLUMNS = ("pseudonym", "student")


class Pseudonyms:
    """A private table of pseudonyms, in a file that only its owner can read. Nothing in it follows from a name."""

    def __init__(self, path: Path):
        self.path = path

    def students(self) -> dict[str, str]:
        """The student behind each pseudonym."""
        if not self.path.is_file():
            return {}
        with open(self.path, newline="", encoding="utf-8") as file:
            return {row["pseudonym"]: row["student"] for row in csv.DictReader(file)}

    def of(self, student: str) -> str:
        """The student's pseudonym; a new one is drawn and written down first."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o600)
        with open(descriptor, "a", newline="", encoding="utf-8") as file:
            fcntl.flock(file, fcntl.LOCK_EX)  # two collectors must not give one student two names
            known = {real: pseudonym for pseudonym, real in self.students().items()}
            if student in known:
                return known[student]
            writer = csv.writer(file)
            if not known:
                writer.writerow(COLUMNS)
            drawn = f"anon-{secrets.token_hex(4)}"
            writer.writerow([drawn, student])
            file.flush()
            os.fsync(file.fileno())
        return drawn
