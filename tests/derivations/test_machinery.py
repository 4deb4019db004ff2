"""The same machinery carries other structures: hierarchies, experts, time, flows, bounds that are no bounds."""

import pytest
import torch
from torch.distributions import Normal

from dgm_tutor.derivations import Derivation, Equality, Line, Slip, Term, altered, finite_worlds
from dgm_tutor.derivations import terms as t
from dgm_tutor.derivations.coefficients import Parameter
from dgm_tutor.derivations.worlds import generic_worlds, with_true_posterior
from dgm_tutor.exact import FlowWorld


def derive(*lines, **options) -> Derivation:
    return Derivation("test", "a title", "0", lines, **options)


def hierarchical() -> Derivation:
    """D2: the KL term of a hierarchical ELBO, a level at a time."""
    top = Term("top", "t", "t", lambda w: w.data.expect(w.q("z2 | x").kl(w.p("z2"))))
    low = Term("low", "l", "l", lambda w: w.q("x, z2").expect(w.q("z1 | x, z2").kl(w.p("z1 | z2"))))
    unweighted = Term("unweighted", "u", "u", lambda w: w.q("x").expect(w.q("z1 | x").kl(w.p("z1"))))
    worlds = finite_worlds(("z2", "z1 | z2", "x | z1"), ("x", "z2 | x", "z1 | x, z2"))
    return derive(
        Line({t.elbo: 1}, "", ""),
        Line(
            {t.reconstruction: 1, top: -1, low: -1},
            "",
            allowed=(t.reconstruction, top, low, unweighted),
            slips=(Slip("levels taken apart", {t.reconstruction: 1, top: -1, unweighted: -1}, "z1 depends on z2"),),
        ),
        worlds=worlds,
    )


def experts() -> Derivation:
    """D7: with conditional independence the joint posterior is a product of experts."""

    def under_q(factor):
        return lambda w: w.q_joint.expect(w.p(factor).log())

    both, prior = Term("both", "b", "b", under_q("z | x1, x2")), Term("prior", "p", "p", under_q("z"))
    one, two = Term("one", "1", "1", under_q("z | x1")), Term("two", "2", "2", under_q("z | x2"))
    scale = Term("scale", "s", "s", lambda w: w.data.expect(w.p("x1").log() + w.p("x2").log() - w.p("x1, x2").log()))
    worlds = finite_worlds(("z", "x1 | z", "x2 | z"), ("x1, x2", "z | x1, x2"))
    no_prior = Slip("prior expert counted twice", {one: 1, two: 1, scale: 1}, "each expert holds a prior")
    return derive(
        Line({both: 1}, "", ""),
        Line({one: 1, two: 1, prior: -1, scale: 1}, "", slips=(no_prior,)),
        worlds=worlds,
    )


def stepwise() -> Derivation:
    """D9: the ELBO of a time series with a filtering posterior and a learned prior, T = 2."""
    p = ("z1", "x1 | z1", "z2 | z1, x1", "x2 | z1, z2, x1")
    worlds = finite_worlds(p, ("x1, x2", "z1 | x1", "z2 | z1, x1, x2"))
    said1 = Term("said1", "a", "a", lambda w: w.q("x1, z1").expect(w.p("x1 | z1").log()))
    said2 = Term("said2", "b", "b", lambda w: w.q_joint.expect(w.p("x2 | z1, z2, x1").log()))
    kl1 = Term("kl1", "k", "k", lambda w: w.q("x1").expect(w.q("z1 | x1").kl(w.p("z1"))))
    after = "x1, x2, z1"
    kl2 = Term("kl2", "m", "m", lambda w: w.q(after).expect(w.q("z2 | z1, x1, x2").kl(w.p("z2 | z1, x1"))))
    fixed = Term("fixed", "f", "f", lambda w: w.q(after).expect(w.q("z2 | z1, x1, x2").kl(w.p("z2"))))
    steps = {said1: 1, kl1: -1, said2: 1, kl2: -1}
    slip = Slip("prior that is not learned", {said1: 1, kl1: -1, said2: 1, fixed: -1}, "the prior is p(z2 | z1, x1)")
    return derive(Line({t.elbo: 1}, "", ""), Line(steps, "", allowed=(*steps, fixed), slips=(slip,)), worlds=worlds)


def shift_and_scale(z1):
    """The second variable's conditional mean and log deviation."""
    return torch.sin(2 * z1), 0.5 * torch.cos(z1)


def forward(z):
    x1 = 0.3 + 2.0 * z[:, 0]
    shift, log_scale = shift_and_scale(x1)
    return torch.stack([x1, shift + log_scale.exp() * z[:, 1]], -1)


def inverse(x):
    shift, log_scale = shift_and_scale(x[:, 0])
    return torch.stack([(x[:, 0] - 0.3) / 2.0, (x[:, 1] - shift) / log_scale.exp()], -1)


