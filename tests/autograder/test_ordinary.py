"""Assignments without exercises: nbgrader's own documentation course gets the marks that stock nbgrader gives."""

import json
import shutil
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import nbgrader
import pytest
from dgm_autograder.confine import LIBRARY
from dgm_autograder.converters import ClassAutograde
from dgm_autograder.ordinary import SEALED, Ordinary, worth
from nbformat.v4 import new_code_cell, new_notebook, new_output
from nbgrader.api import Gradebook
from nbgrader.converters import NbGraderException
from traitlets.config import Config

from ..attacks.course import SmallCourse

GUIDE = Path(nbgrader.__file__).parent / "docs" / "source" / "user_guide"  # what `nbgrader quickstart` copies
NOTEBOOKS = ("problem1", "problem2", "extra")
CONFIG = "c = get_config()\nc.CourseDirectory.course_id = 'x'\nc.IncludeHeaderFooter.header = 'source/header.ipynb'\n"
OURS = "from pathlib import Path\nfrom dgm_autograder.config import configure\n"
OURS += "configure(get_config(), Path(__file__).resolve().parent)\n"
HIDDEN = "assert f(2) == 4\n### BEGIN HIDDEN TESTS\nassert f(3) == 9, 'the secret case'\n### END HIDDEN TESTS"


def marked(name: str, source: str, points: float | None = None) -> dict:
    """A cell of the instructor's: an answer, or a test worth points."""
    grade = points is not None
    data = {
        "grade_id": name,
        "grade": grade,
        "solution": not grade,
        "locked": grade,
        "schema_version": 3,
        "task": False,
    }
    return new_code_cell(source, id=name, metadata={"nbgrader": data | ({"points": points} if grade else {})})


EXTRA = new_notebook(
    cells=[
        marked("square", "def f(x):\n    ### BEGIN SOLUTION\n    return x * x\n    ### END SOLUTION"),
        marked("hidden", HIDDEN, 2),
        marked("partial", "3 * sum(f(x) == x * x for x in (0, 1, 2, 3)) / 4", 3),
    ]
)


class DocsCourse(SmallCourse):
    """The documentation's course and one more notebook, with hidden tests and partial credit."""

    def __init__(self, top: Path):
        self.home, self.folder = top, top / "course"
        shutil.copytree(GUIDE / "source", self.folder / "source", ignore=shutil.ignore_patterns("ps1_autotest"))
        (self.folder / "source" / "ps1" / "extra.ipynb").write_text(json.dumps(EXTRA))
        (self.folder / "nbgrader_config.py").write_text(CONFIG)
        self.nbgrader("generate_assignment", "ps1")
        for student in ("bitdiddle", "hacker"):
            shutil.copytree(GUIDE / "submitted" / student, self.folder / "submitted" / student)
        self.submit("bitdiddle", {"square": "def f(x):\n    return 2 * x"}, ("extra",))
        self.submit("hacker", {"square": "import sys\ndef f(x):\n    return x * x"}, ("extra",))
        self.submit("empty", {})
        self.submit("solved", None)
        self.submit("wrong", {"squares": "def squares(n):\n    return [1]", "part-a": "No.", "square": "f = abs"})
        self.submit("breaks", {"squares": "def squares(n:", "sum_of_squares": "1 / 0", "part-b": "Yes."})

    def submit(self, student: str, answers: dict[str, str] | None, names: tuple[str, ...] = NOTEBOOKS) -> None:
        """Hand in the release with these answers, or the model's."""
        for name in names:
            notebook = json.loads((self.folder / "release" / "ps1" / f"{name}.ipynb").read_text())
            model = json.loads((self.folder / "source" / "ps1" / f"{name}.ipynb").read_text())
            solved = {data["grade_id"]: "".join(c["source"]) for c in model["cells"] if (data := about(c))}
            for cell in notebook["cells"]:
                data = about(cell)
                if data.get("solution"):
                    cell["source"] = (solved if answers is None else answers).get(data["grade_id"], cell["source"])
            folder = self.folder / "submitted" / student / "ps1"
            folder.mkdir(parents=True, exist_ok=True)
            (folder / f"{name}.ipynb").write_text(json.dumps(notebook))

    def marks(self) -> dict[tuple, tuple]:
        """By student, notebook and cell: the automatic and the manual mark."""
        with Gradebook(f"sqlite:///{self.folder / 'gradebook.db'}") as gradebook:
            return {
                (submission.student.id, notebook.name, grade.name): (grade.auto_score, grade.manual_score)
                for submission in gradebook.assignment_submissions("ps1")
                for notebook in submission.notebooks
                for grade in notebook.grades
            }


