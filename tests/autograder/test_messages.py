"""How much of what a kernel says is kept, and that the machine's trouble is nobody's."""

import errno
import os
from pathlib import Path

import pytest
from dgm_autograder import converters, intake
from dgm_autograder.messages import FLOOD, KEPT, KEPT_ALL, Quota
from nbgrader.converters import NbGraderException
from nbgrader.coursedir import CourseDirectory


def test_a_cell_keeps_little_and_all_cells_together_no_more_than_a_few():
    left, kept = KEPT_ALL, []
    for _ in range(2 * KEPT_ALL // KEPT):
        quota = Quota(left)
        kept.append(sum(quota.admit({"size": KEPT // 4}) for _ in range(8)))
        assert quota.note() and not quota.reason
        left -= quota.kept
    assert kept == [4] * (KEPT_ALL // KEPT) + [0] * (KEPT_ALL // KEPT) and left == 0


def test_what_is_shown_in_many_places_counts_for_each():
    quota = Quota()
    assert quota.admit({"size": KEPT // 4}, places=3) and not quota.admit({"size": KEPT // 4}, places=2)
    assert not quota.admit({"size": FLOOD // 300}, places=400) and quota.reason


@pytest.mark.parametrize(("number", "stops"), [(errno.ENOSPC, True), (errno.EROFS, True), (errno.ENAMETOOLONG, False)])
def test_a_full_disk_is_nobodys_zero(tmp_path, monkeypatch, number, stops):
    def stage(*_):
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(intake, "stage", stage)
    command = converters.ClassAutograde(coursedir=CourseDirectory(root=str(tmp_path), assignment_id="a"))
    monkeypatch.setattr(command, "_expected", lambda _: ["sheet"])
    monkeypatch.setattr(command, "students", lambda _: [("ann", tmp_path / "ann")])
    command.staged = []
    if stops:
        with pytest.raises(NbGraderException, match=os.strerror(number)):
            command.init_notebooks()
    else:
        command.init_notebooks()
        assert command.staged == ["ann"] and Path(tmp_path, ".intake", "ann", "a", "sheet.ipynb").is_file()
