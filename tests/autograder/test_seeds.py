"""A run's few seeds, drawn anew for each, and the right answers that are kept for them."""

import pytest
from dgm_autograder import cases
from dgm_autograder.assignment import load
from nbgrader.api import Gradebook
from sqlalchemy import text

from dgm_tutor.checks import bank

from ..attacks.course import NAME, RIGHT, SmallCourse
from .course import EXERCISES


@pytest.fixture(scope="module")
def assignment():
    return load(EXERCISES)


def test_what_is_known_is_what_a_fresh_look_gives(assignment):
    """With slips and without, for each exercise and seed; and known means known."""
    for name in ("split", "repair"):
        for seed in (11, 12):
            for with_slips in (True, False):
                known = cases.known(assignment, name, seed, with_slips)
                fresh = cases.entry(assignment, assignment.exercise(name), seed, with_slips)
                assert bank.dump(known) == bank.dump(fresh)
                assert cases.known(assignment, name, seed, with_slips) is known
                assert bool(known.slips) == with_slips


def test_what_is_known_ends_with_the_files_it_was_known_of(tmp_path):
    course = SmallCourse(tmp_path)
    folder = course.folder / "exercises" / NAME
    before = cases.known(load(folder), "scale", 1, False)
    source = folder / "exercise.py"
    source.write_text(source.read_text().replace("return 2 * x", "return 3 * x"))
    after = cases.known(load(folder), "scale", 1, False)
    first, second = (entry.cases[0].expected["value"].mean for entry in (before, after))
    assert second.allclose(1.5 * first)


def test_a_run_draws_a_few_seeds_of_its_own():
    runs = [cases.draws(100) for _ in range(20)]
    assert all(len(set(run)) == cases.SEEDS for run in runs)
    assert len({seed for run in runs for seed in run}) == 20 * cases.SEEDS
    assert len(cases.draws(1)) == 1


def test_a_broken_exercise_breaks_no_preparation(tmp_path):
    """What it has to say is said where its answer is needed, and the others are known."""
    course = SmallCourse(tmp_path)
    folder = course.folder / "exercises" / NAME
    source = folder / "exercise.py"
    source.write_text(source.read_text().replace("return x.sum() + y.sum()", "return undefined"))
    assignment = load(folder)
    before = cases.known.cache_info().currsize
    cases.prepare(assignment, [1, 2])
    assert cases.known.cache_info().currsize == before + 2
    with pytest.raises(RuntimeError, match="total: right answer 0 gives no data"):
        cases.known(assignment, "total", 1, False)


def seeds(course: SmallCourse) -> list[int]:
    """The seeds of every answered check, as the gradebook keeps them."""
    with Gradebook(f"sqlite:///{course.folder / 'gradebook.db'}") as gradebook:
        return list(gradebook.db.execute(text("SELECT seed FROM dgm_verdict")).scalars())


@pytest.mark.slow
def test_submissions_of_a_run_share_its_seeds_and_another_run_draws_others(tmp_path):
    course = SmallCourse(tmp_path)
    students = [f"student{n}" for n in range(6)]
    for number, student in enumerate(students):
        course.submit(student, course.solved(answers=RIGHT if number % 2 else {"scale": RIGHT["scale"]}))
    marks, drawn = [], []
    for jobs in (2, 1):
        course.nbgrader("autograde", NAME, "--force", f"--ClassAutograde.jobs={jobs}")
        marks.append(course.grades())
        drawn.append(seeds(course))
    assert marks[0] == marks[1]
    for found in drawn:
        assert len(set(found)) == cases.SEEDS
        assert {found.count(seed) for seed in set(found)} == {2, 4}  # of two checks each: they take turns
    assert not set(drawn[0]) & set(drawn[1])
