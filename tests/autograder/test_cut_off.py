"""Making a release and unpacking a platform's zip, killed at their writes: the same command again, and all is right."""

import json
import shutil
import zipfile
from pathlib import Path

import pytest
from dgm_autograder.teaching import lms
from dgm_autograder.teaching.course import Course
from nbgrader.api import Gradebook

from ..attacks.course import NAME, SmallCourse
from .killing import nbgrader, writes

pytestmark = pytest.mark.slow


def kills(count: int) -> list[int]:
    """Some of so many writes: one on the way, and the last ones, which matter most."""
    return sorted({count // 2, *range(max(0, count - 4), count)})


@pytest.fixture(scope="module")
def released(tmp_path_factory) -> SmallCourse:
    """Copied, not changed."""
    return SmallCourse(tmp_path_factory.mktemp("released"))


def copy(course: Path, top: Path) -> Path:
    shutil.copytree(course, top / "course")
    return top / "course"


def tree(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_a_release_that_was_cut_off_is_made_by_the_next_run(tmp_path, released):
    """The sheet was released; now it asks less, and the old release was removed to make a new one."""
    base = copy(released.folder, tmp_path)
    source = base / "source" / NAME / f"{NAME}.ipynb"
    sheet = json.loads(source.read_text())
    sheet["cells"] = [cell for cell in sheet["cells"] if not cell["id"].startswith("words")]
    source.write_text(json.dumps(sheet))
    shutil.rmtree(base / "release")
    whole = copy(base, tmp_path / "whole")
    work = nbgrader("generate_assignment", NAME)
    count = writes(whole, work)
    for last in kills(count):
        cut = copy(base, tmp_path / f"cut-{last}")
        assert writes(cut, work, last) is None
        writes(cut, work)
        assert tree(cut / "release") == tree(whole / "release"), last
        assert tree(cut / ".release") == {}
        with Gradebook(f"sqlite:///{cut / 'gradebook.db'}") as gradebook:
            assert gradebook.find_assignment(NAME).max_score == 5


def archive(path: Path, course: SmallCourse) -> Path:
    with zipfile.ZipFile(path, "w") as opened:
        for student in ("1", "2"):
            for name, text in ((f"{NAME}.ipynb", json.dumps(course.solved())), ("more.txt", student)):
                opened.writestr(f"Somebody_{student}_assignsubmission_file_/{name}", text)
    return path


def test_a_platforms_zip_that_was_cut_off_is_collected_by_the_next_run(tmp_path, released):
    base = copy(released.folder, tmp_path)
    older = base / "submitted" / "1" / NAME
    older.mkdir(parents=True)
    (older / f"{NAME}.ipynb").write_text(json.dumps(released.release))
    packed = archive(tmp_path / "class.zip", released)

    def collect():
        lms.collect(Course(Path.cwd()), NAME, packed, "moodle", {})

    whole = copy(base, tmp_path / "whole")
    for last in kills(writes(whole, collect)):
        cut = copy(base, tmp_path / f"cut-{last}")
        assert writes(cut, collect, last) is None
        for student in ("1", "2"):
            there, before, after = (tree(top / "submitted" / student / NAME) for top in (cut, base, whole))
            assert there in ({}, before, after), "a submission is there in part"
        writes(cut, collect)
        assert tree(cut / "submitted") == tree(whole / "submitted")
        assert list(tree(cut / "replaced").values()) == list(tree(older).values())


def test_nbgraders_own_zip_collect_that_was_cut_off_is_right_after_force(tmp_path, released):
    base = copy(released.folder, tmp_path)
    place = base / "downloaded" / NAME / "archive"
    place.mkdir(parents=True)
    for student in ("ann", "bob"):
        (place / f"{student}_{NAME}.ipynb").write_text(json.dumps(released.solved()))
    with open(base / "nbgrader_config.py", "a") as settings:
        settings.write("c.FileNameCollectorPlugin.named_regexp = r'.*/(?P<student_id>\\w+)_(?P<file_id>.*)'\n")
    whole, work = copy(base, tmp_path / "whole"), nbgrader("zip_collect", NAME, "--force")
    for last in kills(writes(whole, work)):
        cut = copy(base, tmp_path / f"cut-{last}")
        assert writes(cut, work, last) is None
        writes(cut, work)
        assert tree(cut / "submitted") == tree(whole / "submitted") and len(tree(cut / "submitted")) == 2
