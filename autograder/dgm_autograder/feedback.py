"""The page a student gets back: questions by name, formulas as MathML, no script in it, and nothing that it fetches."""

import copy
import re
from pathlib import Path

from jinja2 import DictLoader, pass_context
from nbconvert.exporters import HTMLExporter
from nbconvert.filters.markdown_mistune import IPythonRenderer, MarkdownWithMath
from nbformat import NotebookNode
from nbgrader.preprocessors import GetGrades
from traitlets import default

from dgm_autograder.formulas import CSS, mathml
from dgm_autograder.ordinary import SEALED

# nbconvert's pages load MathJax from a remote server. In its place: how formulas look, and a policy by which a browser
# runs no script and fetches nothing, whatever else the page holds.
POLICY = "default-src 'none'; img-src data:; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"
# nbgrader's page is made for a wide window: on a narrow one lines wrap, and what cannot wrap scrolls by itself.
LAYOUT = """
#notebook .nbgrader_cell .panel-heading { height: auto; overflow: hidden; }
#notebook .nbgrader_cell .panel-heading a { color: white; text-decoration: underline; }
#toc a { text-decoration: underline; }
@media (max-width: 600px) {
  .container, #notebook-container, .panel-body { padding-left: 4px; padding-right: 4px; }
  pre { white-space: pre-wrap !important; overflow-wrap: anywhere; }
  .rendered_html p, .rendered_html li { overflow-x: auto; overflow-y: hidden; }
}
"""
HEAD = (
    f'<meta http-equiv="Content-Security-Policy" content="{POLICY}">'
    f'<meta name="viewport" content="width=device-width, initial-scale=1"><style>{CSS}{LAYOUT}</style>'
)
TEMPLATE = "questions.html.j2"
HEADING = re.compile(r"^#{1,6}[ \t]+(.+?)[ \t#]*$", re.MULTILINE)
MOST = 2_000  # formulas of one page; those that come later stay LaTeX


class Renderer(IPythonRenderer):
    """Markdown to HTML. A formula that has no MathML stays LaTeX."""

    def inline_math(self, body: str) -> str:
        """Mathematics within a line."""
        return self.formula(body, False) or super().inline_math(body)

    def block_math(self, body: str) -> str:
        """Mathematics on lines of its own."""
        return self.formula(body, True) or super().block_math(body)

    def latex_environment(self, name: str, body: str) -> str:
        r"""Mathematics between \begin and \end."""
        return self.formula(f"\\begin{{{name}}}{body}\\end{{{name}}}", True) or super().latex_environment(name, body)


class Grades(GetGrades):
    """The marks from the gradebook, and whether an answer still waits for its mark by hand."""

    def _get_score(self, cell: NotebookNode, resources: dict) -> None:
        super()._get_score(cell, resources)
        about = cell.metadata.nbgrader
        grade = self.gradebook.find_grade(about.grade_id, self.notebook_id, self.assignment_id, self.student_id)
        about["waiting"] = bool(about.solution and grade.needs_manual_grade)


class FeedbackPage(HTMLExporter):
    """nbgrader's feedback page, complete in itself."""

    @default("template_file")
    def _template(self) -> str:
        return TEMPLATE

    @default("extra_loaders")
    def _head(self) -> list[DictLoader]:
        head = f"{{% macro mathjax(url='') %}}{HEAD}{{% endmacro %}}"
        return [DictLoader({"mathjax.html.j2": head, TEMPLATE: Path(__file__).with_name(TEMPLATE).read_text()})]

    def from_notebook_node(self, nb: NotebookNode, resources: dict | None = None, **kw):
        """The page of a notebook."""
        self.left = MOST
        return super().from_notebook_node(named(nb), resources, **kw)

    @pass_context
    def markdown2html(self, context, source: str) -> str:
        """nbconvert's filter, with formulas."""
        attachments = context.get("cell", {}).get("attachments", {})
        # without links behind headings: a sign and a tab stop each, and nobody follows them
        renderer = Renderer(escape=False, attachments=attachments, exclude_anchor_links=True)
        renderer.formula = self._formula
        return MarkdownWithMath(renderer=renderer).render(source)

    def _formula(self, latex: str, display: bool) -> str | None:
        self.left -= 1
        return mathml(latex, display) if self.left >= 0 else None


def named(nb: NotebookNode) -> NotebookNode:
    """The notebook with a title for every question, the heading above it, which is what a student knows it by.

    A second question below the same heading is told apart by its id. The mark as a number, which nbgrader wants below
    a check, goes: the verdict says it in words.
    """
    nb = copy.deepcopy(nb)
    heading, seen = "", set()
    for cell in nb.cells:
        about = cell.metadata.get("nbgrader", {})
        if about.get("grade") or about.get("task"):
            title = about["title"] = heading or about["grade_id"]
            if title in seen:
                about["title"] = f"{title} ({about['grade_id']})"
            seen.add(title)
        elif cell.cell_type == "markdown":
            heading = [heading, *HEADING.findall(cell.source)][-1]
        if about.get("grade") and cell.cell_type == "code" and SEALED.search(cell.source):
            cell.outputs = [output for output in cell.outputs if output.output_type == "display_data"]
    return nb
