"""Building a page: what is kept, what is stripped, what is refused, and that nobody's work is lost."""

import json

import nbformat
import pages
import pytest

PAGE = """# %% A title [markdown]
# # A title
#
# Go to [the picture](#The-picture).

# %% Set up
import sys

from dgm_tutor.widgets import accessible

print("to stderr", file=sys.stderr)
print("10%\\r100%")
accessible()

# %% The picture [markdown]
# ## The picture

# %% Slide tags=["hide-input"]
import ipywidgets

from dgm_tutor.figures import Picture, png, tile
from dgm_tutor.widgets import View

still = Picture(png(tile([[[0.5]]])), "one grey pixel", 40)
View(ipywidgets.FloatSlider(description="beta"), still)
"""


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    source = tmp_path_factory.mktemp("lecture") / "10_slide.py"
    source.write_text(PAGE)
    return source, pages.build(source).read_text()


@pytest.fixture
def page(built, tmp_path):
    """A copy of the built page that a test may spoil."""
    source, made = tmp_path / "10_slide.py", tmp_path / "10_slide.ipynb"
    source.write_text(PAGE)
    made.write_text(built[1])
    return source, made


def test_a_built_page_passes_its_check(built):
    assert pages.check(built[0]) == []


def test_ids_come_from_titles_and_do_not_change(built):
    cells = json.loads(built[1])["cells"]
    assert [c["id"] for c in cells] == ["a-title", "set-up", "the-picture", "slide"]
    assert cells[3]["metadata"] == {"title": "Slide", "tags": ["hide-input"]}


def test_what_a_dead_kernel_leaves_is_the_still_picture(built):
    notebook = nbformat.reads(built[1], as_version=4)
    (shown,) = notebook.cells[3].outputs
    assert set(shown.data) == {"text/html", "image/png", "text/plain"}
    assert 'alt="one grey pixel"' in shown.data["text/html"]
    assert "widgets" not in notebook.metadata and "execution" not in notebook.cells[3].metadata


def test_noise_goes_and_the_last_state_of_a_line_stays(built):
    outputs = nbformat.reads(built[1], as_version=4).cells[1].outputs
    assert [(o.output_type, o.text) for o in outputs] == [("stream", "100%\n")]


def test_building_again_gives_the_same_bytes_and_no_copy(built):
    source, before = built
    assert pages.build(source).read_text() == before
    assert not list(source.parent.glob("*.backup-*"))


def test_a_notebook_edited_by_hand_is_kept_before_it_is_replaced(page):
    source, made = page
    mine = made.read_text().replace("beta", "my own beta")
    made.write_text(mine)
    pages.keep(made)
    (copy,) = source.parent.glob("10_slide.backup-*.ipynb")
    assert copy.read_text() == mine
    assert [p.stem for p in pages.sources([], source.parent)] == ["10_slide"], "a copy is no page"


def test_a_file_that_is_no_notebook_any_more_is_kept_too(page):
    page[1].write_text("half a note")
    pages.keep(page[1])
    assert [p.read_text() for p in page[0].parent.glob("*.backup-*")] == ["half a note"]


def test_running_it_again_by_hand_is_no_edit(page):
    notebook = nbformat.read(page[1], as_version=4)
    notebook.cells[1].outputs = []
    nbformat.write(notebook, page[1])
    pages.keep(page[1])
    assert not list(page[0].parent.glob("*.backup-*"))


def test_a_failing_cell_is_named_and_leaves_the_notebook_alone(page):
    source, made = page
    before = made.read_text()
    source.write_text(PAGE + "\n# %% It breaks\n1 / 0\n")
    with pytest.raises(pages.PageError, match="(?s)It breaks.*ZeroDivisionError"):
        pages.build(source)
    assert made.read_text() == before
    assert pages.main(["build"], source.parent) == 1


def test_a_widget_that_leaves_nothing_to_see_is_refused(tmp_path):
    source = tmp_path / "01_bare.py"
    source.write_text("# %% Bare\nimport ipywidgets\n\nipywidgets.IntSlider()\n")
    with pytest.raises(pages.PageError, match="View"):
        pages.build(source)


@pytest.mark.parametrize(
    ("source", "says"),
    [
        ("# %% One\n1\n\n# %%\n2\n", ":4: .*no title"),
        ("# %% One\n1\n\n# %% one!\n2\n", r":4: .*taken \(line 1\)"),
        ("import torch\n\n# %% One\n1\n", ":1: .*begins with a cell"),
        ('# %% One\nx = """\n# %% two\n"""\n', "inside a string"),
    ],
)
def test_a_source_is_refused_at_the_line_at_fault(tmp_path, source, says):
    path = tmp_path / "01_x.py"
    path.write_text(source)
    with pytest.raises(pages.PageError, match=says):
        pages.read(path)
    assert pages.check(path)


def test_a_new_page_builds_and_is_not_begun_twice(tmp_path, capsys):
    assert pages.main(["new", "11_family"], tmp_path) == 0
    assert pages.main(["build", "11_family"], tmp_path) == 0
    assert pages.main(["new", "11_family"], tmp_path) == 2
    assert pages.main(["new", "family"], tmp_path) == 2
    assert pages.main(["check", "12_none"], tmp_path) == 2
    assert "11_family" in capsys.readouterr().err
