"""What a student's cells show is cleaned before anyone looks at it in a browser: Formgrader or the feedback page.

Plain text, pictures and harmless HTML stay. Scripts, handlers, forms, frames, remote pictures, styles that fetch and
every other kind of output go; in a student's Markdown, HTML is shown as text and remote pictures become links.
"""

import re

import bleach
from bleach.css_sanitizer import CSSSanitizer
from nbformat import NotebookNode
from nbgrader.preprocessors import ClearHiddenTests, NbGraderPreprocessor

from dgm_autograder.restore import BASE64

TEXT = ("p", "div", "span", "pre", "code", "b", "i", "em", "strong", "small", "sub", "sup", "br", "hr", "blockquote")
LISTS = ("ul", "ol", "li", "dl", "dt", "dd", "details", "summary", "h1", "h2", "h3", "h4", "h5", "h6", "section")
TABLES = ("table", "caption", "thead", "tbody", "tfoot", "tr", "th", "td", "colgroup", "col", "figure", "figcaption")
ATTRIBUTES = {
    "*": ["style", "role", "title", "lang", "dir", "aria-label", "aria-live", "aria-hidden", "open"],
    "img": ["src", "alt", "width", "height"],
    "td": ["colspan", "rowspan"],
    "th": ["colspan", "rowspan", "scope"],
}
STYLES = ["color", "background-color", "font-weight", "font-style", "text-align", "border", "border-left", "padding"]
STYLES += ["margin", "width", "height", "max-width", "border-radius", "white-space", "text-decoration", "display"]
CLEANER = bleach.Cleaner(
    tags={*TEXT, *LISTS, *TABLES, "img"},
    attributes=ATTRIBUTES,
    protocols={"data"},
    strip=True,
    css_sanitizer=CSSSanitizer(allowed_css_properties=STYLES),
)
PICTURE = re.compile(r'src="(?!data:image/(?:png|jpeg|gif);base64,)[^"]*"')
NOT_LINKED = r"(?!https?://|#|mailto:|attachment:|\s)."  # the beginning of a target that may be a script
MAX_HTML = 200_000  # characters; beyond it the plain text stays


def html(text: str) -> str:
    """HTML with nothing in it that acts or fetches."""
    return PICTURE.sub("", CLEANER.clean(text))


def markdown(text: str) -> str:
    """Markdown whose HTML shows as text, whose links lead to pages, and which fetches no picture."""
    text = re.sub(r"<(?=[A-Za-z/!?])", "&lt;", text)
    text = re.sub(rf"(\](?:\(|:)\s*)(?={NOT_LINKED})", r"\1#", text)
    return re.sub(r"!\[(?![^\]]*\]\(attachment:)", "[", text)


def data(bundle: dict) -> dict:
    """Of an output's representations, those that are plain text, a picture or clean HTML."""
    kept = {}
    for kind, value in bundle.items():
        value = "".join(map(str, value)) if isinstance(value, list) else value
        if not isinstance(value, str):
            continue
        if kind == "text/plain" or (kind in ("image/png", "image/jpeg") and BASE64.fullmatch(value)):
            kept[kind] = value
        elif kind == "text/html" and len(value) <= MAX_HTML:
            kept[kind] = html(value)
    return kept


class CleanOutput(NbGraderPreprocessor):
    """Cleans what cells show, and students' Markdown, in the autograded notebook; what was handed in stays as it is."""

    def preprocess_cell(self, cell: NotebookNode, resources: dict, index: int):
        """Clean one cell."""
        if cell.cell_type == "code":
            cell.outputs = [self._output(output) for output in cell.outputs]
        elif not cell.metadata.get("nbgrader", {}).get("locked"):
            cell.source = markdown(cell.source)
        return cell, resources

    def _output(self, output: NotebookNode) -> NotebookNode:
        if "data" in output:
            output.data, output.metadata = NotebookNode(data(output.data)), NotebookNode()
        return output


class HideTests(ClearHiddenTests):
    """Cuts hidden tests from feedback, and tracebacks that quote them. `c.HideTests.enabled = False` shows both."""

    def preprocess_cell(self, cell: NotebookNode, resources: dict, index: int):
        """Cut one cell, if it is the master's: a student's own may say BEGIN HIDDEN TESTS without consequence."""
        data = cell.metadata.get("nbgrader", {})
        if data.get("grade") and not data.get("solution") and self._remove_hidden_test_region(cell):
            for output in cell.get("outputs", []):
                if output.output_type == "error":
                    output.traceback = [f"{output.ename}: {output.evalue}"]
        return cell, resources
