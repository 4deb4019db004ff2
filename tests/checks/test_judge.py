"""Verdicts from replies: shares, slips, and what is refused."""

import pytest
import torch

from dgm_tutor.checks import wire
from dgm_tutor.checks.compare import expect
from dgm_tutor.checks.judge import Case, Probe, Reply, Slip, judge, measured, read, unfit

HALF = "def half(data, inputs):\n    return {'y': data['y'] / 2}\n"


def case(name="y", share=1.0, slips=None, measure=None):
    probe = Probe(name, "", f"look at {name}", share=share, measure=measure)
    given = {slip: {name: expect([value], False)} for slip, value in (slips or {}).items()}
    return Case(probe, wire.dumps({}), 0, {name: expect([1.0], False)}, given)


def ok(**data):
    return Reply("ok", data)


SLIPS = {name: Slip(name, f"you made {name}", "somebody") for name in ("sign", "twice")}


def test_right_needs_every_output_of_every_probe():
    cases = [case("a"), case("b")]
    assert judge(cases, [ok(a=1.0), ok(b=1.0)], {}).outcome == "right"
    assert judge(cases, [ok(a=1.0), ok(b=1.1)], {}).outcome == "wrong"
    assert judge(cases, [ok(a=1.0), ok()], {}).outcome == "wrong"


def test_a_reply_without_anything_to_expect_is_no_proof():
    bare = Case(Probe("y", "", ""), wire.dumps({}), 0, {}, {})
    assert judge([bare], [ok(y=1.0)], {}).outcome == "wrong"


@pytest.mark.parametrize(("a", "b", "share"), [(1.0, 1.0, 1.0), (1.0, 5.0, 0.75), (5.0, 1.0, 0.0), (5.0, 5.0, 0.0)])
def test_a_share_is_earned_only_after_those_before_it(a, b, share):
    assert judge([case("a", share=3.0), case("b", share=1.0)], [ok(a=a), ok(b=b)], {}).share == share


def test_a_slip_is_named_when_it_explains_every_reply():
    cases = [case("a", slips={"sign": -1.0, "twice": 2.0}), case("b", slips={"sign": -1.0, "twice": 1.0})]
    assert judge(cases, [ok(a=-1.0), ok(b=-1.0)], SLIPS).slip == "sign"
    assert judge(cases, [ok(a=2.0), ok(b=1.0)], SLIPS).message == "you made twice"
    unknown = judge(cases, [ok(a=-1.0), ok(b=1.0)], SLIPS)
    assert unknown.slip is None and "look at a" in unknown.message


@pytest.mark.parametrize(
    "text",
    [
        "",
        "null",
        "[1]",
        "{}",
        '{"status": "right"}',
        '{"status": "ok", "data": 3}',
        '{"status": ["ok"]}',
        '{"share": 1}',
    ],
)
def test_what_is_not_a_probes_reply_is_refused_and_earns_nothing(text):
    reply = read(text)
    assert reply.status in ("refused", "ok") and not reply.data
    assert judge([case()], [reply], {}).share == 0.0


def test_unfit_data_is_told():
    assert "not finite" in unfit(ok(y=torch.tensor([1.0, float("nan")])))
    assert "not a number" in unfit(ok(y="right")) and "not a number" in unfit(ok(y={"equal": True}))
    assert unfit(Reply("refused", {}, "why")) == "why"
    assert unfit(ok(y=[1, 2])) == unfit(Reply("raised", {}, "ValueError")) == ""


def test_a_measure_judges_what_was_returned_and_survives_nonsense():
    probe = Probe("y", "", "", measure=(HALF, "half"))
    assert measured(probe, ok(y=2.0), wire.dumps({})).data == {"y": 1.0}
    for data in ({}, {"y": "text"}, {"y": None}):
        assert measured(probe, Reply("ok", data), wire.dumps({})).status == "raised"


@pytest.mark.parametrize("body", ["1 / data['y']", "[1][data['y'] + 1]", "2.0 ** (10_000 + data['y'])"])
def test_a_measure_that_breaks_on_an_answers_data_is_the_answers_error(body):
    probe = Probe("y", "", "", measure=(f"def broken(data, inputs):\n    return {{'y': {body}}}\n", "broken"))
    assert measured(probe, ok(y=0), wire.dumps({})).status == "raised"


def test_fewer_draws_than_were_asked_for_are_no_proof():
    """Two draws have so wide an error that a number three spreads away would pass."""
    draws = torch.randn(64, generator=torch.Generator().manual_seed(1))
    random = Case(Probe("y", "", "", random=True), wire.dumps({"draws": 32}), 0, {"y": expect([draws], True)}, {})
    assert judge([random], [ok(y=draws[:32])], {}).outcome == "right"
    for few in (draws[:31], torch.full((2,), 0.1)):
        assert judge([random], [ok(y=few)], {}).share == 0.0
    some = {"y": expect([draws[:8]], True)}  # an output that right answers, too, give for a few of the draws
    assert judge([Case(random.probe, random.inputs, 0, some, {})], [ok(y=draws[8:16])], {}).outcome == "right"
