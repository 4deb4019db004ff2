"""What is released was checked: solutions pass, stubs fail, wrong answers fail, the notebook is up to date."""

import contextlib
import io
import json

import pytest

from dgm_tutor.cli import main

from ..attacks.course import NAME, RIGHT, SmallCourse

WRONG = "# exercise: scale\n# slip: {slip}\n# says: Twice.\n# source: none\n{text}\n"


def step(course: SmallCourse, command: str) -> tuple[int, dict[str, dict], str]:
    """The exit code, the findings by claim, what was said on stderr."""
    said, told = io.StringIO(), io.StringIO()
    with contextlib.chdir(course.folder), contextlib.redirect_stdout(said), contextlib.redirect_stderr(told):
        code = main(["class", command, NAME, "--seeds", "2", "--jobs", "1", "--json"])
    return code, {finding["claim"]: finding for finding in json.loads(said.getvalue())}, told.getvalue()


@pytest.mark.slow
def test_a_release_is_checked_and_refused_where_a_check_fails(tmp_path):
    course = SmallCourse(tmp_path)
    exercises, released = course.folder / "exercises" / NAME, course.folder / "release" / NAME / f"{NAME}.ipynb"
    (exercises / "wrong" / "scale_thrice.py").write_text(
        WRONG.format(slip="thrice", text=RIGHT["scale"].replace("2", "3"))
    )
    (exercises / "right" / "total.py").write_text(f"# exercise: total\n# how: the same\n{RIGHT['total']}\n")
    released.unlink()
    code, findings, _ = step(course, "release")
    assert code == 0 and len(findings) == 5 and all(finding["holds"] for finding in findings.values())
    assert "SOLUTION" not in released.read_text() and "### Double" in released.read_text()

    (exercises / "wrong" / "scale_twice.py").write_text(WRONG.format(slip="none", text=RIGHT["scale"]))
    (exercises / "exercise.py").write_text((exercises / "exercise.py").read_text().replace("# # Small", "# # Smaller"))
    released.unlink()
    code, findings, told = step(course, "release")
    failed = [claim for claim, finding in findings.items() if not finding["holds"]]
    assert code == 1 and "not released" in told and not released.exists()
    assert failed == [
        "the source notebook is made from these exercises",
        "2 wrong answers are refused, on 2 draws each",
    ]
    assert "wrong/scale_twice.py" in findings[failed[1]]["note"]
