"""The walk through a derivation: what it draws is the world's numbers, both sides agree wherever one moves."""

import re

import ipywidgets
import pytest
import torch

from dgm_tutor import derivations
from dgm_tutor.derivations import Derivation, Line, Term
from dgm_tutor.exact import FiniteWorld, FlowWorld
from dgm_tutor.widgets.derivation import DerivationWalk, informed

D16 = derivations.get("D16")


@pytest.fixture
def walk():
    return DerivationWalk(D16, parameters={"beta": 4.0})


def numbers(text: str) -> list[float]:
    return [float(n) for n in re.findall(r"-?\d+\.\d+", text.replace("−", "-"))]


def shown(walk, name: str) -> str:
    return walk.live.outputs[name].value


def test_bars_are_the_terms_on_the_world_and_sum_to_the_left_hand_side(walk):
    walk.live.set(line=3, world=5, information=0.7)
    world = informed(walk.worlds[5], 0.7)
    beta = walk.live.state["beta"]
    *parts, total = numbers(walk.pictures(**walk.live.state)["bars"].text.split("nats: ")[1])
    expected = [(beta - 1) * world.mi_q(), beta * world.kl_aggregate(), world.kl_likelihood(), world.entropy_data()]
    assert parts == pytest.approx([v.item() for v in expected], abs=0.006)
    left, right = numbers(shown(walk, "words").split("</b>", 1)[0])[-1:], numbers(shown(walk, "words"))[-1:]
    assert left == right == pytest.approx([total], abs=0.006)
    assert left == pytest.approx([(world.distortion() + beta * world.rate()).item()], abs=1e-4)


@pytest.mark.parametrize("name", derivations.names())
@pytest.mark.parametrize("information", [0.0, 0.35, 1.0])
def test_both_sides_agree_at_every_corner_and_nothing_breaks_there(name, information):
    walk = DerivationWalk(derivations.get(name))
    for beta in (0.1, 10.0) if walk.derivation.parameters else (None,):
        for i in range(len(walk.derivation.lines)):
            moved = {} if beta is None else {"beta": beta}
            drawn = walk.pictures(i, 7, information, **moved)
            assert "DIFFERS" not in drawn["words"] and "nan" not in drawn["bars"].text


def test_a_line_is_drawn_once_and_weighed_against_another_only(walk):
    for i in range(4):
        walk.live.set(line=i)
        drawn = re.findall(r">(line \d)</text>", shown(walk, "bars"))
        assert drawn == ([] if i == 0 else ["line 0", f"line {i}"])


def test_a_wrong_line_is_not_said_to_be_equal():
    wrong = Line({D16.lines[1].allowed[1]: 1}, "", slips=())
    walk = DerivationWalk(Derivation("wrong", "a slip", "0", (D16.lines[0], wrong), D16.parameters))
    walk.live.set(line=1)
    assert "DIFFERS FROM" in shown(walk, "words")


def test_buttons_reveal_hide_and_restore(walk):
    first = {name: output.value for name, output in walk.live.outputs.items()}
    second_line = D16.lines[1].latex
    assert second_line not in shown(walk, "formulas")
    walk.buttons["Next line"].click()
    assert second_line in shown(walk, "formulas") and D16.lines[2].latex not in shown(walk, "formulas")
    walk.buttons["Back"].click()
    assert {name: output.value for name, output in walk.live.outputs.items()} == first
    walk.buttons["Back"].click()
    walk.buttons["Show all"].click()
    walk.buttons["Next line"].click()
    assert D16.lines[-1].latex in shown(walk, "formulas") and walk.live.state["line"] == 3
    walk.buttons["New world"].click()
    assert shown(walk, "tables") != first["tables"]
    walk.buttons["Reset"].click()
    assert {name: output.value for name, output in walk.live.outputs.items()} == first


def test_a_moved_slider_leaves_the_typeset_formulas_alone(walk):
    before = shown(walk, "formulas"), shown(walk, "bars")
    walk.live.set(beta=9.0)
    assert shown(walk, "formulas") == before[0] and shown(walk, "bars") != before[1]


def test_how_informative_q_is_goes_from_nothing_to_a_code():
    worlds = FiniteWorld.random(sizes={"x": 4, "z": 3}, generator=torch.Generator().manual_seed(0))
    mi = [informed(worlds, t).mi_q().item() for t in (0.0, 0.25, 0.5, 0.75, 1.0)]
    assert mi[0] == pytest.approx(0, abs=1e-12) and mi == sorted(mi)
    assert informed(worlds, 1.0).entropy_posterior().item() == pytest.approx(0, abs=1e-12)


def test_every_control_has_a_name_and_a_description(walk):
    sliders = [c for c in walk.live.controls.values() if not isinstance(c, ipywidgets.IntText)]
    assert [s.description for s in sliders] == ["q informs", "β"]
    assert all(c.tooltip for c in (*sliders, *walk.buttons.values()))
    assert walk.live.state["beta"] == pytest.approx(4.0, rel=0.03)


def test_a_line_left_to_the_student_is_nowhere_in_the_walk():
    walk = DerivationWalk(D16, hide=[3])
    answer = D16.lines[3].latex
    for i in range(4):
        walk.live.set(line=i)
        assert answer not in "".join(o.value for o in walk.live.outputs.values())
    assert "yours to write" in shown(walk, "bars") and answer not in walk.still().html
    assert "(β − 1)" not in walk.still().text


def test_without_a_kernel_the_whole_derivation_and_its_bars_are_there(walk):
    bundle = walk._repr_mimebundle_()
    data = bundle[0] if isinstance(bundle, tuple) else bundle
    assert "application/vnd.jupyter.widget-view+json" in data
    for line in D16.lines:
        assert line.latex in data["text/html"]
    assert "equals the sum of the bars" in data["text/html"] and 'role="img"' in data["text/html"]


def test_a_derivation_about_flows_has_no_slider_for_q():
    def worlds(generator):
        points = torch.randn(9, 2, generator=generator, dtype=torch.float64)
        yield FlowWorld(lambda z: 2 * z, lambda x: x / 2, points)

    density, base = Term("p", "p", "p", FlowWorld.log_prob), Term("b", "b", "b", FlowWorld.log_base)
    log_det = Term("d", "d", "d", FlowWorld.log_det_forward)
    lines = (Line({density: 1}, "", ""), Line({base: 1, log_det: -1}, ""))
    walk = DerivationWalk(Derivation("flow", "", "2", lines, worlds=worlds))
    walk.live.set(line=1, world=4)
    assert "information" not in walk.live.controls and "equals" in shown(walk, "words")


def test_what_the_derivation_does_not_have_is_refused():
    with pytest.raises(ValueError, match=r"no parameter \['gamma'\]"):
        DerivationWalk(D16, parameters={"gamma": 1.0})
    with pytest.raises(ValueError, match="lines 0 to 3"):
        DerivationWalk(D16, hide=[9])
