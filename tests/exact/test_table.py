"""Named-axis tables: the algebra of probability, held to sums written out by hand."""

import math

import pytest
import torch

from dgm_tutor.exact import Factor, Function, Table

SIZES = {"x": 4, "z": 3, "y": 2}


def random(factor: str, seed: int = 0, batch: tuple[int, ...] = (5,)) -> Table:
    return Table.random(factor, SIZES, batch, torch.Generator().manual_seed(seed))


def close(a, b) -> bool:
    return torch.allclose(a, b, atol=1e-12, rtol=0)


def test_factors_are_parsed_from_the_way_they_are_written():
    assert Factor.parse("z2 | z1, x1") == Factor(("z2",), ("z1", "x1"))
    assert Factor.parse("x, z").given == ()
    assert str(Factor.parse(" z2|z1,x1 ")) == "z2 | z1, x1"


@pytest.mark.parametrize("bad", ["", "| z", "x |", "x | x", "x, x", "x | z | y", "x y", "x, | z", "2x"])
def test_a_badly_written_factor_is_refused(bad):
    with pytest.raises(ValueError, match=r"factor|axis|axes"):
        Factor.parse(bad)


def test_the_chain_rule_puts_axes_together_by_name_in_either_order():
    prior, decoder = random("z"), random("x | z", 1)
    expected = torch.einsum("bz,bxz->bzx", prior.probs, decoder.probs)
    assert close((prior * decoder).probs, expected)
    assert close((decoder * prior).probs, expected)
    assert (prior * decoder).left == ("z", "x")


def test_conditional_factors_multiply_into_conditional_factors():
    joint = random("x | y") * random("z | x, y", 1)
    assert joint.factor == Factor(("x", "z"), ("y",))
    assert close(joint.probs.sum((1, 2)), torch.ones(5, 2, dtype=torch.float64))


@pytest.mark.parametrize("pair", [("x", "x | z"), ("x | z", "z | x")])
def test_factors_that_form_no_chain_are_refused(pair):
    with pytest.raises(ValueError, match="chain rule"):
        random(pair[0]) * random(pair[1])


def test_bayes_rule_inverts_a_factor():
    prior, decoder = random("z"), random("x | z", 1)
    joint = prior * decoder
    posterior = joint.conditional("z", given="x")
    assert close((joint.marginal("x") * posterior).marginal("z, x").probs, joint.probs)
    assert close(joint.conditional("x", given="z").probs, decoder.probs)


def test_an_impossible_condition_gives_a_distribution_that_nothing_weighs():
    joint = Table("x, z", [[0.5, 0.0], [0.5, 0.0]])
    posterior = joint.conditional("x", given="z")
    assert close(posterior.probs.sum(0), torch.ones(2, dtype=torch.float64))
    assert joint.marginal("z").expect(posterior.entropy()).item() == pytest.approx(math.log(2))


def test_divergences_equal_the_sums_they_stand_for():
    p, q = random("x").probs, random("x", 1).probs
    a, b = random("x"), random("x", 1)
    assert close(a.kl(b), (p * (p / q).log()).sum(-1))
    assert close(a.entropy(), -(p * p.log()).sum(-1))
    assert close(a.cross_entropy(b), a.entropy() + a.kl(b))
    m = (p + q) / 2
    assert close(a.jsd(b), ((p * (p / m).log()).sum(-1) + (q * (q / m).log()).sum(-1)) / 2)


def test_a_divergence_of_conditionals_is_a_function_of_the_condition():
    posterior, prior, data = random("z | x"), random("z", 1), random("x", 2)
    per_x = posterior.kl(prior)
    assert isinstance(per_x, Function) and per_x.axes == ("x",) and per_x.values.shape == (5, 4)
    assert close(data.expect(per_x), (data.probs * per_x.values).sum(-1))


def test_a_divergence_compares_the_same_variables():
    with pytest.raises(ValueError, match="same variables"):
        random("x").kl(random("z"))


def test_jsd_is_between_zero_and_log_two():
    apart = Table("x", [1.0, 0.0]).jsd(Table("x", [0.0, 1.0]))
    assert apart.item() == pytest.approx(math.log(2), abs=1e-15)
    assert random("x").jsd(random("x")).abs().max() < 1e-15
    between = random("x").jsd(random("x", 1))
    assert bool(((between > 0) & (between < math.log(2))).all())


def test_mutual_information_is_the_distance_from_independence():
    independent = random("x") * random("z", 1)
    assert independent.mutual_information("x", "z").abs().max() < 1e-14
    copy = Table("x, z", torch.eye(4) / 4)
    assert copy.mutual_information("x", "z").item() == pytest.approx(math.log(4))
    joint = random("x, y, z")
    expected = joint.marginal("x").entropy() + joint.marginal("z").entropy() - joint.marginal("x, z").entropy()
    assert close(joint.mutual_information("x", "z"), expected)


def test_zero_times_log_zero_is_zero_and_leaves_no_nan_in_the_gradient():
    logits = torch.tensor([0.3, -0.2], dtype=torch.float64, requires_grad=True)
    probs = torch.cat([logits.softmax(0), torch.zeros(1, dtype=torch.float64)])
    other = Table("x", [0.2, 0.8, 0.0])
    value = Table("x", probs).kl(other) + Table("x", probs).entropy() + Table("x", probs).jsd(other)
    value.backward()
    assert torch.isfinite(value) and torch.isfinite(logits.grad).all() and logits.grad.abs().max() > 0


def test_mass_where_the_other_has_none_is_infinitely_far():
    assert Table("x", [0.5, 0.5]).kl(Table("x", [1.0, 0.0])).item() == torch.inf


def test_gradients_are_the_derivatives():
    def information(logits):
        return Table("z | x", logits.softmax(0)).kl(Table("z", [0.2, 0.8])).values.sum()

    assert torch.autograd.gradcheck(information, torch.randn(2, 3, dtype=torch.float64, requires_grad=True))


@pytest.mark.parametrize("probs", [[0.5, 0.6], [1.5, -0.5], [float("nan"), 1.0]])
def test_what_is_no_distribution_is_refused_with_its_sums(probs):
    with pytest.raises(ValueError, match="sum to one over"):
        Table("x", probs)


def test_too_few_dimensions_are_refused():
    with pytest.raises(ValueError, match="one dimension per axis"):
        Table("x | z", [0.5, 0.5])


def test_an_unknown_axis_is_refused():
    with pytest.raises(ValueError, match="no \\['y'\\] on the left"):
        random("x, z").marginal("y")


def test_a_small_table_prints_one_line_a_condition():
    assert str(Table("x | z", [[0.25, 0.5], [0.75, 0.5]])) == "p(x | z=0) = [0.25, 0.75]\np(x | z=1) = [0.5, 0.5]"


def test_a_float32_table_loses_its_rounding_error():
    table = Table("x", torch.tensor([0.3, 0.3, 0.4], dtype=torch.float32))
    assert table.probs.dtype == torch.float64 and abs(table.probs.sum().item() - 1) < 1e-15
