"""Linear Gaussians: held to torch.distributions and to sampling-free identities away from trivial parameters."""

import pytest
import torch
from torch.distributions import MultivariateNormal, kl_divergence

from dgm_tutor.exact import Gaussian, LinearGaussianWorld, NoClosedForm

WORLD = LinearGaussianWorld.random(batch=(8,), generator=torch.Generator().manual_seed(3))


def normal(g: Gaussian) -> MultivariateNormal:
    assert not g.given
    return MultivariateNormal(g.bias, g.cov)


def test_divergence_and_entropy_agree_with_torch():
    assert torch.allclose(WORLD.kl_data(), kl_divergence(normal(WORLD.data), normal(WORLD.model)), atol=1e-10)
    assert torch.allclose(WORLD.entropy_data(), normal(WORLD.data).entropy(), atol=1e-12)
    assert torch.allclose(WORLD.kl_joint(), kl_divergence(normal(WORLD.q("x, z")), normal(WORLD.p("x, z"))), atol=1e-9)


def test_the_marginal_of_the_model_is_the_textbook_one():
    decoder = WORLD.decoder
    assert torch.allclose(WORLD.model.bias, decoder.bias)
    assert torch.allclose(WORLD.model.cov, decoder.weight @ decoder.weight.mT + decoder.cov)


def test_the_posterior_is_the_textbook_one():
    W, b, noise = WORLD.decoder.weight, WORLD.decoder.bias, WORLD.decoder.cov
    precision = torch.eye(2, dtype=torch.float64) + W.mT @ noise.inverse() @ W
    expected = precision.inverse() @ W.mT @ noise.inverse()
    assert torch.allclose(WORLD.true_posterior.weight, expected, atol=1e-10)
    assert torch.allclose(WORLD.true_posterior.cov, precision.inverse(), atol=1e-10)
    assert torch.allclose(WORLD.true_posterior.bias, -(expected @ b[..., None])[..., 0], atol=1e-10)


def test_a_log_density_is_the_density_at_a_point():
    x, z = torch.randn(8, 3, dtype=torch.float64), torch.randn(8, 2, dtype=torch.float64)
    log = WORLD.decoder.log()
    v = torch.cat([x, z], -1)
    value = (v[..., None, :] @ log.matrix @ v[..., None])[..., 0, 0] + (log.vector * v).sum(-1) + log.constant
    mean = (WORLD.decoder.weight @ z[..., None])[..., 0] + WORLD.decoder.bias
    assert torch.allclose(value, MultivariateNormal(mean, WORLD.decoder.cov).log_prob(x), atol=1e-10)


def test_an_elbo_agrees_with_samples_of_it():
    world = WORLD[0]
    torch.manual_seed(0)
    x = normal(world.data).sample((200_000,))
    q = MultivariateNormal(x @ world.posterior.weight.mT + world.posterior.bias, world.posterior.cov)
    z = q.sample()
    p_x = MultivariateNormal(z @ world.decoder.weight.mT + world.decoder.bias, world.decoder.cov)
    sampled = p_x.log_prob(x) + normal(world.prior).log_prob(z) - q.log_prob(z)
    error = sampled.std() / len(sampled) ** 0.5
    assert abs(sampled.mean() - world.elbo()) < 4 * error


def test_conditionals_of_conditionals_follow_the_chain_rule():
    sizes = {"a": 2, "b": 1, "c": 2}
    g = torch.Generator().manual_seed(1)
    root = torch.randn(3, 3, generator=g, dtype=torch.float64)
    joint = Gaussian("a, b | c", sizes, [0.3, -1.0, 2.0], root @ root.T, torch.randn(3, 2, generator=g))
    again = joint.marginal("b") * joint.conditional("a", given="b")
    assert set(again.given) == {"c"}
    again = again.marginal("a, b")
    for name in ("bias", "cov", "weight"):
        assert torch.allclose(getattr(again, name), getattr(joint, name), atol=1e-10)


def test_a_mixture_of_gaussians_is_refused():
    with pytest.raises(NoClosedForm, match="JSD has no closed form"):
        WORLD.jsd_data()


def test_wrong_shapes_are_refused_with_the_right_ones():
    with pytest.raises(ValueError, match=r"shapes \(\(2,\), \(2, 2\), \(2, 3\)\)"):
        Gaussian("z | x", {"x": 3, "z": 2}, [0.0, 0.0], torch.eye(2), torch.zeros(3, 2))
