"""LaTeX formulas as MathML, which browsers show by themselves, with no script and nothing to fetch.

latex2mathml reads the LaTeX; what it makes is built anew from the elements and attributes below, for a student may have
written it: its text is escaped here (latex2mathml's own output lets a `<script>` through), and links, styles, classes
and macros, which can grow without bound, are refused. Letters of a style are the Unicode characters of that style, and
spaces have lengths, as MathML Core knows no others.
"""

import html
import re
import unicodedata
from xml.etree.ElementTree import Element, SubElement, tostring

from latex2mathml.converter import convert_to_element

ELEMENTS = {"math", "mrow", "mi", "mn", "mo", "mtext", "mspace", "mstyle", "mpadded", "mphantom", "mfrac", "msqrt"}
ELEMENTS |= {"mroot", "msub", "msup", "msubsup", "munder", "mover", "munderover", "mtable", "mtr", "mtd"}
CHILDREN = dict.fromkeys(("mfrac", "mroot", "msub", "msup", "munder", "mover"), 2) | {"msubsup": 3, "munderover": 3}
ATTRIBUTES = {"display", "displaystyle", "scriptlevel", "mathvariant", "mathsize", "mathcolor", "stretchy", "fence"}
ATTRIBUTES |= {"form", "separator", "accent", "movablelimits", "largeop", "linethickness", "width", "height", "depth"}
ATTRIBUTES |= {"lspace", "rspace", "voffset", "minsize", "maxsize", "columnalign"}
DROPPED = {"xmlns", "rowspacing", "columnspacing"}  # which browsers do not know, and nobody misses
VALUE = re.compile(r"[\w.+#-]*", re.ASCII)
SPACES = {"thin": "0.167em", "medium": "0.222em", "thick": "0.278em"}
ESCAPED = re.compile(r"\\([_%$#&{}])")  # in text
DEFINES = re.compile(r"\\(?:def|let|new|renew|provide|Declare)")
# What latex2mathml does not know, as what it knows.
REWRITTEN = [
    (re.compile(r"&lt;"), "<"),  # as students' Markdown has it after cleaning
    (re.compile(r"(\\(?:begin|end)){aligned}"), r"\1{split}"),
    (re.compile(r"\\\\\s*\[[\d.]+[a-z]+\]"), r"\\\\ "),  # the height of a line's end
    (re.compile(r"\\arg\s*\\(min|max)"), r"\\arg\1"),
]
ROWS = {"math", "mrow", "mstyle", "mtd", "mpadded", "mphantom", "msqrt"}
SCRIPTS = {"msub": "munder", "msup": "mover", "msubsup": "munderover"}  # beside a letter; below and above an operator
NAME = re.compile(r"[a-z\u2009]{2,}", re.IGNORECASE)  # of a function
UNDER = re.compile("(arg\u2009)?(min|max|sup|inf|lim)")  # those that have their scripts below
LONGEST, DEEPEST = 5_000, 50  # characters, and elements inside one another
CSS = """
math { font-family: "STIX Two Math", "Cambria Math", "STIX Math", "Latin Modern Math", "TeX Gyre Termes Math", math; }
mtd[columnalign=left] { text-align: left; padding-left: 0; }
mtd[columnalign=right] { text-align: right; padding-right: 0; }
mtext[mathvariant=bold] { font-weight: bold; }
mtext[mathvariant=italic] { font-style: italic; }
mtext[mathvariant=monospace] { font-family: monospace; }
mtext[mathvariant=sans-serif] { font-family: sans-serif; }
math[display=block] { margin: 0.7em 0; }
"""


def mathml(latex: str, display: bool) -> str | None:
    """A formula (without its dollars) for a page; None where it has no faithful form."""
    if len(latex) > LONGEST or DEFINES.search(latex):
        return None
    for pattern, known in REWRITTEN:
        latex = pattern.sub(known, latex)
    try:
        made = convert_to_element(latex, display="block" if display else "inline")
        clean = _clean(made, Element("top"), DEEPEST)
        _set_functions(clean)
    except Exception:  # of many kinds: a formula may be anything
        return None
    return tostring(clean, encoding="unicode", short_empty_elements=False)


def _clean(made: Element, parent: Element, depth: int) -> Element:
    """`made` below `parent`, from what is known only. Raises `ValueError` where that is not all."""
    if made.tag not in ELEMENTS or len(made) != CHILDREN.get(made.tag, len(made)) or depth == 0:
        raise ValueError(f"{made.tag} with {len(made)} below it, {depth} from the deepest")
    attributes = {name: _length(value) for name, value in made.attrib.items() if name not in DROPPED}
    if not attributes.keys() <= ATTRIBUTES or not all(map(VALUE.fullmatch, attributes.values())):
        raise ValueError(f"attributes {attributes}")
    tag, text = made.tag, html.unescape(made.text or "")
    if tag == "mi" and text == "~":
        tag, text = "mo", "\u223c"  # distributed as
    if tag == "mtext":
        text = ESCAPED.sub(r"\1", text)
    if "\\" in text:
        raise ValueError(f"{text} is not known")
    if tag != "mtext" and attributes.get("mathvariant", "normal") != "normal":
        variant = attributes.pop("mathvariant")
        text = "".join(_letter(letter, variant) for letter in text)
    clean = SubElement(parent, tag, attributes)
    clean.text = text
    for child in made:
        _clean(child, clean, depth - 1)
    return clean


def _set_functions(formula: Element) -> None:
    """Names of functions with spaces around them as TeX has them, and their scripts where TeX puts them."""
    for row in [element for element in formula.iter() if element.tag in ROWS]:
        for before, element, after in zip([None, *row], list(row), [*row[1:], None], strict=False):
            core = element[0] if element.tag in SCRIPTS else element
            if core.tag not in ("mi", "mo") or not NAME.fullmatch(core.text or ""):
                continue
            core.tag = "mo"
            core.set("lspace", "0em" if before is None or before.tag == "mo" else SPACES["thin"])
            core.set("rspace", "0em" if after is None or after.tag == "mo" else SPACES["thin"])
            if UNDER.fullmatch(core.text):
                core.set("movablelimits", "true")
                element.tag = SCRIPTS.get(element.tag, element.tag)


def _length(value: str) -> str:
    """Spaces that have names, as lengths."""
    named = re.fullmatch(r"(negative)?(?:very)*(thin|medium|thick)mathspace", value)
    return f"{'-' if named[1] else ''}{SPACES[named[2]]}" if named else value


def _letter(letter: str, variant: str) -> str:
    """A letter or digit in a style: E, double-struck, is 𝔼; itself where Unicode has none."""
    plain = re.sub(r"LATIN |GREEK |LETTER ", "", unicodedata.name(letter, ""))
    style = variant.upper().replace("-ITALIC", " ITALIC")
    for first in (f"MATHEMATICAL {style}", style, style.replace("FRAKTUR", "BLACK-LETTER")):
        try:
            return unicodedata.lookup(f"{first} {plain}")
        except KeyError:
            continue
    return letter
