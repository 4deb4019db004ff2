"""The catalogue against the grader: every attack has its safe outcome, and two honest neighbours their exact marks."""

import contextlib
import json
import os
import re
import threading

import psutil
import pytest
from dgm_autograder.confine import FIRST_UID

from .catalogue import ALL, FOLDERS, NO_NOTEBOOK, UNPRINTABLE, Attack
from .course import NAME, POINTS, SECRET, SmallCourse

pytestmark = pytest.mark.slow

FULL, NOTHING = POINTS, dict.fromkeys(POINTS, 0.0)
ODD = [Attack(name, "malformed", "kept") for name in FOLDERS]
GONE = [Attack(name, "malformed", "refused") for name in NO_NOTEBOOK]
HALVES = [[*ALL[::2], *ODD], [*ALL[1::2], *GONE]]


def hand_in(course: SmallCourse, attack: Attack) -> None:
    """A submission made of an attack."""
    notebook = course.solved(list(attack.cells), attack.answers)
    if attack.edit is not None:
        changed = attack.edit(notebook)
        notebook = changed if isinstance(changed, str) else notebook
    course.submit(attack.name, notebook, attack.files)


def hand_in_without_a_notebook(course: SmallCourse) -> None:
    for name in NO_NOTEBOOK:
        path = course.place(name) / f"{NAME}.ipynb"
        if name == "link":
            path.symlink_to(course.folder / "source" / NAME / f"{NAME}.ipynb")
            (path.parent / "key.txt").symlink_to(course.home / ".ssh" / "id_rsa")
            (path.parent / "all").symlink_to(course.home)
        elif name == "pipe":
            os.mkfifo(path)
        elif name == "folder":
            path.mkdir()
        elif name == "other_name":
            for mine in ("mine.ipynb", "mine, too.ipynb"):  # the only one would be taken, whatever its name
                (path.parent / mine).write_text(json.dumps(course.solved()))


class Graded:
    """Half of the catalogue, graded by one command among honest neighbours."""

    def __init__(self, top, attacks: list[Attack]):
        self.attacks = {attack.name: attack for attack in attacks}
        self.course = SmallCourse(top)
        before = {path: path.read_bytes() for path in self._kept()}
        self.course.submit("aaron", self.course.solved())
        self.course.submit("zoe", self.course.solved(answers={"scale": "def scale(x):\n    return x + x"}))
        for attack in attacks:
            if attack not in GONE:
                hand_in(self.course, attack)
        if attacks[-1] in GONE:
            hand_in_without_a_notebook(self.course)
            self.course.submit(UNPRINTABLE, self.course.solved())
        self.log = self.course.nbgrader("autograde", NAME)
        self.processes = [p for p in psutil.process_iter() if _uid(p) >= FIRST_UID]
        self.log += self.course.nbgrader("generate_feedback", NAME)
        self.changed = [path for path, content in before.items() if path.read_bytes() != content]
        self.grades = self.course.grades()

    def _kept(self):
        for folder in ("source", "exercises", "release"):
            yield from (path for path in (self.course.folder / folder).rglob("*") if path.is_file())
        yield self.course.folder / "nbgrader_config.py"


def _uid(process: psutil.Process) -> int:
    with contextlib.suppress(psutil.Error):
        return process.uids().real
    return 0


@pytest.fixture(scope="module")
def graded(tmp_path_factory) -> list[Graded]:
    """Both halves, at the same time."""
    halves: list[Graded | None] = [None, None]
    errors = []
    # Before the threads: whoever asks pytest for the first folder of a process empties its base, and two at once race.
    folders = [tmp_path_factory.mktemp(f"half{index}", numbered=False) for index in (0, 1)]

    def grade(index: int) -> None:
        try:
            halves[index] = Graded(folders[index], HALVES[index])
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=grade, args=(index,)) for index in (0, 1)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if errors:
        raise errors[0]
    return halves


def find(graded: list[Graded], student: str) -> Graded:
    return next(half for half in graded if student in half.attacks)


def test_the_catalogue_is_large_and_covers_every_class():
    kinds = {attack.kind for attack in ALL}
    wanted = {"crash", "malformed", "forge", "leak", "poison", "hang", "resource", "flood", "inject", "false negative"}
    assert kinds == wanted and len(ALL) >= 60
    assert len({attack.name for half in HALVES for attack in half}) == sum(map(len, HALVES))


@pytest.mark.parametrize("attack", [*ALL, *ODD, *GONE], ids=lambda attack: f"{attack.kind}-{attack.name}")
def test_an_attack_has_its_safe_outcome(graded, attack):
    grades = find(graded, attack.name).grades[attack.name]
    marks = {name: grade[0] for name, grade in grades.items()}
    flagged = {name for name, grade in grades.items() if grade[2]}
    assert all(mark is not None for mark in marks.values())
    if attack.outcome == "kept":
        assert marks == FULL and not flagged, grades
    elif attack.outcome in ("nothing", "refused"):
        assert marks == NOTHING
    if attack.outcome == "refused":
        assert flagged == set(POINTS)
        assert all("Flagged: " in grade[3] for grade in grades.values()), "no reason in the gradebook"


