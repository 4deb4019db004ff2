"""The format: one source for stub and solution, stable ids, and nothing in students' hands that answers a question."""

import ast
import json
import re
import shutil

import pytest
from dgm_autograder.assignment import Assignment, load
from dgm_autograder.generate import BANKS
from dgm_autograder.notebook import source_notebook

from dgm_tutor.derivations import TERMS, Derivation, Line, Parameter

from .course import EXERCISES, NAME, SOURCE, Course


@pytest.fixture(scope="module")
def assignment() -> Assignment:
    return load(EXERCISES)


@pytest.fixture(scope="module")
def release(tmp_path_factory) -> dict:
    """The student's notebook, by nbgrader's own command."""
    course = Course(tmp_path_factory.mktemp("format") / "course")
    course.nbgrader("generate_assignment", NAME)
    return course.release()


def source_of(cell: dict) -> str:
    return "".join(cell["source"])


def test_the_committed_notebook_is_what_the_exercise_generates(assignment):
    assert SOURCE.read_text() == source_notebook(assignment), "run `dgm-tutor exercises`"


def test_the_committed_bank_asks_what_the_exercise_asks(assignment):
    """The numbers in it may differ by rounding between machines; everything else is the same text."""
    bank = json.loads((BANKS / f"{NAME}.json").read_text())
    assert list(bank) == [exercise.name for exercise in assignment.exercises], "run `dgm-tutor exercises`"
    for exercise in assignment.exercises:
        entry = bank[exercise.name]
        assert entry["hints"] == list(exercise.hints)
        shipped = [json.loads(json.dumps(vars(test.shipped()))) for test in exercise.tests]
        assert [case["probe"] for case in entry["cases"]] == shipped, "run `dgm-tutor exercises`"
        wrong = [answer.header for answer in assignment.bank(exercise.name, "wrong")]
        assert [slip["name"] for slip in entry["slips"]] == [header["slip"] for header in wrong]
        assert [slip["says"] for slip in entry["slips"]] == [header["says"] for header in wrong]


def test_ids_are_stable_and_speak(assignment):
    cells = json.loads(source_notebook(assignment))["cells"]
    ids = [cell["id"] for cell in cells]
    assert len(set(ids)) == len(ids)
    for exercise in assignment.exercises:
        assert [f"{exercise.name}-task", f"{exercise.name}-answer", f"{exercise.name}-hint", exercise.name] == [
            name
            for name in ids
            if name.removesuffix("-task").removesuffix("-answer").removesuffix("-hint") == exercise.name
        ]


def test_the_stub_is_a_part_of_the_solution(assignment, release):
    """Without nbgrader's two stub lines, every line a student gets stands in the solution in the same order."""
    solution = {cell["id"]: source_of(cell).split("\n") for cell in json.loads(SOURCE.read_text())["cells"]}
    for cell in release["cells"]:
        lines = iter(solution[cell["id"]])
        stub = [
            line for line in source_of(cell).split("\n") if "YOUR CODE" not in line and "NotImplemented" not in line
        ]
        if "YOUR ANSWER" not in source_of(cell):
            assert all(line in lines for line in stub), cell["id"]