def about(cell: dict) -> dict:
    return cell["metadata"].get("nbgrader", {})


@pytest.mark.slow
def test_the_documentation_course_gets_the_marks_of_stock(tmp_path):
    stock = DocsCourse(tmp_path / "stock")
    shutil.copytree(tmp_path / "stock", tmp_path / "ours")
    ours = DocsCourse.__new__(DocsCourse)
    ours.home, ours.folder = tmp_path / "ours", tmp_path / "ours" / "course"
    settings = ours.folder / "nbgrader_config.py"
    settings.write_text(OURS + settings.read_text())
    command = [sys.executable, "-W", "ignore", "-m", "nbgrader", "autograde", "ps1"]
    running = [
        subprocess.Popen(command, cwd=course.folder, env=course.environment(), stderr=subprocess.PIPE, text=True)
        for course in (stock, ours)
    ]
    said = [process.communicate()[1] for process in running]
    assert [process.returncode for process in running] == [0, 0], said
    marks = ours.marks()
    assert marks == stock.marks() and len(marks) == 6 * 11
    earned = {student: sum(m[0] or 0 for k, m in marks.items() if k[0] == student) for student, *_ in marks}
    assert earned == {"bitdiddle": 3.0, "hacker": 8.0, "empty": 0.0, "solved": 8.0, "wrong": 1.5, "breaks": 0.0}
    assert "the text of a check was changed" in said[1]
    assert all("bitdiddle" in line for line in said[1].split("\n") if "was changed" in line), (
        "hidden tests are no change"
    )
    ours.nbgrader("generate_feedback", "ps1")
    pages = [path.read_text() for path in (ours.folder / "feedback").rglob("extra.html")]
    assert len(pages) == 6 and not any("HIDDEN" in page or "f(3) == 9" in page for page in pages)


@pytest.mark.parametrize(
    ("outputs", "score", "flag"),
    [
        ([], 2.0, ""),
        ([new_output("stream", name="stderr", text="UserWarning: old\n100%|####|")], 2.0, ""),
        ([new_output("error", ename="AssertionError", evalue="", traceback=[])], 0.0, ""),
        ([new_output("execute_result", {"text/plain": "1.5"})], 1.5, ""),
        ([new_output("stream", name="stderr", text="old"), new_output("execute_result", {"text/plain": "1"})], 1.0, ""),
        *[
            ([new_output("execute_result", {"text/plain": text})], 0.0, f"partial credit of {text!r}")
            for text in ("nan", "-1", "inf", "2.5", "'all of it'", "None", "[2.0]")
        ],
        ([new_output("execute_result", {"image/png": "AAAA"})], 0.0, "partial credit of ''"),
    ],
)
def test_what_a_test_cell_showed_is_its_mark(outputs, score, flag):
    cell = new_code_cell("", outputs=outputs, metadata={"nbgrader": {"points": 2, "grade": True}})
    mark = worth(cell, "", cut=False)
    assert (mark.score, mark.flag) == (score, flag)


def test_a_test_that_did_not_run_or_was_cut_is_nothing_and_flagged():
    cell = new_code_cell("", metadata={"nbgrader": {"points": 2, "grade": True}})
    for mark in (worth(cell, "the kernel died", cut=False), worth(cell, "", cut=True)):
        assert mark.score == 0 and mark.flag


def test_an_ordinary_assignment_may_import_the_library_and_a_sealed_check_is_known():
    assert {"dgm_tutor.models", "dgm_tutor.files", "dgm_tutor.checks"} <= set(Ordinary(LIBRARY).provides)
    assert SEALED.search('check("01-small/total", total)') and not SEALED.search("assert check(1)")


def test_a_sealed_check_without_its_exercises_stops_the_command(tmp_path):
    """It would be an ordinary test, and believed."""
    url = f"sqlite:///{tmp_path / 'gradebook.db'}"
    with Gradebook(url) as gradebook:
        gradebook.add_assignment("ps1")
        gradebook.add_notebook("sheet", "ps1")
        gradebook.add_source_cell("t", "sheet", "ps1", cell_type="code", source='check("ps1/total", total)')
    about = SimpleNamespace(db_url=url, course_id="default_course")
    step = SimpleNamespace(coursedir=about, config=Config(SealedExecute={"exercises": str(tmp_path)}), fail=refuse)
    with pytest.raises(NbGraderException, match="'ps1' need its exercises, and there is no folder"):
        ClassAutograde._expected(step, "ps1")
    (tmp_path / "ps1").mkdir()
    assert ClassAutograde._expected(step, "ps1") == ["sheet"]


def refuse(message: str) -> None:
    raise NbGraderException(message)
