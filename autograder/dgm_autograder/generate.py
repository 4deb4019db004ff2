"""Write what is generated from an exercise folder: nbgrader's source notebook and the bank of the instant checks."""

import json
import zlib
from pathlib import Path

import dgm_tutor
from dgm_tutor.checks import bank
from dgm_tutor.files import write_bytes

from dgm_autograder.assignment import Assignment
from dgm_autograder.cases import entry
from dgm_autograder.notebook import source_notebook

BANKS = Path(dgm_tutor.__file__).parent / "checks" / "banks"
MANY = 16  # a bank is made once: right answers and slips on this many times a student's draws


def source_path(assignment: Assignment) -> Path:
    """course/source/NN-name/NN-name.ipynb beside course/exercises."""
    return assignment.folder.parents[1] / "source" / assignment.name / f"{assignment.name}.ipynb"


def bank_text(assignment: Assignment) -> str:
    """The bank as JSON text: fixed inputs (seeded by the exercise's name), right values, slips' values."""
    entries = {}
    for exercise in assignment.exercises:
        seed = zlib.crc32(f"{assignment.name}/{exercise.name}".encode())
        entries[exercise.name] = bank.dump(entry(assignment, exercise, seed, more=MANY))
    return json.dumps(entries, indent=1, ensure_ascii=False) + "\n"


def generate(assignment: Assignment) -> list[Path]:
    """Write both files; returns their paths."""
    texts = {
        source_path(assignment): source_notebook(assignment),
        BANKS / f"{assignment.name}.json": bank_text(assignment),
    }
    for path, text in texts.items():
        write_bytes(path, text.encode()).chmod(0o644)
    return list(texts)
