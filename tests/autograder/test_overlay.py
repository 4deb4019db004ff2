"""A private overlay decides marks, and nothing of it reaches release, room, autograded notebook or feedback."""

import textwrap

import pytest
from dgm_autograder.assignment import load
from dgm_autograder.cases import entry, reply
from dgm_autograder.verdicts import found
from nbgrader.api import Gradebook

from dgm_tutor.checks.judge import judge

from ..attacks.course import NAME, RIGHT, SmallCourse

SECRET = "1.46875"
CHECKS = """
from dataclasses import replace

import torch
from dgm_autograder.exercise import Test

from . import veiled_inputs
from .public import EXERCISES as PUBLIC
from .public import PROVIDES, QUESTIONS, ask_scale

EXERCISES = [
    replace(e, tests=(*e.tests, Test(ask_scale, veiled_inputs.draw, "veiled advice"))) if e.name == "scale" else e
    for e in PUBLIC
]
"""
INPUTS = """
import torch


def draw(generator):
    return {"x": torch.tensor([-1.46875, 2.0], dtype=torch.float64)}
"""
SLIP = """# exercise: scale
# slip: veiled slip
# says: veiled words
# source: veiled source
def scale(x):
    return 2 * x.abs()
"""
ABSOLUTE = "def scale(x):\n    return 2 * x.abs()"
CARRIES_OUT = """
import threading, time
seen = []
def scale(x):
    seen.append(x.tolist())
    print(seen)
    open("seen.txt", "a").write(str(seen))
    if len(seen) > 1:
        raise ValueError(str(seen))
    return 2 * x
def tell():
    while True:
        print(seen, flush=True)
        time.sleep(0.05)
threading.Thread(target=tell, daemon=True).start()
"""
LOOKS = "import os\nprint([os.path.exists(p) for p in (%r, %r)])\nprint('scale_abs' in str(os.environ))"


def overlay(top):
    """The overlay of the small course, beside it."""
    folder = top / "private" / NAME
    (folder / "wrong").mkdir(parents=True)
    (folder / "checks.py").write_text(CHECKS)
    (folder / "veiled_inputs.py").write_text(INPUTS)
    (folder / "wrong" / "scale_abs.py").write_text(SLIP)
    return folder.parent


def late_cell(notebook: dict, source: str) -> dict:
    """The notebook with a code cell after all others."""
    cell = {"cell_type": "code", "id": "late", "metadata": {}, "source": source, "outputs": [], "execution_count": None}
    return notebook | {"cells": [*notebook["cells"], cell]}


@pytest.fixture(scope="module")
def course(tmp_path_factory) -> SmallCourse:
    top = tmp_path_factory.mktemp("overlay")
    course, private = SmallCourse(top), overlay(top)
    with (course.folder / "nbgrader_config.py").open("a") as settings:
        settings.write(f"c.SealedExecute.overlay = {str(private)!r}\n")
    course.nbgrader("generate_assignment", NAME, "--force")
    course.submit("ann", course.solved([LOOKS % (str(private), str(course.folder))]))
    course.submit("bob", course.solved(answers={"scale": ABSOLUTE}))
    course.submit("eve", late_cell(course.solved(answers={**RIGHT, "scale": CARRIES_OUT}), "print(seen)"))
    course.submit("zoe", late_cell(course.solved(), "import os\nos._exit(1)"))
    course.nbgrader("autograde", NAME)
    course.nbgrader("generate_feedback", NAME)
    return course


@pytest.mark.slow
def test_private_checks_decide_and_what_they_found_is_kept(course):
    marks = {student: grades["scale"][0] for student, grades in course.grades().items()}
    assert marks == {"ann": 3.0, "bob": 1.5, "eve": 1.5, "zoe": 1.5}
    flagged = {student for student, grades in course.grades().items() if grades["scale"][2]}
    assert flagged == {"zoe"}, "a kernel that was gone when a private check asked"
    with Gradebook(f"sqlite:///{course.folder / 'gradebook.db'}") as gradebook:
        known = found(gradebook.db)
        slips = {s: known[gradebook.find_grade("scale", NAME, NAME, s).id]["slip"] for s in marks}
        assert slips == {"ann": None, "bob": "veiled slip", "eve": None, "zoe": None}
        assert known[gradebook.find_grade("total", NAME, NAME, "bob").id]["outcome"] == "not attempted"


@pytest.mark.slow
def test_nothing_of_the_overlay_reaches_students(course):
    texts = {path: path.read_text() for path in course.folder.rglob("*") if path.suffix in (".ipynb", ".html", ".txt")}
    assert any("A private one does not" in text for path, text in texts.items() if path.suffix == ".html")
    for path, text in texts.items():
        assert "veiled" not in text and SECRET not in text, path
    seen = next(text for path, text in texts.items() if "autograded/ann" in str(path))
    assert "[False, False]" in seen, "the overlay's folder can be seen in the room"


def test_an_overlay_is_added_and_replaces_by_name(tmp_path):
    public, private = folder(tmp_path / "course" / "exercises"), overlay(tmp_path)
    (private / NAME / "right").mkdir()
    (private / NAME / "right" / "mine.py").write_text(f"# exercise: total\n# how: veiled\n{RIGHT['total']}\n")
    whole, alone = load(public, private), load(public)
    assert [whole.private(exercise) for exercise in whole.exercises] == [[False], [False, True]]
    assert {answer.path.name: answer.private for answer in whole.answers} == {"mine.py": True, "scale_abs.py": True}
    assert alone.answers == [] and len(alone.exercise("scale").tests) == 1


def test_an_overlay_that_is_not_private_or_not_one_is_refused(tmp_path):
    public, private = folder(tmp_path / "course" / "exercises"), overlay(tmp_path)
    with pytest.raises(ValueError, match="is not a folder"):
        load(public, tmp_path / "missing")
    with pytest.raises(ValueError, match="keep it outside"):
        load(public, overlay(tmp_path / "course"))
    (private / NAME / "exercise.py").write_text("x = 1")
    with pytest.raises(ValueError, match="an overlay holds"):
        load(public, private)


def test_the_overlay_that_the_guide_shows_works(tmp_path, root):
    guide = (root / "docs" / "teaching.md").read_text()
    code = guide[guide.index("    from dataclasses import") : guide.index("Points of a question are shared")]
    place = tmp_path / "private" / "10-beta-vae"
    place.mkdir(parents=True)
    (place / "checks.py").write_text(textwrap.dedent(code))
    assignment = load(root / "course" / "exercises" / "10-beta-vae", tmp_path / "private")
    split = assignment.exercise("split")
    assert assignment.private(split) == [False, False, True]
    fresh = entry(assignment, split, seed=5)
    for kind, expected in (("right", True), ("wrong", False)):
        for answer in assignment.bank("split", kind):
            given = answer.namespace[split.answer]
            replies = [reply(case.probe, given, case.inputs, 9) for case in fresh.cases]
            assert (judge(fresh.cases, replies, {}).outcome == "right") == expected, answer.path


def folder(exercises):
    """The small course's exercise folder, without a course around it."""
    from ..attacks.course import CHECKS, EXERCISE

    (exercises / NAME).mkdir(parents=True)
    (exercises / NAME / "exercise.py").write_text(EXERCISE)
    (exercises / NAME / "checks.py").write_text(CHECKS)
    return exercises / NAME
