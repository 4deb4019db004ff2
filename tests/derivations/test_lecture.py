"""The lecture's derivations: every line holds on exact worlds, and every line with one thing changed does not."""

import pytest
import sympy
import torch

from dgm_tutor import derivations
from dgm_tutor.derivations import TERMS, Derivation
from dgm_tutor.derivations.trials import trials
from dgm_tutor.exact import FiniteWorld, LinearGaussianWorld

ALL = [derivations.get(name) for name in derivations.names()]
LINES = [pytest.param(d, i, id=f"{d.name}-{i}") for d in ALL for i in range(len(d.lines))]


def mutations(derivation: Derivation, i: int):
    """Line ``i`` with one coefficient changed: sign, doubled, dropped, each parameter set to 1, a term too many."""
    line = derivation.lines[i]
    for term, c in line.terms.items():
        fixed = [c.subs(p.symbol, 1) for p in derivation.parameters]
        for wrong in {-c, 2 * c, sympy.Integer(0), *fixed} - {c}:
            yield f"{term.name}: {c} -> {wrong}", dict(line.terms) | {term: wrong}
    extra = line.allowed if line.equality else TERMS.values()  # a bound may well be true with more slack
    for term in extra:
        if term not in line.terms and term.name != "jsd_data":
            for c in (1, -1, *(p.symbol for p in derivation.parameters)):
                yield f"{term.name}: added {c}", dict(line.terms) | {term: c}


@pytest.mark.parametrize("derivation", ALL, ids=derivations.names())
@pytest.mark.parametrize("seed", [0, 1])
def test_every_line_holds_on_finite_and_gaussian_worlds(derivation, seed):
    report = derivation.check(seed)
    assert report.ok, str(report)
    assert all(r.left_out == () and r.residual < 1e-9 and r.worlds >= 300 for r in report.lines)
    kinds = {type(t.world) for t in trials(derivation.worlds, derivation.parameters, seed)}
    assert kinds == {FiniteWorld, LinearGaussianWorld}


@pytest.mark.parametrize(("derivation", "i"), LINES)
def test_every_single_change_of_a_line_is_refuted(derivation, i):
    survivors = [what for what, terms in mutations(derivation, i) if derivation.check(instead={i: terms}).ok]
    assert survivors == []


@pytest.mark.parametrize(("derivation", "i"), LINES)
def test_every_line_is_its_own_right_answer_and_no_change_of_it_is(derivation, i):
    line = derivation.lines[i]
    answer = {t.name: str(c) for t, c in line.terms.items()}
    assert derivation.check_line(i, answer).outcome == "right"
    for term, c in line.terms.items():
        assert derivation.check_line(i, answer | {term.name: str(-c)}).outcome == "wrong"


@pytest.mark.parametrize(("derivation", "i"), LINES)
def test_a_line_has_one_right_answer(derivation, i):
    """Its allowed terms are linearly independent functions of the world, so value and set of terms say the same."""
    values = []
    for trial in trials(derivation.worlds, derivation.parameters, 0):
        values.append(torch.stack([trial.term(t) for t in derivation.lines[i].allowed], -1))
    columns = torch.cat(values)
    spectrum = torch.linalg.svdvals(columns / columns.norm(dim=0))
    assert spectrum.min() > 1e-3


@pytest.mark.parametrize(("derivation", "i"), LINES)
def test_every_known_slip_is_wrong_and_is_named(derivation, i):
    for slip in derivation.lines[i].slips:
        assert set(slip.terms) <= set(derivation.lines[i].allowed), slip.name
        verdict = derivation.check_line(i, {t.name: c for t, c in slip.terms.items()})
        assert (verdict.outcome, verdict.slip) == ("wrong", slip)
        assert slip.name in verdict.message and "On this world" in verdict.message


@pytest.mark.parametrize(("derivation", "i"), LINES)
def test_every_step_leaves_a_distractor_and_a_slip(derivation, i):
    line = derivation.lines[i]
    assert line.starts or (set(line.allowed) > set(line.terms) and line.slips)


def test_d16_at_beta_one_is_minus_the_elbo():
    world = FiniteWorld.random(batch=(8,), generator=torch.Generator().manual_seed(0))
    loss = sum(float(c.subs("beta", 1)) * t.value(world) for t, c in derivations.get("D16").lines[-1].terms.items())
    assert torch.allclose(loss, -world.elbo())


def test_an_unknown_derivation_is_refused_with_those_there_are():
    with pytest.raises(ValueError, match="D11, D12, D16"):
        derivations.get("D99")
