"""A student's line: four outcomes, and messages that help."""

import math

import pytest
import sympy

from dgm_tutor import derivations

D16 = derivations.get("D16")
RIGHT = {"mi_q": "beta - 1", "kl_aggregate": "beta", "kl_likelihood": 1, "entropy_data": 1}
beta = sympy.Symbol("beta", positive=True)  # a student's symbol need not carry our assumptions


@pytest.mark.parametrize("mi", ["beta - 1", "beta-1", "-(1 - beta)", "(beta**2 - 1)/(beta + 1)", beta - 1])
def test_any_way_of_writing_the_coefficient_is_right(mi):
    assert D16.check_line(3, RIGHT | {"mi_q": mi}).ok


@pytest.mark.parametrize("answer", [None, ..., {}, {"mi_q": ..., "kl_aggregate": None}])
def test_an_open_line_is_not_attempted(answer):
    verdict = D16.check_line(3, answer)
    assert verdict.outcome == "not attempted" and "'kl_likelihood'" in verdict.message


@pytest.mark.parametrize("answer", [1.386, "beta", [1, 2], {"mi_q"}, 0, True])
def test_a_number_is_no_answer(answer):
    verdict = D16.check_line(3, answer)
    assert verdict.outcome == "error" and "mapping" in verdict.message


def test_repeating_the_line_before_is_no_answer():
    for i in range(1, 4):
        before = {t.name: str(c) for t, c in D16.lines[i - 1].terms.items()}
        verdict = D16.check_line(i, before)
        assert verdict.outcome == "wrong" and "without" in verdict.message


@pytest.mark.parametrize(
    "value",
    [math.nan, math.inf, True, "beta +", "gamma", "beta.real", "abs(beta)", "beta**5", "2**beta", "1/0", "", "x" * 500]
    + ["__import__('os').system('true')", "(lambda: 1)()", "(" * 90, [1], None, sympy.sin(beta), sympy.oo, 1j],
)
def test_a_coefficient_that_is_no_formula_is_an_error_and_is_never_run(value):
    assert D16.check_line(3, RIGHT | {"mi_q": value}).outcome == "error"


def test_an_unknown_term_is_an_error_that_lists_the_known():
    verdict = D16.check_line(3, {"miq": 1})
    assert verdict.outcome == "error" and "'miq'" in verdict.message and "'mi_q'" in verdict.message


def test_a_wrong_line_comes_with_a_world_to_recompute_it_on():
    verdict = D16.check_line(3, RIGHT | {"mi_q": "beta"})
    example = verdict.counterexample
    assert verdict.slip.name == "beta for beta - 1"
    assert set(example.world.p_joint.sizes.values()) == {2}
    assert all(math.isclose(10 * p, round(10 * p)) for f in example.world.p.factors for p in f.probs.flatten().tolist())
    assert example.off_by == pytest.approx(example.world.mi_q().item())  # beta for beta - 1 is off by MI_q
    assert f"{example.off_by:+.6g}" in verdict.message
    assert "p(x | z=0)" in verdict.message and f"beta = {example.parameters['beta']:.4g}" in verdict.message


def test_a_wrong_line_that_no_slip_explains_is_not_given_a_name():
    verdict = D16.check_line(3, RIGHT | {"mi_q": "0.5*beta"})
    assert verdict.outcome == "wrong" and verdict.slip is None and "slip" not in verdict.message


def test_a_line_that_is_not_there_is_refused():
    with pytest.raises(ValueError, match="lines 0 to 3"):
        D16.check_line(4, RIGHT)


def test_a_verdict_looks_like_that_of_any_other_exercise_and_says_so_in_words():
    answers = {"Not written yet": {}, "Right": RIGHT, "Not yet": RIGHT | {"mi_q": "beta"}, "This cannot be read": 3}
    for words, answer in answers.items():
        verdict = D16.check_line(3, answer)
        shown = verdict._repr_html_()
        assert 'role="status"' in shown and f"{words}</strong>: D16, line 3" in shown
        assert f"{words}: D16, line 3" in str(verdict)
    wrong = D16.check_line(3, RIGHT | {"mi_q": "beta"})
    assert "<em>(beta for beta - 1)</em>" in wrong._repr_html_() and "[beta for beta - 1]" in str(wrong)
    table = next(line for line in wrong.message.splitlines() if line.startswith("    "))
    assert "pre-wrap" in wrong._repr_html_() and f"\n{table}\n" in wrong._repr_html_()  # the world stays a table


def test_a_line_has_the_same_value_by_its_number_and_as_a_student_writes_it():
    world = D16.check_line(3, RIGHT | {"mi_q": "beta"}).counterexample.world
    assert D16.value(3, world, beta=2.5) == pytest.approx(D16.value(0, world, beta=2.5).item())
    assert D16.value(RIGHT, world, beta=2.5) == D16.value(3, world, beta=2.5)
    assert D16.value(RIGHT | {"mi_q": "beta"}, world, beta=2.5) - D16.value(3, world, beta=2.5) == pytest.approx(
        world.mi_q().item()
    )
    with pytest.raises(ValueError, match="'miq'"):
        D16.value({"miq": 1}, world, beta=2.5)
