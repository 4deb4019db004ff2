"""Every rule is broken once, and the sentence says which; then the course's own pages keep them all."""

import nbformat
import page_rules
import pages
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

HTML = "text/html"


def shown(**data):
    return new_output("display_data", {k.replace("_", "/"): v for k, v in data.items()})


def notebook(*outputs, text="# Title\n\n## Part one", code="1"):
    cells = [new_markdown_cell(text, id="text"), new_code_cell(code, execution_count=1, outputs=list(outputs), id="c")]
    return new_notebook(cells=cells)


def found(tmp_path, nb) -> list[str]:
    path = tmp_path / "10_x.ipynb"
    nbformat.write(nb, path)
    return page_rules.problems(nb, path, pages.ROOT)


def test_a_plain_page_has_no_problem(tmp_path):
    good = '<img alt="a digit" src="x"><svg aria-hidden="true"></svg>'
    text = "# Title\n\n## Part one\n\n[there](#Part-one), [a file](10_x.ipynb), `[code](#no)`\n\n```\n# no heading\n```"
    assert found(tmp_path, notebook(shown(text_html=good, image_png="x"), text=text)) == []


BROKEN = {
    "arrives without alt": (notebook(shown(image_png="x")), "without alt text"),
    "empty alt": (notebook(shown(text_html='<img alt=" " src="x">')), "<img> has no words"),
    "svg without a name": (notebook(shown(text_html="<svg></svg>")), "<svg> has no words"),
    "markdown picture": (notebook(text="# Title\n\n![](x.png)"), "no alt text"),
    "widget": (notebook(shown(**{"application_vnd.jupyter.widget-view+json": {}})), "dead without its kernel"),
    "error": (notebook(new_output("error", ename="E", evalue="boom", traceback=[])), "E: boom"),
    "stderr": (notebook(new_output("stream", name="stderr", text="w")), "stderr"),
    "long": (notebook(code="\n".join(["x = 1"] * 16)), "16 lines"),
    "two titles": (notebook(text="# One\n\n# Two"), "one title"),
    "no title": (notebook(text="## Two"), "one title"),
    "jump": (notebook(text="# One\n\n### Three"), "level 3 follows one of level 1"),
    "jump in an output": (notebook(shown(text_html="<h4>deep</h4>")), "level 4 follows one of level 2"),
    "anchor": (notebook(text="# Title\n\n[x](#part)"), "#part"),
    "file": (notebook(text="# Title\n\n[x](nowhere.md)"), "nowhere.md leads nowhere"),
    "address": (notebook(shown(text_plain="<function f at 0x7f00aa11bb22>")), "address in memory"),
    "path": (notebook(shown(text_plain=f"{pages.ROOT}/x")), "path of this machine"),
    "too large": (notebook(shown(text_html="x" * page_rules.LARGEST_PAGE)), "too large"),
}


@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_rule_is_reported(tmp_path, name):
    nb, says = BROKEN[name]
    assert any(says in problem for problem in found(tmp_path, nb)), found(tmp_path, nb)


def test_a_cell_not_run_and_widget_metadata_are_reported(tmp_path):
    nb = notebook()
    nb.cells[1].execution_count = 7
    nb.metadata.widgets = {}
    assert len(found(tmp_path, nb)) == 2


def test_a_changed_cell_is_named(tmp_path):
    source = tmp_path / "10_x.py"
    source.write_text("# %% Title [markdown]\n# # Title\n\n# %% Sum\n1 + 1\n")
    made = pages.build(source)
    assert pages.check(source) == []
    source.write_text(source.read_text().replace("1 + 1", "1 + 2"))
    assert any("sum" in p and "build 10_x" in p for p in pages.check(source))
    made.unlink()
    assert "missing" in pages.check(source)[0]


def test_the_courses_own_pages_keep_every_rule():
    broken = {s.stem: p for s in pages.sources([]) if (p := pages.check(s))}
    assert not broken, broken


def test_no_page_and_no_widget_draws_through_global_state():
    """A cell that trains and a slider that moves would swap figures drawn through pyplot."""
    files = [*pages.LECTURE.glob("*.py"), *(pages.ROOT / "dgm_tutor").rglob("*.py")]
    assert len(files) > 10
    guilty = [str(f.relative_to(pages.ROOT)) for f in files if "pyplot" in f.read_text(encoding="utf-8")]
    assert not guilty, f"use dgm_tutor.figures.figure() and show() instead of pyplot in {guilty}"
