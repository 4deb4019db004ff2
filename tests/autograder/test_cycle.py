"""The whole cycle by nbgrader's own commands, with exact marks. Dishonest submissions: tests/attacks."""

import pytest

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


@pytest.fixture(scope="module")
def course(tmp_path_factory) -> Course:
    """Every submission, taken through the cycle once."""
    course = Course(tmp_path_factory.mktemp("cycle") / "course")
    course.nbgrader("generate_assignment", NAME)
    course.nbgrader("release_assignment", NAME)
    release = course.release()
    hand_in_honest(course, release, tmp_path_factory)
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


def test_feedback_names_the_slip(course):
    page = course.feedback("mixed_slips")
    assert "beta for beta - 1" in page and "mean of logs" in page and "no attribute" in page


def test_validate_agrees_with_the_checks(course):
    assert "Success" in course.nbgrader("validate", f"source/{NAME}/{NAME}.ipynb")
    said = course.nbgrader("validate", f"release/{NAME}/{NAME}.ipynb")
    assert "Success" not in said and said.count("Not attempted: ") >= len(POINTS)


def test_inputs_are_drawn_afresh_and_written_down(course):
    seeds = {text(course.cell(student, "price")).split("seed ")[1].split(".")[0] for student in ("perfect", "empty")}
    assert len(seeds) == 2


def text(cell: dict) -> str:
    """The plain text of a check's verdict."""
    return "".join(cell["outputs"][0]["data"]["text/plain"])
