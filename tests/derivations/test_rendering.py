"""What is printed is generated from what is checked."""

import pytest
import sympy

from dgm_tutor import derivations
from dgm_tutor.derivations.coefficients import written

a, b, g = sympy.symbols("alpha beta lambda")


@pytest.mark.parametrize(
    ("expression", "latex", "text"),
    [
        (1, ("+", ""), ("+", "")),
        (-1, ("-", ""), ("-", "")),
        (-b, ("-", r"\beta"), ("-", "β")),
        (b - 1, ("+", r"(\beta - 1)"), ("+", "(β − 1)")),
        (1 - a, ("+", r"(1 - \alpha)"), ("+", "(1 − α)")),
        (-(a + g - 1), ("-", r"(\alpha + \lambda - 1)"), ("-", "(α + λ − 1)")),
        (sympy.Rational(1, 2), ("+", r"\frac{1}{2}"), ("+", "1/2")),
    ],
)
def test_coefficients_are_written_as_people_write_them(expression, latex, text):
    expression = sympy.sympify(expression)
    assert written(expression, latex=True) == latex
    assert written(expression, latex=False) == text


@pytest.mark.parametrize("name", derivations.names())
def test_every_term_of_every_line_is_printed_and_braces_balance(name):
    derivation = derivations.get(name)
    latex = derivation._repr_latex_()
    for line in derivation.lines:
        assert all(term.latex in line.latex and term.text in line.text for term in line.terms)
        assert line.latex in latex
    assert latex.count("{") == latex.count("}") and latex.count(r"\left") == latex.count(r"\right")
    assert latex.startswith("$$") and latex.endswith("$$") and "$" not in latex[2:-2]  # nothing nested


def test_a_blank_line_hides_its_answer_and_names_its_terms():
    d16 = derivations.get("D16")
    blank = d16.blank(3)
    assert d16.lines[3].latex not in blank.latex and "&= ?" in blank.latex
    assert d16.lines[2].latex in blank.latex
    assert all(term.name in blank.text for term in d16.lines[3].allowed)
    assert set(blank._repr_mimebundle_()) == {"text/latex", "text/plain"}


def test_a_blank_line_that_is_not_there_is_refused():
    with pytest.raises(ValueError, match="lines 0 to 3"):
        derivations.get("D16").blank(7)


def test_the_case_of_equality_is_printed():
    assert "if and only if" in str(derivations.get("D12"))
