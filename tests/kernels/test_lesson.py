"""The page lecture12/kernels: its exercises accept what is right and name what is not; its counting counts."""

import re

import pytest
import torch

from dgm_tutor.figures import kernels as figures
from dgm_tutor.kernels import lesson
from tests.kernels import linux


def test_right_launches_are_accepted():
    assert lesson.check_row_sums(lesson.row_sums).startswith("Right")
    assert lesson.check_log_sums(lambda values: values.logsumexp(1)).startswith("Right")


def test_wrong_ones_are_told_where():
    def behind(z):
        return (-z.shape[1] % 4) * torch.exp(-z.square().sum(0))

    for wrong, words in (
        (lambda z: lesson.row_sums(z) + 1, "With 1 point, row 0 gives 1, and the formula 0. Each point is paired with"),
        (lambda z: lesson.row_sums(z) + behind(z), "formula 0. Places behind the last point are counted."),
        (
            lambda z: lesson.row_sums(z) + 1 + behind(z),
            "itself, and places behind the last one are counted.",
        ),
        (lambda z: lesson.row_sums(z) / 2, "With 3 points, row 0 gives .* Is every other point there, once?"),
    ):
        assert re.search(words, lesson.check_row_sums(wrong))
    assert "around -10,000" in lesson.check_log_sums(lambda values: values.exp().sum(1).log())


def test_bytes_are_those_of_the_arguments_and_results_of_each_operation():
    x = torch.zeros(1000)
    with lesson.Counted() as counted:
        (x + 1).view(10, 100).exp()
    assert (counted.operations, counted.bytes) == (2, 4 * 4000)


def test_the_roofline_says_what_it_shows():
    picture = figures.roofline(lesson.CHIPS, {"slow": (1.0, 1.0), "fast": (1e4, 1.0)})
    assert "slow does 1 operations a byte and can reach 3.95% of a T4's peak" in picture.alt
    assert "fast does 1e+04 operations a byte and can reach 100%" in picture.alt


PAGE = """
import os
from pathlib import Path
os.environ["TRITON_INTERPRET"] = "1"
import jupytext
source = Path("lecture12/kernels.py").read_text(encoding="utf-8")
cells = {c.metadata["title"]: c.source for c in jupytext.reads(source, fmt="py:percent").cells if c.cell_type == "code"}
keep = "(other < n)[None, :] & (own[:, None] != other[None, :])"
mended = {
    "Write the kernel": ("tl.exp(-r), axis", f"tl.where({keep}, tl.exp(-r), 0), axis"),
    "Write the streaming sum": ("total = total +", "total = total * tl.exp(greatest - new) +"),
}
for title in ("Set up", "Write the kernel", "Launch it", "Write the streaming sum", "Launch the streaming sum"):
    text = cells[title]
    if title in mended:
        old, new = mended[title]
        assert text.count(old) == 1, title
        text = text.replace(old, new)
    file = Path(os.environ["FOLDER"], title.replace(" ", "_") + ".py")  # Triton reads a kernel's source from a file
    file.write_text(text)
    exec(compile(text, str(file), "exec"), globals())
    if title == "Launch it":
        assert lesson.check_row_sums(launch).startswith("Right"), lesson.check_row_sums(launch)
assert lesson.check_log_sums(launch_log_sums).startswith("Right"), lesson.check_log_sums(launch_log_sums)
"""


@linux
@pytest.mark.slow
def test_what_the_hints_say_solves_the_exercises(python, tmp_path):
    python(PAGE, FOLDER=str(tmp_path), DGM_BACKEND="auto")


@linux
@pytest.mark.slow
def test_machine_code_is_described_even_from_an_interpreters_process(python):
    python("from dgm_tutor.kernels import lesson; assert len(lesson.registers('pairwise')) == 4", TRITON_INTERPRET="1")
