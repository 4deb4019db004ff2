"""A reader who pastes a document's Python into a fresh folder, block after block, gets what it says."""

import re
from pathlib import Path

import pytest

from dgm_tutor import training

ROOT = Path(__file__).resolve().parents[2]
BLOCK = re.compile(r"^```python(.*)\n((?:.*\n)*?)```$", re.MULTILINE)
DOCUMENTS = {
    name: blocks
    for path in [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md"))]
    if (blocks := BLOCK.findall(path.read_text(encoding="utf-8"))) and (name := str(path.relative_to(ROOT)))
}
SLOW = {"docs/models/flow_gan.md", "docs/models/mvae.md", "docs/models/pixelcnn.md", "docs/models/vrnn.md"}


@pytest.fixture
def in_a_fresh_folder(tmp_path, monkeypatch):
    """Training takes two steps: that a document's numbers are reached is what claims and benchmarks are for."""
    fit = training.fit

    def two_steps(*args, steps, **settings):
        return fit(*args, steps=min(steps, 2), progress=False, **settings)

    monkeypatch.setattr(training, "fit", two_steps)
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=pytest.mark.slow if name in SLOW else ()) for name in DOCUMENTS]
)
def test_its_python_runs_as_it_stands(name, in_a_fresh_folder):
    """A block marked ``fragment`` is left out: it downloads, wants several processes, or has dots in it."""
    code = "\n".join(block for mark, block in DOCUMENTS[name] if mark.strip() != "fragment")
    exec(compile(code, name, "exec"), {"__name__": "__main__"})


def test_marks_are_known_and_few():
    marks = [mark.strip() for blocks in DOCUMENTS.values() for mark, _ in blocks]
    assert set(marks) == {"", "fragment"} and marks.count("fragment") == 3
