"""exercise.py to nbgrader's source notebook.

A code cell titled like an exercise is the answer; before it goes a box with points, difficulty and minutes, after it
hints and the check that carries the points. Cell ids come from titles, so that they stay the same for ever.
"""

import ast
import json

import jupytext
from nbformat import NotebookNode
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

from dgm_autograder.assignment import Assignment
from dgm_autograder.exercise import Exercise, Question

KERNEL = {"display_name": "Python 3 (ipykernel)", "language": "python", "name": "python3"}


def source_notebook(assignment: Assignment) -> str:
    """The text of the source notebook. Raises `ValueError` where exercise.py and checks.py disagree."""
    exercises = {exercise.name: exercise for exercise in assignment.exercises}
    questions = {question.name: question for question in assignment.questions}
    cells: list[NotebookNode] = []
    for cell in jupytext.reads(assignment.source, fmt="py:percent").cells:
        title = cell.metadata.get("title", "")
        if title in exercises:
            cells += _exercise(assignment, exercises.pop(title), cell.source)
        elif title in questions:
            cells += _question(questions.pop(title), cell.source)
        elif not title:
            raise ValueError(f"{assignment.folder}/exercise.py: a cell without a title: {cell.source[:60]!r}")
        else:
            new = new_markdown_cell if cell.cell_type == "markdown" else new_code_cell
            cells.append(new(cell.source, id=title))
    if exercises or questions:
        raise ValueError(f"{assignment.folder}/exercise.py has no cell titled {', '.join([*exercises, *questions])}")
    ids = [cell.id for cell in cells]
    if len(set(ids)) != len(ids):
        raise ValueError(f"{assignment.folder}/exercise.py: cell titles repeat: {sorted(ids)}")
    notebook = new_notebook(cells=cells, metadata={"kernelspec": KERNEL, "language_info": {"name": "python"}})
    return json.dumps(notebook, indent=1, ensure_ascii=False, sort_keys=True) + "\n"


def _exercise(assignment: Assignment, exercise: Exercise, source: str) -> list[NotebookNode]:
    name = f"{assignment.name}/{exercise.name}"
    difficulty = "●" * exercise.difficulty + "○" * (5 - exercise.difficulty)
    box = (
        f"### {exercise.title}\n\n**Points** {exercise.points:g} · **difficulty** {difficulty} "
        f"({exercise.difficulty} of 5) · **about {exercise.minutes} minutes** · "
        f"define `{_signature(exercise, source)}`"
    )
    return [
        new_markdown_cell(box, id=f"{exercise.name}-task"),
        new_code_cell(
            source, id=f"{exercise.name}-answer", metadata=_nbgrader(f"{exercise.name}-answer", solution=True)
        ),
        new_code_cell(f'hint("{name}", 0)  # 1, 2 or 3 for a hint', id=f"{exercise.name}-hint"),
        new_code_cell(
            f'check("{name}", {exercise.answer})',
            id=exercise.name,
            metadata=_nbgrader(exercise.name, grade=True, points=exercise.points),
        ),
    ]


def _question(question: Question, source: str) -> list[NotebookNode]:
    box = (
        f"### {question.title}\n\n**Points** {question.points:g}, marked by hand · **about {question.minutes} minutes**"
    )
    metadata = _nbgrader(question.name, grade=True, solution=True, points=question.points)
    return [
        new_markdown_cell(box, id=f"{question.name}-task"),
        new_markdown_cell(source, id=question.name, metadata=metadata),
    ]


def _signature(exercise: Exercise, source: str) -> str:
    """As the stub has it; read, not run."""
    for node in ast.parse(source).body:
        if isinstance(node, ast.FunctionDef) and node.name == exercise.answer:
            return f"{node.name}({ast.unparse(node.args)})"
    return exercise.answer


def _nbgrader(grade_id: str, grade: bool = False, solution: bool = False, points: float = 0) -> dict:
    data = {"grade": grade, "grade_id": grade_id, "locked": not solution, "schema_version": 3, "solution": solution}
    return {"nbgrader": {**data, "task": False, **({"points": points} if grade else {})}}
