"""Critics answer one number a point; a generator's samples carry gradients and have no density."""

import pytest
import torch

from dgm_tutor.components import Generator, PointMass, TableCritic, conv_critic, mlp, mlp_critic
from dgm_tutor.components.codes import Code, CodePrior, SoftCodeHead


@pytest.mark.parametrize(("critic", "dim"), [(mlp_critic(6, (5,)), 6), (conv_critic((8, 8), channels=4), 64)])
def test_a_critic_gives_one_number_a_point_and_has_gradients_everywhere(critic, dim):
    points = torch.randn(3, dim, requires_grad=True)
    logits = critic(points)
    assert logits.shape == (3,) and critic(points.reshape(3, 1, dim)).shape == (3, 1)
    logits.square().sum().backward()
    assert all(p.grad.abs().sum() > 0 for p in critic.parameters()) and points.grad.abs().sum() > 0


def test_a_table_critic_looks_up_its_symbol():
    critic = TableCritic(torch.tensor([1.0, -2.0, 3.0]))
    assert critic(torch.eye(3)).tolist() == [1.0, -2.0, 3.0]


def test_a_generator_s_samples_are_its_network_s_and_carry_gradients():
    generator = Generator(mlp([2, 4]))
    z = torch.randn(5, 2, requires_grad=True)
    x = generator(z)
    assert torch.equal(x.rsample(), generator.network(z)) and torch.equal(x.mean, x.sample())
    assert x.rsample((3,)).shape == (3, 5, 4) and not x.sample().requires_grad
    x.rsample().sum().backward()
    assert z.grad.abs().sum() > 0
    with pytest.raises(NotImplementedError, match="no density"):
        x.log_prob(torch.zeros(5, 4))
    assert "NaN" in generator.refuse(torch.tensor([[torch.nan]]))


def test_a_code_is_its_parts():
    prior = CodePrior(3, 2)()
    codes = prior.sample((1000,))
    y, z = codes.split([3, 2], 1)
    assert codes.shape == (1000, 5) and torch.equal(y.sum(1), torch.ones(1000)) and not prior.has_rsample
    torch.testing.assert_close(prior.log_prob(codes), -torch.tensor(3.0).log() + prior.z.log_prob(z))
    assert (y.mean(0) - 1 / 3).abs().max() < 0.07


def test_a_soft_code_is_a_point_on_the_simplex_beside_a_gaussian():
    head = SoftCodeHead(mlp([4, 3 + 2 * 2]), 3)
    x = torch.randn(6, 4)
    q, out = head(x), head.network(x)
    assert isinstance(q, Code) and isinstance(q.y, PointMass) and q.has_rsample
    torch.testing.assert_close(q.y.point, out[:, :3].softmax(-1))
    torch.testing.assert_close(q.z.base_dist.loc, out[:, 3:5])
    torch.testing.assert_close(q.z.base_dist.scale, out[:, 5:].exp())
    assert q.rsample().requires_grad and q.rsample((2,)).shape == (2, 6, 5)
    with pytest.raises(NotImplementedError):
        q.log_prob(q.sample())
