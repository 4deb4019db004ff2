"""The whole cycle by nbgrader's own commands, with exact marks: honest submissions and forged ones."""

import json

import pytest

from tests.attacks.forgeries import ANSWERS, CELLS, EDITS, FILES

from .course import Course, answered, banked, solutions

pytestmark = pytest.mark.slow

NAME = "10-beta-vae"
POINTS = {"price": 2, "likelihood": 3, "loss": 4, "split": 3, "bound": 4, "repair": 3, "experiment": 5}
NOTHING = dict.fromkeys(POINTS, 0.0)
NOISY = """
import sys, warnings
from tqdm import tqdm
warnings.warn("this answer warns")
for _ in tqdm(range(3)):
    print("and draws a bar", file=sys.stderr)
"""

HONEST = {
    "perfect": POINTS,
    "empty": NOTHING,
    "mixed_slips": {**NOTHING, "price": 2, "loss": 4},
    "mixed_partial": {**NOTHING, "split": 2, "bound": 3, "repair": 3},
    "mixed_experiment": {**NOTHING, "price": 2},
    "mixed_noisy": {**POINTS, "experiment": 0},
    "mixed_died": {**POINTS, "bound": 0, "repair": 0, "experiment": 0},
}
TEXTS = {"not_json": "this is not a notebook", "cells_a_string": '{"cells": "x", "metadata": {}, "nbformat": 4}'}
FORGED = [*CELLS, *ANSWERS, *FILES, *EDITS, *TEXTS]
AIMED = {
    "total = scale": "price = likelihood = rate_split = beta_vae_loss = importance_bound = fixed_loss",
    "def scale": "def rate_split",
    '"total"': '"loss"',
}
"""The names that the forgeries of the small course are about, and those of this one."""
NOT_NUMBERS = {
    "nan_for_a_mark": """
import torch
nan = float("nan")
price = likelihood = {"mi_q": nan, "log_likelihood": nan}
rate_split = lambda *a: (torch.tensor(nan), torch.tensor(nan))
beta_vae_loss = lambda x, posterior, *a: posterior.mean.sum() * nan
fixed_loss = lambda x, logits, mean, log_var, beta: (logits.sum() + mean.sum() + log_var.sum()) * nan
importance_bound = lambda x, *a: torch.full((len(x),), nan)
""",
    "infinite_and_negative": """
import torch
inf = float("inf")
price = likelihood = {"mi_q": -inf}
rate_split = lambda *a: (torch.tensor(-inf), torch.tensor(-1.0))
beta_vae_loss = lambda x, posterior, *a: posterior.mean.sum() - inf
importance_bound = lambda x, *a: torch.full((len(x),), -inf)
""",
}
"""The two of these that must be of the right kind to be read at all: what a question asks for, and no number."""


def weights(tmp_path_factory, kind: str, name: str) -> bytes:
    """The weights that a banked answer writes."""
    import contextlib

    with contextlib.chdir(tmp_path_factory.mktemp("weights")) as _:
        exec(compile(banked(kind, name), name, "exec"), {})
        with open("experiment.safetensors", "rb") as file:
            return file.read()


def hand_in_honest(course: Course, release: dict, tmp_path_factory) -> None:
    right, good = solutions(), {"experiment.safetensors": weights(tmp_path_factory, "right", "experiment_closed_form")}
    course.submit("perfect", answered(release, {**right, "interpret": "It prices what z tells about x."}), good)
    course.submit("empty", release)
    course.submit(
        "mixed_slips",
        answered(
            release,
            {
                "price": banked("right", "price_with_zeros"),
                "likelihood": banked("wrong", "likelihood_beta"),
                "loss": banked("right", "loss_monte_carlo_kl"),
                "split": "def rate_split(p_data, posterior, prior):\n    return p_data.nothing()",
                "bound": banked("wrong", "bound_mean_of_logs"),
            },
        ),
    )
    course.submit(
        "mixed_partial",
        answered(
            release,
            {
                "split": banked("wrong", "split_zero_log_zero"),
                "bound": banked("wrong", "bound_underflow"),
                "repair": banked("right", "repair_sums"),
                "loss": banked("wrong", "loss_z_detached"),
            },
        ),
    )
    poor = {"experiment.safetensors": weights(tmp_path_factory, "wrong", "experiment_vae")}
    course.submit("mixed_experiment", answered(release, {"price": right["price"]}), poor)
    noisy = {name: text + NOISY for name, text in right.items() if name != "experiment"}
    course.submit("mixed_noisy", answered(release, noisy))
    course.submit("mixed_died", answered(release, {**right, "bound": "import os\nos.kill(os.getpid(), 9)"}), good)


def aimed(sources: dict) -> dict:
    """Forgeries for this course's names."""

    def at_this(source):
        for there, here in AIMED.items():
            source = source.replace(*((there, here) if isinstance(source, str) else (there.encode(), here.encode())))
        return source

    return {name: at_this(source) for name, source in sources.items()}


