"""The algebra of objectives, and every term against the exact sums of a finite world."""

import pytest
import torch
from torch import nn

from dgm_tutor.components import Table
from dgm_tutor.objectives import ExactDraw, annealed, distortion, info_bound, mi_q, mmd, rate


@pytest.fixture
def world():
    """A random finite world: 5 symbols x, 3 codes z, every table far from uniform."""
    generator = torch.Generator().manual_seed(3)

    def table(*shape):
        return torch.softmax(2 * torch.randn(*shape, generator=generator, dtype=torch.float64), -1)

    class World(nn.Module):
        p_data, p_z, p_x, q_z = table(5), table(3), table(3, 5), table(5, 3)

        def __init__(self):
            super().__init__()
            self.prior, self.decoder, self.posterior = Table(self.p_z), Table(self.p_x), Table(self.q_z)

    return World()


def losses(world, objective):
    return objective(ExactDraw(world, torch.eye(5, dtype=torch.float64), world.p_data))


def test_terms_are_the_exact_sums(world):
    joint = world.p_data[:, None] * world.q_z
    terms = losses(world, distortion + rate).terms
    exact_distortion = -(joint * world.p_x.log().T).sum()
    exact_rate = (joint * (world.q_z / world.p_z).log()).sum()
    torch.testing.assert_close(terms["distortion"][1], exact_distortion, rtol=0, atol=1e-12)
    torch.testing.assert_close(terms["rate"][1], exact_rate, rtol=0, atol=1e-12)


@pytest.mark.parametrize("beta", [0.0, 0.3, 1.0, 4.0])
def test_d16_holds_for_tables(world, beta):
    joint = world.p_data[:, None] * world.q_z
    q_z = joint.sum(0)
    mi = (joint * (joint / (world.p_data[:, None] * q_z)).log()).sum()
    kl_aggregate = (q_z * (q_z / world.p_z).log()).sum()
    kl_likelihood = (joint * (joint / q_z / world.p_x.T).log()).sum()
    entropy = -(world.p_data * world.p_data.log()).sum()
    expected = (beta - 1) * mi + beta * kl_aggregate + kl_likelihood + entropy
    torch.testing.assert_close(losses(world, distortion + beta * rate).total, expected, rtol=0, atol=1e-12)


def test_total_is_the_weighted_sum_of_the_terms(world):
    loss = losses(world, 2.0 * distortion + 0.5 * rate)
    summed = sum(weight * value for weight, value in loss.terms.values())
    torch.testing.assert_close(loss.total, summed)
    assert loss.terms["distortion"][0] == 2.0 and loss.terms["rate"][0] == 0.5


def test_objectives_add_and_scale(world):
    once = losses(world, distortion + 3.0 * rate).total
    twice = losses(world, 2.0 * (distortion + 2.0 * rate + rate)).total
    torch.testing.assert_close(twice, 2 * once)


def test_a_loss_prints_its_terms(world):
    loss = losses(world, distortion + 4.0 * rate)
    assert str(loss).count("nats") == 1
    assert "4 x rate" in str(loss) and f"{loss.total.item():.4g}" in str(loss)


def test_an_objective_prints_the_lecture_s_formula():
    latex = (distortion + 4.0 * rate).latex
    assert latex == distortion.latex + " + 4\\," + rate.latex


def test_objectives_subtract_and_print_it(world):
    for difference in (distortion - 0.5 * rate, (1.0 * distortion) - 0.5 * rate, distortion - 0.25 * (2.0 * rate)):
        assert str(difference) == "1 distortion - 0.5 rate"
        assert difference.latex == distortion.latex + " - 0.5\\," + rate.latex
        terms = losses(world, difference).terms
        torch.testing.assert_close(losses(world, difference).total, terms["distortion"][1] - 0.5 * terms["rate"][1])
    warmed = distortion - annealed(rate, 10)
    assert warmed.eval() and str(warmed) == "1 distortion - 1 rate"
    assert " - 1 x info_bound" in str(losses(world, distortion - info_bound()))


@pytest.mark.parametrize("wrong", [lambda: "2" * rate, lambda: None * rate, lambda: distortion + 3, lambda: rate - "x"])
def test_what_is_no_weight_and_no_term_is_refused_where_it_stands(wrong):
    with pytest.raises(TypeError, match="unsupported operand|can't multiply"):
        wrong()


def test_two_terms_of_one_name_are_both_told(world):
    terms = losses(world, 2.0 * mmd("z") + 3.0 * mmd("z", kernel="imq") + mi_q() + mmd("z", bandwidth=1.0)).terms
    assert {name: weight for name, (weight, _) in terms.items()} == {
        "mmd(z)": 2.0,
        "mmd(z) 2": 3.0,
        "mi_q": 1.0,
        "mmd(z) 3": 1.0,
    }
    assert len({value.item() for _, value in terms.values()}) == 4
