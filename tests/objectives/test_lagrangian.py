"""Constraints and their multipliers: signs, bounds, and the optimum of a problem with a known answer."""

import math

import pytest
import torch
from torch import nn

from dgm_tutor.objectives import Constraint, Draw, Lagrangian, Term, distortion, rate
from tests.objectives.worlds import random_world


class Number(nn.Module):
    """A model that is one number."""

    def __init__(self, start):
        super().__init__()
        self.t = nn.Parameter(torch.tensor(float(start)))


square = Term("square", "t^2", lambda draw: draw.model.t**2)
itself = Term("itself", "t", lambda draw: draw.model.t)


def played(lagrangian, model, steps=500, lr=0.03):
    players = [
        (torch.optim.SGD([model.t], lr), lambda: lagrangian.primal(Draw(model, torch.zeros(1, 1))).total),
        (torch.optim.SGD(lagrangian.parameters(), lr), lambda: lagrangian.dual(Draw(model, torch.zeros(1, 1))).total),
    ]
    for _ in range(steps):
        for optimizer, loss in players:
            optimizer.zero_grad()
            loss().backward(inputs=optimizer.param_groups[0]["params"])
            optimizer.step()
    return model.t.item(), lagrangian.multipliers


def test_a_binding_constraint_is_met_at_the_known_multiplier():
    """min t^2 with t >= 1: t = 1, lambda = 2."""
    t, multipliers = played(Lagrangian(square, [Constraint("at least one", -1.0 * itself, -1.0)]), Number(0.0), lr=0.1)
    assert t == pytest.approx(1.0, abs=1e-3)
    assert multipliers["at least one"] == pytest.approx(2.0, abs=1e-2)


def test_a_slack_constraint_s_multiplier_goes_to_its_floor_and_an_impossible_one_s_to_its_ceiling():
    slack, impossible = Constraint("slack", itself, 20.0), Constraint("impossible", square, -1.0)
    t, multipliers = played(Lagrangian(square, [slack, impossible], floor=0.01, ceiling=10.0), Number(1.0))
    assert multipliers["slack"] == pytest.approx(0.01, rel=1e-4)
    assert multipliers["impossible"] == pytest.approx(10.0, rel=1e-4)
    assert abs(t) < 0.01


def test_a_multiplier_comes_back_from_its_floor_as_soon_as_the_constraint_breaks():
    lagrangian = Lagrangian(square, [Constraint("below", itself, 0.0)], floor=0.1, initial=0.1)
    model = Number(-5.0)
    optimizer = torch.optim.SGD(lagrangian.parameters(), 0.1)

    def step():
        optimizer.zero_grad()
        lagrangian.dual(Draw(model, torch.zeros(1, 1))).total.backward()
        optimizer.step()

    for _ in range(200):
        step()
    assert lagrangian.multipliers["below"] == pytest.approx(0.1)
    with torch.no_grad():
        model.t.fill_(5.0)
    step(), step()
    assert lagrangian.multipliers["below"] > 0.1


def test_the_primal_is_the_objective_plus_multipliers_times_excess():
    world, draw = random_world()
    lagrangian = Lagrangian(distortion, [Constraint("rate at most 0.3", rate, 0.3)], initial=2.5).double()
    loss = lagrangian.primal(draw)
    torch.testing.assert_close(loss.total, world.distortion() + 2.5 * (world.rate() - 0.3), check_dtype=False)
    torch.testing.assert_close(loss.terms["rate at most 0.3"][1], world.rate() - 0.3)


def test_a_constraint_may_be_on_a_sum():
    world, draw = random_world()
    lagrangian = Lagrangian(rate, [Constraint("-ELBO", distortion + rate, 1.0)], initial=math.e).double()
    excess = lagrangian.primal(draw).terms["-ELBO"][1]
    torch.testing.assert_close(excess, -world.elbo() - 1.0)
    torch.testing.assert_close(lagrangian.dual(draw).total, 1.0 + world.elbo(), check_dtype=False)


def test_a_scale_prices_the_excess_on_both_sides_and_leaves_its_unit():
    world, draw = random_world()
    lagrangian = Lagrangian(distortion, [Constraint("rate", rate, 0.3, scale=50.0)], initial=100.0).double()
    loss, dual = lagrangian.primal(draw), lagrangian.dual(draw)
    torch.testing.assert_close(loss.total, world.distortion() + 100 * (world.rate() - 0.3), check_dtype=False)
    torch.testing.assert_close(dual.total, -50 * math.log(2) * (world.rate() - 0.3), check_dtype=False)
    torch.testing.assert_close(loss.terms["rate"][1], world.rate() - 0.3)
    assert lagrangian.multipliers["rate"] == pytest.approx(2.0)


def test_each_side_moves_its_own_parameters():
    _, draw = random_world()
    lagrangian = Lagrangian(distortion, [Constraint("rate", rate, 0.3)]).double()
    lagrangian.primal(draw).total.backward()
    assert lagrangian.log_multipliers.grad is None
    assert draw.model.posterior.logits.grad.abs().sum() > 0
    draw.model.zero_grad()
    lagrangian.dual(draw).total.backward()
    assert lagrangian.log_multipliers.grad.abs().sum() > 0
    assert draw.model.posterior.logits.grad is None


@pytest.mark.parametrize(
    "settings", [{"floor": 0.0}, {"floor": 2.0}, {"ceiling": 0.5}, {"ceiling": float("inf")}, {"initial": 1000.0}]
)
def test_bad_bounds_are_refused(settings):
    with pytest.raises(ValueError, match="floor <= initial <= ceiling"):
        Lagrangian(square, [Constraint("c", itself, 0.0)], **settings)


@pytest.mark.parametrize("settings", [{"scale": -1.0}, {"scale": 0.0}, {"bound": float("nan")}])
def test_a_constraint_has_a_finite_bound_and_a_price(settings):
    with pytest.raises(ValueError, match="a finite bound and a scale > 0"):
        Constraint("c", itself, **({"bound": 0.0} | settings))


def test_constraints_need_names_of_their_own():
    for constraints in ([], [Constraint("c", itself, 0.0), Constraint("c", square, 0.0)]):
        with pytest.raises(ValueError, match="name of its own"):
            Lagrangian(square, constraints)
