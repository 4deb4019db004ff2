"""The feedback page: formulas are MathML, whoever wrote them, and the page is complete in itself."""

import json
import re
from xml.etree.ElementTree import fromstring

import pytest
from dgm_autograder.converters import ClassFeedback
from dgm_autograder.feedback import MOST
from dgm_autograder.formulas import ATTRIBUTES, DEEPEST, ELEMENTS, LONGEST, mathml
from nbconvert.filters.markdown_mistune import IPythonRenderer, MarkdownWithMath
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output
from nbgrader.coursedir import CourseDirectory

from .course import ROOT


class Formulas(IPythonRenderer):
    """Collects what the pages' own filter takes for a formula."""

    def __init__(self):
        super().__init__(escape=False)
        self.found = []

    def inline_math(self, body):
        self.found.append((body, False))
        return ""

    def block_math(self, body):
        self.found.append((body, True))
        return ""


def test_every_formula_of_the_course_has_a_form():
    formulas = Formulas()
    for path in [*ROOT.glob("lecture12/*.ipynb"), *ROOT.glob("course/source/*/*.ipynb")]:
        for cell in json.loads(path.read_text())["cells"]:
            texts = [cell["source"]] if cell["cell_type"] == "markdown" else []
            texts += [output.get("data", {}).get("text/latex", "") for output in cell.get("outputs", [])]
            for text in texts:
                MarkdownWithMath(renderer=formulas).render("".join(text))
    assert len(formulas.found) > 60
    assert [latex for latex, display in formulas.found if mathml(latex, display) is None] == []


def shape(latex: str, display: bool = False) -> str:
    """The MathML without its first and last tags, its rows and what is said of spaces."""
    inner = re.fullmatch(r"<math[^>]*>(.*)</math>", mathml(latex, display))[1]
    return re.sub(r' [lr]space="[^"]*"|</?mrow>', "", inner)


@pytest.mark.parametrize(
    ("latex", "form"),
    [
        ("x_{<i}", "<msub><mi>x</mi><mo>&lt;</mo><mi>i</mi></msub>"),
        ("a &lt; b", "<mi>a</mi><mo>&lt;</mo><mi>b</mi>"),
        (r"\mathbb{E}\mathcal{L}\mathfrak{H}", "<mi>𝔼</mi><mi>ℒ</mi><mi>ℌ</mi>"),
        (r"\mathbf{x1}\boldsymbol{\mu}", "<mi>𝐱</mi><mn>𝟏</mn><mi>𝝁</mi>"),
        (r"z \sim q", "<mi>z</mi><mo>∼</mo><mi>q</mi>"),
        (r"\log p", "<mo>log</mo><mi>p</mi>"),
        (r"\arg\max_x f", '<munder><mo movablelimits="true">arg\u2009max</mo><mi>x</mi></munder><mi>f</mi>'),
        (r"\log_2 x", "<msub><mo>log</mo><mn>2</mn></msub><mi>x</mi>"),
        (r"a\!b", '<mi>a</mi><mspace width="-0.167em"></mspace><mi>b</mi>'),
        (r"\texttt{mi\_q}", '<mtext mathvariant="monospace">mi_q</mtext>'),
        (r"\text{<script>}", "<mtext>&lt;script&gt;</mtext>"),
    ],
)
def test_a_formula_has_the_form_that_browsers_know(latex, form):
    assert shape(latex) == form


def test_lines_of_a_derivation_are_aligned():
    table = fromstring(mathml(r"\begin{aligned} a &= b \\[0.4em] &= c \end{aligned}", True)).find(".//mtable")
    assert [[cell.get("columnalign") for cell in row] for row in table] == [["right", "left"]] * 2
    assert ["".join(row.itertext()) for row in table] == ["a=b", "=c"]


def test_a_name_of_a_function_has_spaces_where_tex_has_them():
    def spaces(latex):
        name = next(element for element in fromstring(mathml(latex, False)).iter("mo") if element.text == "log")
        return name.get("lspace"), name.get("rspace")

    thin, none = "0.167em", "0em"
    assert [spaces(f) for f in (r"2\log x", r"-\log x", r"\log(x)", r"a\log_2 x", r"\frac{\log x}{2}")] == [
        (thin, thin),
        (none, thin),
        (none, none),
        (thin, thin),
        (none, thin),
    ]


HOSTILE = [
    r"\text{<script>evil()</script>}",
    r"\text{&lt;script>evil()&lt;/script>}",
    r"\text{</mtext></math><img src=x onerror=evil()>}",
    r"\href{javascript:evil()}{x}",
    r"\style{background:url(http://evil.example)}{x}",
    r"\class{panel-footer}{x}",
    r'\color{red" onload="evil()}x',
    r'\hspace{1em" onload="evil()}x',
    r"\unicode{x3c}script\unicode{x3e}",
    r"\operatorname{<script>evil()</script>}",
    r"\colorbox{url(http://evil.example)}{x}",
    r"\begin{array}{<script>} a \end{array}",
    r"\verb|<script>evil()</script>|",
    r"<script>evil()</script>",
    r"\newcommand{\x}{\text{<script>}} \x",
]


