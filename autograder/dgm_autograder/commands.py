"""`dgm-tutor grade`, `exercises`, `matrix` and `class`. What they need is imported when they run: it takes seconds."""

import argparse
import os
import sys
from pathlib import Path

from dgm_tutor.cli.command import Command, add_json, later, show, wrote

EXERCISES = Path("course") / "exercises"
KEPT = Path("runs") / "matrix"  # what a broken-off run has done


def _folders(arguments: argparse.Namespace) -> list[Path]:
    folders = [EXERCISES / name for name in arguments.assignment] or sorted(EXERCISES.glob("*/"))
    if not folders:
        raise ValueError(f"no {EXERCISES} here: run this in the course's repository")
    return folders


def _add_grade(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("notebook", type=Path, nargs="?", help="the notebook with your answers")
    parser.add_argument("--sheet", metavar="NN-name", help="write the notebook of these exercises, to be answered")
    parser.add_argument("--doctor", action="store_true", help="say what this machine can enforce on students' code")
    parser.add_argument("--assignment", help="which exercises it answers (default: the notebook's name)")
    parser.add_argument("--course", type=Path, help="the course's folder (default: the nearest called course)")
    parser.add_argument("--output", type=Path, help="where to write: NOTEBOOK-feedback.html, or the sheet")
    add_json(parser)


def _doctor(as_json: bool) -> int:
    """Exit code 1 where a promise of the sandbox does not hold."""
    from dgm_autograder.doctor import doctor

    findings = doctor()
    show([{"promise": f.promise, "holds": f.holds, "note": f.note} for f in findings], as_json)
    return 0 if all(finding.holds for finding in findings) else 1


def _grade(arguments: argparse.Namespace) -> int:
    if arguments.doctor:
        return _doctor(arguments.json)
    if arguments.sheet:
        return _sheet(arguments)
    if arguments.notebook is None:
        raise ValueError("give the notebook with your answers, or --sheet NN-name for one to answer, or --doctor")
    if not arguments.notebook.is_file():
        raise ValueError(f"{arguments.notebook} is not a file; give the notebook with your answers")
    sys.modules.setdefault("rfc3987_syntax", None)  # jsonschema would build its grammar for a second, and never use it
    from dgm_tutor.files import write_bytes

    from dgm_autograder import selfstudy

    assignment = selfstudy.find(arguments.notebook, arguments.assignment, arguments.course)
    scores, page = selfstudy.grade(arguments.notebook, assignment)
    output = arguments.output or arguments.notebook.with_name(f"{arguments.notebook.stem}-feedback.html")
    write_bytes(output, page.encode())
    rows = [
        {"question": s.question, "score": "by hand" if s.score is None else s.score, "points": s.points} for s in scores
    ]
    if not arguments.json:
        marked = [score for score in scores if score.score is not None]
        total, most = sum(score.score for score in marked), sum(score.points for score in marked)
        rows.append({"question": "all that a machine can mark", "score": total, "points": most})
    show(rows, arguments.json)
    wrote(output, "feedback")
    return 0


def _sheet(arguments: argparse.Namespace) -> int:
    """Write the notebook, where there is none: it may hold somebody's answers."""
    from dgm_tutor.files import write_bytes

    from dgm_autograder import selfstudy

    output = arguments.output or Path(f"{arguments.sheet}.ipynb")
    if output.exists():
        raise ValueError(f"{output} is there already, perhaps with answers: move it, or name another with --output")
    assignment = selfstudy.find(output, arguments.sheet, arguments.course)
    wrote(write_bytes(output, selfstudy.sheet(assignment)))
    return 0


def _add_exercises(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("assignment", nargs="*", help="as NN-name (default: all)")


def _exercises(arguments: argparse.Namespace) -> int:
    from dgm_autograder.assignment import load
    from dgm_autograder.generate import generate

    for folder in _folders(arguments):
        for path in generate(load(folder)):
            wrote(path)
    return 0


def _add_matrix(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("assignment", nargs="*", help="as NN-name (default: all)")
    parser.add_argument("--seeds", type=int, default=20, help="how many draws of the inputs (default: 20)")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1, help="processes (default: one per core)")
    parser.add_argument("--output", type=Path, help="also write the tables to this Markdown file")


def _matrix(arguments: argparse.Namespace) -> int:
    """Exit code 1 when an answer got the wrong verdict."""
    from dgm_tutor.files import write_bytes

    from dgm_autograder.matrix import matrix as run_matrix
    from dgm_autograder.matrix import table

    parts, flips = [], 0
    for folder in _folders(arguments):
        rows = run_matrix(folder, arguments.seeds, arguments.jobs, KEPT)
        parts.append(f"## {folder.name}\n\n{table(rows)}\n")
        print(parts[-1])
        for row in rows:
            flips += row.accepted_wrong + row.refused_right
            for name in row.flipped:
                print(f"{row.exercise}: wrong verdict on {name}")
    if arguments.output:
        write_bytes(arguments.output, "\n".join(["# What the checks catch\n", *parts]).encode()).chmod(0o644)
        wrote(arguments.output)
    return 1 if flips else 0


grade = Command("grade", "Grade a notebook of exercises: your score and a page of feedback.", _add_grade, _grade)
exercises = Command("exercises", "Write the source notebooks and banks of exercises.", _add_exercises, _exercises)
matrix = Command("matrix", "Run every right and wrong answer against its check.", _add_matrix, _matrix)
class_ = later(
    "class",
    "Teach with it: release, collect, grade, review, export, regrade.",
    "dgm_autograder.teaching.commands:CLASS",
)