def autoregressive(world: FlowWorld):
    shift, log_scale = shift_and_scale(world.x[:, 0])
    first = Normal(torch.full_like(shift, 0.3), torch.full_like(shift, 2.0)).log_prob(world.x[:, 0])
    return first + Normal(shift, log_scale.exp()).log_prob(world.x[:, 1])


def flow() -> Derivation:
    """D3: a Gaussian autoregressive model is a flow."""

    def worlds(generator):
        yield FlowWorld(forward, inverse, torch.randn(50, 2, generator=generator, dtype=torch.float64))

    model = Term("model", "m", "m", autoregressive)
    base, log_det = Term("base", "b", "b", FlowWorld.log_base), Term("log_det", "d", "d", FlowWorld.log_det_forward)
    slip = Slip("log-det of the wrong direction", {base: 1, log_det: 1}, "the density is divided by |det df/dz|")
    return derive(Line({model: 1}, "", ""), Line({base: 1, log_det: -1}, "", slips=(slip,)), worlds=worlds)


@pytest.mark.parametrize("build", [hierarchical, experts, stepwise, flow])
def test_derivations_of_other_structures_hold_and_their_slips_are_found(build):
    derivation = build()
    assert derivation.check().ok, str(derivation.check())
    (slip,) = derivation.lines[1].slips
    wrong = derivation.check(instead={1: slip.terms}).first_wrong
    assert wrong.index == 1 and wrong.slip is slip and slip.name in wrong.message


@pytest.mark.parametrize("build", [hierarchical, experts, stepwise, flow])
def test_no_term_of_another_structure_is_idle(build):
    derivation = build()
    for term, c in derivation.lines[1].terms.items():
        for wrong in (0, -c, 2 * c):
            assert not derivation.check(instead={1: dict(derivation.lines[1].terms) | {term: wrong}}).ok


EXACT = Equality("q is exact", altered(with_true_posterior), (generic_worlds,))


def test_a_bound_that_is_always_equal_is_no_bound():
    same = Line({t.elbo: 1, t.kl_posterior: 1}, "", ">=", equality=EXACT)
    report = derive(Line({t.log_likelihood: 1}, "", ""), same).check()
    assert not report.ok and "equality on every world" in report.first_wrong.message


def test_a_bound_in_the_wrong_direction_is_refuted():
    assert not derive(Line({t.log_likelihood: 1}, "", ""), Line({t.elbo: 1}, "", "<=", equality=EXACT)).check().ok


def test_a_bound_that_is_not_tight_where_it_says_is_refuted():
    slack = Line({t.elbo: 1, t.mi_q: -1}, "", ">=", equality=EXACT)
    report = derive(Line({t.log_likelihood: 1}, "", ""), slack).check()
    assert not report.ok and "should be an equality here" in report.first_wrong.message


def test_an_equality_that_holds_for_more_than_it_says_is_refuted():
    never = Equality("q is exact and the data are", altered(with_true_posterior), (altered(with_true_posterior),))
    report = derive(Line({t.log_likelihood: 1}, "", ""), Line({t.elbo: 1}, "", ">=", equality=never)).check()
    assert not report.ok and "should be strict here" in report.first_wrong.message


def test_what_a_gaussian_world_cannot_say_is_reported_not_hidden():
    report = derive(Line({t.jsd_data: 1}, "", "")).check()
    assert report.ok and "LinearGaussianWorld" in report.lines[0].left_out[0] and "left out" in str(report)


def test_parameters_stay_away_from_where_wrong_looks_right():
    for parameter in (Parameter("beta", 0.1, 10, log=True), Parameter("alpha", -2, 2)):
        values = parameter.draw(1000, torch.Generator().manual_seed(0))
        assert values.min() >= parameter.low and values.max() <= parameter.high
        assert min(values.abs().min(), (values - 1).abs().min()) > 0.05
        assert values.unique().numel() > 50


@pytest.mark.parametrize(
    ("lines", "complaint"),
    [
        ((), "begin a chain"),
        ((Line({t.elbo: 1}, ""),), "begin a chain"),
        ((Line({t.elbo: 1}, "", ""), Line({t.elbo: 1, t.rate: 1}, "")), "repeating line 0"),
        ((Line({t.elbo: 1}, "", "", allowed=(t.rate,)),), "not all allowed"),
    ],
)
def test_malformed_derivations_are_refused(lines, complaint):
    with pytest.raises(ValueError, match=complaint):
        derive(*lines)


@pytest.mark.parametrize("options", [{"relation": "~"}, {"relation": ":="}, {"relation": ">="}, {"symbol": "L"}])
def test_malformed_lines_are_refused(options):
    with pytest.raises(ValueError, match=r"relation|defines|inequality"):
        Line({t.elbo: 1}, "", **options)