def test_run_all_goes_through_an_empty_sheet_and_every_check_says_so(assignment, release, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    names, said = {}, {}
    for cell in release["cells"]:
        if cell["cell_type"] != "code":
            continue
        if source_of(cell).startswith("check("):
            said[cell["id"]] = eval(source_of(cell), names).outcome
        else:
            exec(source_of(cell), names)
    assert said == {exercise.name: "not attempted" for exercise in assignment.exercises}
    assert not list(tmp_path.iterdir())
    with pytest.raises(NotImplementedError):  # a function that is used before it is written says so, loudly
        names["fixed_loss"](*range(5))


def hidden_lines(assignment: Assignment) -> set[str]:
    """Every line of the solution regions that says something."""
    regions = re.findall(r"### BEGIN SOLUTION\n(.*?)### END SOLUTION", assignment.source, re.S)
    lines = {line.strip("# ").strip() for region in regions for line in region.split("\n")}
    return {line for line in lines if len(line) > 25}


def test_nothing_that_answers_a_question_reaches_the_student(assignment, release):
    given = re.sub(r"### BEGIN SOLUTION\n.*?### END SOLUTION", "", assignment.source, flags=re.S)
    released = json.dumps([source_of(cell) for cell in release["cells"]])
    shipped = (BANKS / f"{NAME}.json").read_text()
    assert len(hidden_lines(assignment)) > 20
    for text in (released, shipped):
        told = json.loads(text)
        told = json.dumps(told, ensure_ascii=False) if not isinstance(told, list) else "\n".join(told)
        for line in hidden_lines(assignment):
            assert line not in told, line
        for answer in assignment.answers:
            body = [line.strip() for line in answer.text.split("\n") if not line.startswith("#") and line not in given]
            assert not any(line in told for line in body if len(line) > 60), answer.path.name
    assert "HIDDEN" not in released and "expected" not in released and "PROVIDES" not in released


def test_an_exercise_shows_what_the_course_promises(assignment, release):
    cells = {cell["id"]: source_of(cell) for cell in release["cells"]}
    assert len(assignment.exercises) >= 7 and len(assignment.questions) >= 1
    for exercise in assignment.exercises:
        box = cells[f"{exercise.name}-task"]
        assert "difficulty" in box and "minutes" in box and "Points" in box and exercise.answer in box
        assert f'check("{NAME}/{exercise.name}"' in cells[exercise.name]
        assert f'hint("{NAME}/{exercise.name}", 0)' in cells[f"{exercise.name}-hint"]  # Run All gives none away
        function = assignment.solve(exercise.name)[exercise.answer]
        if callable(function):
            assert re.search(r"\(|scalar", function.__doc__), f"{exercise.name}: the docstring gives no shape"
        assert len(exercise.hints) == 3 and len(set(exercise.hints)) == 3


def test_every_bank_is_large_enough_and_sourced(assignment):
    for exercise in assignment.exercises:
        wrong, right = (assignment.bank(exercise.name, kind) for kind in ("wrong", "right"))
        assert len(wrong) >= 5 and len(right) >= 2, exercise.name
        assert len({answer.header["slip"] for answer in wrong}) == len(wrong)
        assert len({ast.dump(ast.parse(answer.text)) for answer in right}) == len(right)


LINES = {
    "price": (("mi_q", "mi_p", "kl_aggregate", "kl_aggregate_reverse"), "answer"),
    "likelihood": (("log_likelihood", "kl_posterior", "kl_posterior_reverse", "mi_q", "kl_aggregate"), "answer"),
}


@pytest.mark.parametrize("name", LINES)
def test_the_lines_are_judged_as_the_derivations_judge_them(assignment, name):
    """The probe's verdict on each banked line is that of `Derivation.check_line`."""
    beta = Parameter("beta", low=0.1, high=10.0, log=True, default=2.0)
    terms = {
        TERMS[term]: coefficient for term, coefficient in _numbers(assignment.solve(name)[name], beta.symbol).items()
    }
    allowed = tuple(TERMS[term] for term in LINES[name][0])
    line = Line(terms, "what is asked", relation=":=", symbol=r"\ell", allowed=allowed)
    derivation = Derivation(name="E", title="E", section="10", parameters=(beta,), lines=(line,))
    assert derivation.check_line(0, assignment.solve(name)[name]).outcome == "right"
    for answer in assignment.answers:
        if answer.exercise == name:
            assert derivation.check_line(0, answer.namespace[name]).outcome == answer.kind, answer.path.name


def _numbers(line: dict, beta) -> dict:
    return {term: eval(c, {"beta": beta}) if isinstance(c, str) else c for term, c in line.items()}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda folder: (folder / "checks.py").unlink(), "has no checks.py"),
        (lambda folder: (folder / "wrong" / "x.py").write_text("# exercise: loss\n"), "header fields"),
        (
            lambda folder: (folder / "right" / "x.py").write_text("# exercise: nothing\n# how: so\n"),
            "no exercise 'nothing'",
        ),
    ],
)
def test_a_folder_that_is_not_an_exercise_says_so(tmp_path, change, message):
    folder = tmp_path / NAME
    shutil.copytree(EXERCISES, folder)
    change(folder)
    with pytest.raises(ValueError, match=message):
        load(folder)


def test_cells_without_a_title_or_a_question_are_refused(tmp_path):
    folder = tmp_path / NAME
    shutil.copytree(EXERCISES, folder)
    source = (folder / "exercise.py").read_text()
    (folder / "exercise.py").write_text(source + "\n# %%\nprint(1)\n")
    with pytest.raises(ValueError, match="without a title"):
        source_notebook(load(folder))
    (folder / "exercise.py").write_text(source.replace("# %% split\n", "# %% splitting\n"))
    with pytest.raises(ValueError, match="no cell titled split"):
        source_notebook(load(folder))
