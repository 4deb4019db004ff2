"""Information terms: exact on finite worlds, the evaluation room's numbers on a whole data set."""

import math

import pytest
import torch
from torch.distributions import Bernoulli, Independent

from dgm_tutor import evaluation, models
from dgm_tutor.objectives import (
    Draw,
    ExactDraw,
    dimension_kl,
    info_bound,
    kl_aggregate,
    mi_q,
    rate,
    total_correlation,
)
from tests.components.test_components import shaken
from tests.objectives.worlds import random_world, value


def close(a, b, atol=1e-10):
    torch.testing.assert_close(a, b, rtol=0, atol=atol, check_dtype=False)


@pytest.mark.parametrize("seed", range(5))
def test_terms_are_the_exact_sums(seed):
    world, draw = random_world(seed)
    close(value(mi_q(100), draw), world.mi_q())
    close(value(kl_aggregate(100), draw), world.kl_aggregate())
    close(value(info_bound(), draw), world.info_bound())
    close(value(mi_q(), draw) + value(kl_aggregate(), draw), value(rate, draw))


@pytest.mark.parametrize("seed", range(5))
def test_infogan_s_bound_is_below_mi_p_by_its_gap(seed):
    world, draw = random_world(seed)
    assert value(info_bound(), draw) < world.mi_p()
    close(value(info_bound(), draw) + world.kl_posterior_model(), world.mi_p())


def test_infogan_s_bound_is_tight_at_the_exact_posterior():
    from dgm_tutor.components import Table

    world, draw = random_world(4)
    draw.model.posterior = Table(world.true_posterior.probs.mT)
    close(value(info_bound(), draw), world.mi_p())


def test_the_sampled_bound_averages_to_the_exact_one():
    torch.manual_seed(0)
    world, exact = random_world(2)
    draw = Draw(exact.model, torch.eye(5, dtype=torch.float64)[torch.zeros(40_000, dtype=torch.long)])
    with torch.no_grad():
        told = draw.model.posterior(draw.model_x).log_prob(draw.prior_z)
        assert abs(value(info_bound(), draw) - world.info_bound()) < 4 * told.std() / 200


def test_infogan_s_bound_with_a_part_of_z_for_a_code():
    _, draw = random_world(2)
    one = value(info_bound(entropy=2.0, code=lambda z: z), draw)
    close(one, value(info_bound(), draw) - draw.prior.entropy() + 2.0)


class Bits(torch.nn.Module):
    """z of two bits, q(z|x) and p(z) independent in them: a support of four points to sum over."""

    def __init__(self, logits):
        super().__init__()
        self.logits = torch.nn.Parameter(logits)

    def forward(self, x=None):
        q = Independent(Bernoulli(logits=self.logits if x is None else x @ self.logits, validate_args=False), 1)
        bits = torch.tensor([0.0, 1.0], dtype=torch.float64)
        q.enumerate_support = lambda: torch.cartesian_prod(bits, bits)
        return q


def test_the_rate_is_information_correlation_and_dimensions():
    """The three terms by their definitions on a table, and their sum."""
    generator = torch.Generator().manual_seed(5)
    model = torch.nn.Module()
    model.posterior = Bits(2 * torch.randn(4, 2, generator=generator, dtype=torch.float64))
    model.prior = Bits(torch.randn(2, generator=generator, dtype=torch.float64))
    p_data = torch.tensor([0.4, 0.3, 0.2, 0.1], dtype=torch.float64)
    draw = ExactDraw(model, torch.eye(4, dtype=torch.float64), p_data)
    p = torch.sigmoid(model.posterior.logits)  # (x, bit)
    on = torch.stack([1 - p, p])  # (value, x, bit)
    joint = p_data * on[:, None, :, 0] * on[None, :, :, 1]  # (z1, z2, x)
    q_z = joint.sum(-1)
    q_1, q_2 = q_z.sum(1), q_z.sum(0)
    close(value(total_correlation(), draw), (q_z * (q_z / (q_1[:, None] * q_2)).log()).sum())
    prior = torch.sigmoid(model.prior.logits)
    dims = sum((q * (q / torch.stack([1 - prior[j], prior[j]])).log()).sum() for j, q in enumerate((q_1, q_2)))
    close(value(dimension_kl(), draw), dims)
    close(value(mi_q(), draw), (joint * (joint / (p_data * q_z[..., None])).log()).sum())
    close(value(total_correlation(), draw) + value(dimension_kl(), draw), value(kl_aggregate(), draw))


def vae(seed=0):
    torch.manual_seed(seed)
    return shaken(models.create("vae", x_dim=6, z_dim=3, hidden=(8,)).double(), scale=0.5)


def data(n=60):
    return torch.bernoulli(torch.full((n, 6), 0.4, dtype=torch.float64), generator=torch.Generator().manual_seed(2))


def test_on_the_whole_set_the_terms_are_the_evaluation_s():
    model, x = vae(), data()
    torch.manual_seed(3)
    estimates = [
        [value(t(), Draw(model, x)).item() for t in (mi_q, total_correlation, dimension_kl)] for _ in range(300)
    ]
    split = evaluation.decomposition(model, x, samples=300, seed=4)
    for mean, std, truth in zip(
        torch.tensor(estimates).mean(0),
        torch.tensor(estimates).std(0),
        (split.mi_q, split.total_correlation, split.dimension_kl),
        strict=True,
    ):
        assert abs(mean - truth.value) < 4 * (std / 300**0.5 + truth.standard_error)
    assert split.mi_q.value < math.log(60)


def test_a_minibatch_overstates_mi_and_less_so_a_larger_one():
    model, x = vae(), data()
    exact = evaluation.decomposition(model, x, samples=200, seed=4).mi_q.value
    generator = torch.Generator().manual_seed(1)

    def mean(size):
        batches = (x[torch.randperm(60, generator=generator)[:size]] for _ in range(400))
        return torch.stack([value(mi_q(60), Draw(model, batch)) for batch in batches]).mean().item()

    small, large = mean(4), mean(30)
    assert exact < large < small


def test_the_rate_s_three_parts_add_up_in_every_batch():
    model, x = vae(), data(20)
    draw = Draw(model, x)
    parts = sum(value(term(60), draw) for term in (mi_q, total_correlation, dimension_kl))
    q, p = draw.posterior, draw.prior
    close(parts, (q.log_prob(draw.z) - p.log_prob(draw.z)).mean())


def test_gradients_of_the_terms_reach_the_posterior():
    for term in (mi_q, kl_aggregate, total_correlation, dimension_kl):
        model = vae()
        value(term(60), Draw(model, data(20))).backward()
        assert all(p.grad.abs().sum() > 0 for p in model.posterior.parameters()), term
        assert all(p.grad is None for p in model.decoder.parameters())


def test_the_split_needs_independent_dimensions():
    _, draw = random_world()
    with pytest.raises(TypeError, match="Independent"):
        value(total_correlation(), draw)