@pytest.mark.parametrize("latex", HOSTILE)
def test_a_formula_does_nothing_else(latex):
    made = mathml(latex, False)
    if made is not None:  # then it is one element, of the known ones only, with nothing in them that acts
        for element in fromstring(made).iter():
            assert element.tag in ELEMENTS and set(element.attrib) <= ATTRIBUTES
            assert not re.search(r"[:;()]", " ".join(element.attrib.values()))


@pytest.mark.parametrize(
    "latex",
    [
        r"\unknown{x}",
        r"\frac{1}",
        r"x^",
        "{" * 2000,
        r"x_{" * 900 + "}" * 900,
        r"\sqrt{" * (DEEPEST + 1) + "x" + "}" * (DEEPEST + 1),
        "x" * (LONGEST + 1),
        r"\def\a{xx}\def\b{\a\a}\b",
        r"\newcommand{\a}{xx}\a",
        r"\boxed{x}",
        r"\href{http://evil.example}{x}",
    ],
)
def test_what_has_no_faithful_form_stays_latex(latex):
    assert mathml(latex, False) is None


def page(*cells: str) -> str:
    """The page of these Markdown cells."""
    data = {"grade": True, "solution": True, "grade_id": "q", "points": 1, "score": 1, "comment": "See $y^2$."}
    return rendered(new_notebook(cells=[new_markdown_cell(cell, metadata={"nbgrader": data}) for cell in cells]))


def rendered(notebook) -> str:
    """Its page, made as the feedback command makes it."""
    converter = ClassFeedback(coursedir=CourseDirectory())
    totals = {"notebook": "n", "score": 1, "max_score": 1, "late_penalty": 0}
    exporter = converter.exporter_class(config=converter.config)
    exporter.register_preprocessor(converter.preprocessors[-1], enabled=True)  # styles
    return exporter.from_notebook_node(notebook, {"nbgrader": totals})[0]


def test_the_page_is_complete_in_itself():
    made = page("# On $x^2$\n\n$$\\sum_i x_i$$\n\n$\\unknown{x}$ \\begin{equation}a\\end{equation}", "costs 5$")
    assert made.count("<math") == 5  # three of the first cell, and a comment's for both
    assert r"$\unknown{x}$" in made and "costs 5$" in made
    assert "<script" not in made and not re.search(r"(src|href)=\"?(?!#)[^>]*//", made)
    assert re.search(r"<meta[^>]*default-src 'none'", made)


def question(grade_id: str, **more) -> dict:
    about = {"grade": True, "solution": False, "grade_id": grade_id, "points": 2, "score": 1.5}
    return {"nbgrader": about | more}


def test_questions_have_the_names_that_students_know():
    """The heading above each; where that is one for two, the id tells them apart."""
    notebook = new_notebook(
        cells=[
            new_markdown_cell("# Sheet\n\ntext"),
            new_markdown_cell("### The *loss* <b> & more ###\n\n**Points** 2"),
            new_code_cell("x", metadata=question("loss-answer", grade=False, solution=True, comment="Well.")),
            new_code_cell('check("01-a/loss", x)', metadata=question("loss")),
            new_code_cell("assert x", metadata=question("loss-2")),
            new_markdown_cell("### In words"),
            new_markdown_cell("### Mine", metadata=question("words", solution=True, waiting=True)),
        ]
    )
    verdict = new_output("display_data", {"text/plain": "Half."})
    notebook.cells[3].outputs = [verdict, new_output("execute_result", {"text/plain": "1.5"})]
    made = fromstring(re.search(r"<nav.*?</nav>", rendered(notebook), re.S)[0])
    assert [" ".join("".join(item.itertext()).split()) for item in made.iter("li")] == [
        "The *loss* <b> & more: 1.5 of 2 points, with a comment",
        "The *loss* <b> & more (loss-2): 1.5 of 2 points",
        "In words: not marked yet, of 2 points",
    ]
    targets = [link.get("href").removeprefix("#") for link in made.iter("a")]
    assert targets == ["loss", "comment-loss-answer", "loss-2", "words"]
    assert all(f'id="{target}"' in rendered(notebook) for target in targets)
    assert "Half." in rendered(notebook) and ">1.5<" not in rendered(notebook)


def test_formulas_of_a_page_are_counted():
    made = page("$x$ " * (MOST + 5))
    assert made.count("<math") == MOST and made.count("$x$") == 5
