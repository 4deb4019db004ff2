"""What a student's cells show is cleaned before anyone looks at it in a browser: Formgrader or the feedback page.

Plain text, pictures and harmless HTML stay. Scripts, handlers, forms, frames, remote pictures, styles that fetch and
every other kind of output go; in a student's Markdown, HTML is shown as text and remote pictures become links. What
would keep a page's makers busy for hours, though it is short, is cut.
"""

import contextlib
import re
from collections.abc import Iterable

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
CLEANER.parser.tree.reconstructActiveFormattingElements = lambda: None  # n open tags and n paragraphs would make n * n
PICTURE = re.compile(r'src="(?!data:image/(?:png|jpeg|gif);base64,)[^"]*"')
NOT_LINKED = r"(?!https?://|#|mailto:|attachment:|\s)."  # the beginning of a target that may be a script
ATTACHED = r"([^\[\]]{0,300}\]\(attachment:([\w.-]{1,100})\))"  # what follows on ![ where the picture may be there
MAX_HTML = 200_000  # characters; beyond it the plain text stays
MAX_TAGS, MAX_TAGS_ALL = 6_000, 60_000  # of one output and of a notebook: within one another each costs all above it
MAX_CODES = 5_000  # escape codes of one text: each costs as much as the text is long
MAX_CELL, MAX_CELLS = 20_000, 200_000  # characters of one student's cell, and of all, that are shown
SPACE = re.compile(r"\s{100,}")  # a lexer looks from each blank to the last
ESCAPE = re.compile(r"\x1b(?:\[[0-9;:]*[@-~])?")
CUT = "\n... ({} more characters: see what was handed in)"


def html(text: str) -> str:
    """HTML with nothing in it that acts or fetches."""
    return PICTURE.sub("", CLEANER.clean(text))


def markdown(text: str, attached: Iterable[str] = ()) -> str:
    """Markdown whose HTML shows as text, whose links lead to pages, and which has no picture that is not `attached`."""
    text = re.sub(r"<(?=[A-Za-z/!?])", "&lt;", text)
    text = re.sub(rf"(\](?:\(|:)\s*)(?={NOT_LINKED})", r"\1#", text)
    return re.sub(rf"!\[{ATTACHED}?", lambda found: _picture(found, attached), text, flags=re.ASCII)


def locked(text: str, attached: Iterable[str]) -> str:
    """An instructor's Markdown; pictures whose attachment was not handed in would break the page, and become links."""
    return re.sub(rf"!\[{ATTACHED}", lambda found: _picture(found, attached), text, flags=re.ASCII)


def _picture(found: re.Match, attached: Iterable[str]) -> str:
    return found[0] if found[2] in attached else f"[{found[1] or ''}"


def data(bundle: dict, tags: int = MAX_TAGS) -> dict:
    """Of an output's representations, those that are plain text, a picture or clean HTML of no more than `tags`."""
    kept = {}
    for kind, value in bundle.items():
        value = "".join(map(str, value)) if isinstance(value, list) else value
        if not isinstance(value, str):
            continue
        if kind == "text/plain":
            kept[kind] = uncoded([value])[0]
        elif kind in ("image/png", "image/jpeg") and BASE64.fullmatch(value):
            kept[kind] = value
        elif kind == "text/html" and len(value) <= MAX_HTML and value.count("<") <= tags:
            with contextlib.suppress(RecursionError):  # of brackets in a style
                kept[kind] = html(value)
    return kept


def uncoded(texts: list[str]) -> list[str]:
    """The texts, without escape codes where these are very many."""
    if sum(text.count("\x1b") for text in texts) <= MAX_CODES:
        return texts
    return [ESCAPE.sub("", text) for text in texts]


class CleanOutput(NbGraderPreprocessor):
    """Cleans what cells show, and students' Markdown, in the autograded notebook; what was handed in stays as it is."""

    def preprocess(self, nb: NotebookNode, resources: dict):
        """Clean a notebook."""
        self.room, self.tags = MAX_CELLS, MAX_TAGS_ALL
        return super().preprocess(nb, resources)

    def preprocess_cell(self, cell: NotebookNode, resources: dict, index: int):
        """Clean one cell."""
        students = not cell.metadata.get("nbgrader", {}).get("locked")
        if students:
            cell.source = self._shown(cell.source)
        if cell.cell_type == "code":
            cell.outputs = [self._output(output) for output in cell.outputs]
        else:
            cell.source = (markdown if students else locked)(cell.source, cell.get("attachments", {}))
        return cell, resources

    def _shown(self, source: str) -> str:
        """As much of a student's text as pages are made of in seconds."""
        room = min(MAX_CELL, self.room)
        self.room -= min(len(source), room)
        shown = SPACE.sub(lambda found: found[0][:100], source[:room])
        return shown if len(source) <= room else shown + CUT.format(len(source) - room)

    def _output(self, output: NotebookNode) -> NotebookNode:
        if "data" in output:
            output.data, output.metadata = NotebookNode(data(output.data, min(MAX_TAGS, self.tags))), NotebookNode()
            self.tags -= output.data.get("text/html", "").count("<")
        elif output.output_type == "stream":
            output.text = uncoded([output.text])[0]
        elif output.output_type == "error":
            output.traceback = uncoded(output.traceback)
        return output


class CleanComments(NbGraderPreprocessor):
    """In feedback: the grader's comments quote cells and names of files, and nbgrader shows them as Markdown."""

    def preprocess_cell(self, cell: NotebookNode, resources: dict, index: int):
        """Clean the comment on one cell."""
        about = cell.metadata.get("nbgrader", {})
        if about.get("comment"):
            about["comment"] = markdown(about["comment"])
        return cell, resources


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
