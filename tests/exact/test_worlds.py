"""Worlds: any chain-rule structure is the same class, and quantities obey laws that their definitions do not assume."""

import pytest
import torch

from dgm_tutor.exact import FiniteWorld, LinearGaussianWorld, Table

STRUCTURES = {
    "vae": (("z", "x | z"), ("x", "z | x")),
    "hierarchical": (("z2", "z1 | z2", "x | z1"), ("x", "z1 | x", "z2 | z1")),
    "multimodal": (("z", "x1 | z", "x2 | z"), ("x1, x2", "z | x1, x2")),
    "series": (("z1", "x1 | z1", "z2 | z1, x1", "x2 | z1, z2, x1"), ("x1, x2", "z1 | x1", "z2 | z1, x1, x2")),
}


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def worlds():  # one of every kind
    for name, (p, q) in STRUCTURES.items():
        yield pytest.param(FiniteWorld.random(p, q, sizes=2, batch=(16,), generator=generator()), id=name)
    sizes = {"x": 5, "z": 3}
    yield pytest.param(FiniteWorld.random(sizes=sizes, batch=(4, 4), generator=generator(1)), id="batched twice")
    yield pytest.param(LinearGaussianWorld.random(batch=(16,), generator=generator(2)), id="linear Gaussian")


@pytest.mark.parametrize("world", list(worlds()))
def test_identities_of_the_lecture_hold_to_rounding(world):
    zero = {
        "log p(x)": world.log_likelihood() - world.elbo() - world.kl_posterior(),
        "chain rule of KL": world.kl_joint() - world.kl_data() - world.kl_posterior(),
        "rate": world.rate() - world.mi_q() - world.kl_aggregate(),
        "distortion": world.distortion() - world.kl_likelihood() - world.entropy_data() + world.mi_q(),
        "information": world.entropy_aggregate() - world.entropy_posterior() - world.mi_q(),
        "InfoGAN": world.mi_p() - world.info_bound() - world.kl_posterior_model(),
    }
    assert {name: v.abs().max().item() for name, v in zero.items() if v.abs().max() > 1e-9} == {}


@pytest.mark.parametrize("world", list(worlds()))
def test_divergences_are_positive_and_different(world):
    names = "kl_joint kl_data kl_data_reverse kl_aggregate kl_aggregate_reverse kl_posterior kl_posterior_reverse"
    names = (names + " kl_posterior_model kl_likelihood mi_q mi_p rate").split()
    values = torch.stack([getattr(world, name)().flatten() for name in names])
    assert bool((values > 0).all())
    apart = (values[:, None] - values[None]).abs().amax(-1) + torch.eye(len(names), dtype=torch.float64)
    assert apart.min() > 1e-3  # no name is another one's alias


def test_a_hand_built_world_with_the_exact_posterior_has_a_tight_bound():
    prior, decoder = torch.tensor([0.3, 0.7]), torch.tensor([[0.9, 0.2], [0.1, 0.8]])
    joint = Table("z", prior) * Table("x | z", decoder)
    world = FiniteWorld(p={"z": prior, "x | z": decoder}, q=[joint.marginal("x"), joint.conditional("z", given="x")])
    assert world.kl_joint().abs() < 1e-12
    assert torch.allclose(world.elbo(), -world.entropy_data())


def test_any_marginal_and_conditional_can_be_asked_for():
    world = FiniteWorld.random(*STRUCTURES["series"], sizes=2, batch=(3,), generator=generator())
    smooth, joint = world.p("z1 | x1, x2"), world.p("x1, x2, z1, z2").probs
    expected = joint.sum(4) / joint.sum((3, 4))[..., None]
    assert torch.allclose(smooth.marginal("z1").probs.permute(0, 2, 3, 1), expected)
    assert world.p("z2 | z1, x1") is world.p.factors[2]  # a factor comes back as it was given


def test_quantities_are_differentiable_and_the_gradient_trains_a_table_to_the_exact_posterior():
    base = FiniteWorld.random(sizes={"x": 4, "z": 3}, generator=generator(5))
    logits = torch.zeros(3, 4, dtype=torch.float64, requires_grad=True)
    optimiser = torch.optim.LBFGS([logits], max_iter=200, tolerance_grad=1e-12, tolerance_change=1e-16)

    def loss():
        optimiser.zero_grad()
        value = -FiniteWorld(base.p.factors, [base.data, Table("z | x", logits.softmax(0))]).elbo()
        value.backward()
        return value

    optimiser.step(loss)
    assert torch.allclose(logits.softmax(0), base.true_posterior.probs, atol=1e-5)


def test_one_world_of_a_batch_has_its_own_numbers():
    world = FiniteWorld.random(batch=(6,), generator=generator())
    assert torch.allclose(world[4].elbo(), world.elbo()[4])
    gaussian = LinearGaussianWorld.random(batch=(6,), generator=generator())
    assert torch.allclose(gaussian[2].rate(), gaussian.rate()[2])


def test_random_worlds_are_reproducible_and_positive():
    first, second = (FiniteWorld.random(batch=(6,), generator=generator(7)) for _ in range(2))
    assert torch.equal(first.p_joint.probs, second.p_joint.probs)
    assert first.p_joint.probs.min() > 0


def test_both_joints_share_their_variables():
    with pytest.raises(ValueError, match="share their variables"):
        FiniteWorld.random(p=("z", "x | z"), q=("x",), generator=generator())


def test_a_joint_leaves_no_variable_open():
    with pytest.raises(ValueError, match="open"):
        FiniteWorld.random(p=("x | z",), q=("x", "z | x"), generator=generator())