def test_the_neighbours_have_their_exact_marks(graded):
    for half in graded:
        for name, marks in (("aaron", FULL), ("zoe", {"total": 0.0, "scale": 3.0})):
            assert {check: grade[0] for check, grade in half.grades[name].items()} == marks
            assert not any(grade[2] for grade in half.grades[name].values())


PUT_BACK = ("checks_deleted", "checks_made_answers", "checks_not_graded", "metadata_broken")
NO_DATA = ("nan_for_a_mark", "infinite_and_negative", "malformed_messages", "do_execute_says_ok", "exits_politely")


@pytest.mark.parametrize("student", [*PUT_BACK, *NO_DATA])
def test_what_was_put_back_and_what_is_no_data_is_flagged_with_a_reason(graded, student):
    for grade in find(graded, student).grades[student].values():
        assert grade[2] and "Flagged: " in grade[3]


def test_no_room_that_answers_a_question_is_there(graded):
    half = find(graded, "imports_the_answer")
    path = half.course.folder / "autograded" / "imports_the_answer" / NAME / f"{NAME}.ipynb"
    cells = json.loads(path.read_text())["cells"]
    attack = next(cell for cell in cells if "there is the autograder" in "".join(cell["source"]))
    assert attack["outputs"] == []


def test_a_name_that_cannot_be_printed_is_graded_under_one_that_can(graded):
    students = [student for half in graded for student in half.grades]
    assert any(student.startswith(r"esc\x1b[2J\nape-") for student in students)


def test_nobody_is_left_out(graded):
    for half in graded:
        assert set(half.attacks) <= set(half.grades)
        assert set(half.attacks) <= set(os.listdir(half.course.folder / "feedback"))


def test_nothing_of_the_course_was_changed_and_no_process_is_left(graded):
    for half in graded:
        assert half.changed == []
        assert not (half.course.home / ".ipython" / "profile_default" / "startup" / "poison.py").exists()
    assert graded[-1].processes == [] or not any(process.is_running() for process in graded[-1].processes)


def results(graded, folder: str):
    """Student and text of every file that came of grading."""
    for half in graded:
        for path in (half.course.folder / folder).rglob("*"):
            if path.is_file() and path.suffix in (".ipynb", ".html", ".txt"):
                yield path.relative_to(half.course.folder / folder).parts[0], path.read_text(errors="replace")


SHOWN = (SECRET, "the-network-is-there", "the-neighbour-is-there", "the-device-is-there", "the-library-was-written")


def test_no_secret_is_in_what_goes_back(graded):
    for student, text in [*results(graded, "autograded"), *results(graded, "feedback")]:
        for secret in SHOWN:
            assert secret not in text, student


@pytest.mark.parametrize("student", ["neighbours", "everything"])
def test_who_searches_everywhere_is_given_the_time_to(graded, student):
    half = find(graded, student)
    path = half.course.folder / "autograded" / student / NAME / f"{NAME}.ipynb"
    outputs = [output for cell in json.loads(path.read_text())["cells"] for output in cell.get("outputs", [])]
    assert any("looked" in "".join(output.get("text", "")) for output in outputs)


def test_what_is_kept_is_small(graded):
    for folder in ("autograded", "feedback"):
        for student, text in results(graded, folder):
            assert len(text) < 6_000_000, student


ACTS = (
    r"<script[^>]*>\s*(fetch|evil)",
    r"<[a-z]+[^>]*\son\w+=[^>]*evil",
    r"<(iframe|svg|link|img)[^>]*evil",
    r"<[^>]*url\(http://evil",
    r"href=\"javascript",
    r"<(meta|base|form)[^>]*(evil|refresh)",
)


def test_nothing_acts_in_the_feedback(graded):
    for student, page in results(graded, "feedback"):
        for pattern in ACTS:
            assert not re.search(pattern, page, re.IGNORECASE), (student, pattern)


def test_formgrader_gets_nothing_that_acts(graded):
    """It shows the autograded notebooks to an instructor who is logged in."""
    for half in graded:
        for path in (half.course.folder / "autograded").rglob("*.ipynb"):
            for cell in json.loads(path.read_text())["cells"]:
                data = [kind for output in cell.get("outputs", []) for kind in output.get("data", {}).items()]
                shown = json.dumps([content for kind, content in data if kind != "text/plain"])
                assert not re.search(r"<script|<[a-z][^>]*\son(error|load)=|<iframe|href='?javascript", shown), path
                if cell["cell_type"] == "markdown":
                    assert not re.search(r"<[a-z]", "".join(cell["source"])), path


def test_no_escape_code_reaches_the_terminal(graded):
    for half in graded:
        assert "\x1b" not in half.log and "\x07" not in half.log