def hand_in_forged(course: Course, release: dict) -> None:
    first = release["cells"].index(next(c for c in release["cells"] if c["id"] == "setup")) + 1
    for student, source in aimed(CELLS).items():
        notebook = json.loads(json.dumps(release))
        attack = {"cell_type": "code", "id": "attack", "metadata": {}, "outputs": [], "execution_count": None}
        notebook["cells"].insert(first, attack | {"source": source})
        course.submit(student, notebook)
    for student, source in (aimed(ANSWERS) | NOT_NUMBERS).items():
        course.submit(student, answered(release, dict.fromkeys(POINTS, source)))
    for student, files in FILES.items():
        course.submit(student, release, aimed(files))
    for student, edit in EDITS.items():
        notebook = json.loads(json.dumps(release))
        edit(notebook)
        course.submit(student, notebook)
    for student, text in TEXTS.items():
        course.submit(student, text)


@pytest.fixture(scope="module")
def course(tmp_path_factory) -> Course:
    """Every submission, taken through the cycle once."""
    course = Course(tmp_path_factory.mktemp("cycle") / "course")
    course.nbgrader("generate_assignment", NAME)
    course.nbgrader("release_assignment", NAME)
    release = course.release()
    hand_in_honest(course, release, tmp_path_factory)
    hand_in_forged(course, release)
    course.nbgrader("collect", NAME)
    course.nbgrader("autograde", NAME)
    course.nbgrader("generate_feedback", NAME)
    course.nbgrader("release_feedback", NAME)
    course.nbgrader("export")
    return course


@pytest.mark.parametrize("student", HONEST)
def test_honest_marks_are_exact(course, student):
    marks = course.marks(student)
    expected = {name: float(points) for name, points in HONEST[student].items()}
    assert {name: marks[name] for name in POINTS} == expected
    assert course.exported()[student] == sum(expected.values())


def test_the_words_wait_for_a_human(course):
    assert course.marks("perfect")["interpret"] is None
    assert course.marks("empty")["interpret"] == 0


@pytest.mark.parametrize("student", FORGED)
def test_forged_marks_are_nothing(course, student):
    marks = course.marks(student)
    assert {name: marks[name] for name in POINTS} == NOTHING
    assert course.exported()[student] == 0


def test_no_room_that_answers_a_question_is_there(course):
    notebook = json.loads((course.folder / "autograded" / "imports_the_answer" / NAME / f"{NAME}.ipynb").read_text())
    attack = next(cell for cell in notebook["cells"] if "there is the autograder" in "".join(cell["source"]))
    assert attack["outputs"] == []


def test_there_are_enough_forgeries():
    assert len(FORGED) >= 15


@pytest.mark.parametrize(
    "student",
    ["nan_for_a_mark", "infinite_and_negative", "malformed_messages", "do_execute_says_ok", "exits_politely"],
)
def test_what_is_no_data_is_flagged_with_a_reason(course, student):
    assert course.flagged(student)
    for name in course.flagged(student):
        assert "Flagged for the instructor" in text(course.cell(student, name))


@pytest.mark.parametrize("student", ["checks_deleted", "checks_made_answers", "checks_not_graded", "metadata_broken"])
def test_what_was_put_back_is_flagged(course, student):
    assert course.flagged(student) == set(POINTS)


@pytest.mark.parametrize("student", ["perfect", "empty", "mixed_slips", "mixed_noisy"])
def test_honest_work_is_not_flagged(course, student):
    assert course.flagged(student) == set()


def test_a_kernel_that_died_keeps_what_was_earned_before(course):
    assert course.flagged("mixed_died") == {"bound", "repair", "experiment"}
    assert "kernel died" in text(course.cell("mixed_died", "repair"))


def test_partial_credit_and_a_message_come_together(course):
    cell = course.cell("mixed_partial", "bound")
    assert "weights not kept in logs" in text(cell) and "3 of 4 points" in text(cell)
    assert cell["outputs"][-1]["data"]["text/plain"] == ["3.0"]


def test_feedback_names_the_slip_and_is_the_graders_own(course):
    page = course.feedback("mixed_slips")
    assert "beta for beta - 1" in page and "mean of logs" in page and "no attribute" in page
    assert len(course.feedback("rewrites_feedback_from_a_child")) > 10_000


def test_validate_agrees_with_the_checks(course):
    assert "Success" in course.nbgrader("validate", f"source/{NAME}/{NAME}.ipynb")
    said = course.nbgrader("validate", f"release/{NAME}/{NAME}.ipynb")
    assert "Success" not in said and said.count("Not written yet: ") >= len(POINTS)


def test_inputs_are_drawn_afresh_and_written_down(course):
    seeds = {text(course.cell(student, "price")).split("seed ")[1].split(".")[0] for student in ("perfect", "empty")}
    assert len(seeds) == 2


def text(cell: dict) -> str:
    """The plain text of a check's verdict."""
    return "".join(cell["outputs"][0]["data"]["text/plain"])
