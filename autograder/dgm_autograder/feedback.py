"""The page a student gets back: formulas as MathML, no script in it, and nothing that it fetches."""

from jinja2 import DictLoader, pass_context
from nbconvert.exporters import HTMLExporter
from nbconvert.filters.markdown_mistune import IPythonRenderer, MarkdownWithMath
from nbformat import NotebookNode
from traitlets import default

from dgm_autograder.formulas import CSS, mathml

# nbconvert's pages load MathJax from a remote server. In its place: how formulas look, and a policy by which a browser
# runs no script and fetches nothing, whatever else the page holds.
POLICY = "default-src 'none'; img-src data:; style-src 'unsafe-inline'"
HEAD = f'<meta http-equiv="Content-Security-Policy" content="{POLICY}"><style>{CSS}</style>'
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


class FeedbackPage(HTMLExporter):
    """nbgrader's feedback page, complete in itself."""

    @default("extra_loaders")
    def _head(self) -> list[DictLoader]:
        return [DictLoader({"mathjax.html.j2": f"{{% macro mathjax(url='') %}}{HEAD}{{% endmacro %}}"})]

    def from_notebook_node(self, nb: NotebookNode, resources: dict | None = None, **kw):
        """The page of a notebook."""
        self.left = MOST
        return super().from_notebook_node(nb, resources, **kw)

    @pass_context
    def markdown2html(self, context, source: str) -> str:
        """nbconvert's filter, with formulas."""
        renderer = Renderer(escape=False, attachments=context.get("cell", {}).get("attachments", {}))
        renderer.formula = self._formula
        return MarkdownWithMath(renderer=renderer).render(source)

    def _formula(self, latex: str, display: bool) -> str | None:
        self.left -= 1
        return mathml(latex, display) if self.left >= 0 else None
