"""Flow: sampling and density agree, the sampling direction is enough for a bound, D4 holds to rounding."""

import pytest
import torch
from torch.distributions import kl_divergence

from dgm_tutor.components import StandardNormal
from dgm_tutor.components.flows import Flow, FlowPosterior, FlowPrior, Inverted, Stack, Transform, iaf
from dgm_tutor.components.networks import mlp
from tests.components.flows.truth import TRANSFORMS, away, base, made, points


@pytest.fixture(params=TRANSFORMS)
def q(request):
    return Flow(base(2), made(request.param, 2, 3), points(4, 3, seed=3))


class OneWay(Transform):
    """A transform whose slow direction is so slow that nobody may use it."""

    def __init__(self, transform):
        super().__init__()
        self.transform = transform

    def forward(self, z, context=None):
        return self.transform(z, context)

    def inverse(self, x, context=None):
        raise AssertionError("the slow direction was run")


def test_density_on_the_way_of_sampling_is_the_density_by_the_inverse(q):
    torch.manual_seed(0)
    x, log_prob = q.rsample_with_log_prob((50,))
    assert x.shape == (50, 4, 2) and log_prob.shape == (50, 4)
    torch.testing.assert_close(log_prob, q.log_prob(x.clone()), rtol=0, atol=1e-7)


def test_what_was_just_drawn_needs_no_inverse_and_anything_else_does():
    q = Flow(base(2), OneWay(made("iaf", 2, 3)), points(4, 3, seed=3))
    z = q.rsample((5,))
    direct = q.log_prob(z)
    assert direct.requires_grad
    for other in (z.clone(), z.detach(), z[1:]):
        with pytest.raises(AssertionError, match="slow direction"):
            q.log_prob(other)


def test_a_draw_that_was_changed_or_has_no_gradients_is_not_recognised():
    q = Flow(base(2), made("iaf", 2, 3), points(4, 3, seed=3))
    z = q.sample((5,))
    exact = q.log_prob(z.clone())
    assert q.log_prob(z).requires_grad and torch.allclose(q.log_prob(z), exact)
    with torch.no_grad():
        assert torch.equal(q.log_prob(z), q._drawn[2])
        z += 1
        torch.testing.assert_close(q.log_prob(z), q.log_prob(z.clone()))
        assert not torch.allclose(q.log_prob(z), exact)


def test_gradients_of_a_bound_are_the_same_either_way(q):
    """d/dphi of log q(z_phi; phi), total: along the sampling direction and back through the inverse."""
    transform = q.transform
    gradients = []
    for again in (False, True):
        transform.zero_grad()
        torch.manual_seed(3)
        z = q.rsample((6,))
        (q.log_prob(z.clone() if again else z) + z.square().sum(-1)).mean().backward()
        gradients.append([p.grad.clone() for p in transform.parameters()])
    for direct, back in zip(*gradients, strict=True):
        torch.testing.assert_close(direct, back, rtol=1e-5, atol=1e-7)


@pytest.mark.parametrize("prior", ["maf", "naf"])
def test_d4_a_flow_with_an_autoregressive_prior_is_one_flow_with_a_longer_stack(prior):
    inner, outer = made(prior, 5), made("real_nvp", 5, seed=1)
    nested = Flow(Flow(base(5), inner), outer)
    longer = Flow(base(5), Stack(inner, outer))
    x = points(30, 5)
    torch.testing.assert_close(nested.log_prob(x), longer.log_prob(x), rtol=1e-12, atol=1e-12)
    samples = []
    for q in (nested, longer):
        torch.manual_seed(0)
        samples.append(q.sample((20,)))
    assert torch.equal(*samples)


def test_d4_an_autoregressive_gaussian_as_the_base_is_one_more_layer():
    """p(z) = prod_i N(z_i; mu_i(z_<i), sigma_i(z_<i)), written as the product that it is, under another flow."""
    layer, outer, x = made("maf", 5).transforms[0], made("naf", 5, seed=1), points(30, 5)
    z, log_det = outer.inverse(x)
    conditionals = torch.distributions.Normal(*_mean_and_scale(layer, z))
    longer = Flow(
        torch.distributions.Independent(torch.distributions.Normal(torch.zeros(5).double(), 1.0), 1),
        Stack(layer, outer),
    )
    torch.testing.assert_close(longer.log_prob(x), conditionals.log_prob(z).sum(-1) + log_det, rtol=0, atol=1e-10)


def _mean_and_scale(layer, z):
    """Each conditional from its past alone: the later coordinates are hidden behind a large number."""
    hidden = torch.where(torch.ones(5, 5).tril(-1).bool(), z.unsqueeze(-2), 1e6)  # (n, i, j): z_j where j < i
    mu, alpha = layer.made(hidden).diagonal(dim1=-3, dim2=-2).unbind(-2)
    return mu, (5 * torch.tanh(alpha / 5)).exp()


def test_a_context_gives_the_batch_and_expands():
    q = Flow(base(2), made("maf", 2, 3), points(4, 3, seed=3))
    assert q.batch_shape == (4,) and q.event_shape == (2,)
    assert q.sample((7,)).shape == (7, 4, 2)
    wide = q.expand((6, 4))
    x = points(6, 4, 2)
    assert wide.batch_shape == (6, 4)
    torch.testing.assert_close(wide.log_prob(x), q.log_prob(x))


def test_no_closed_form_kl_is_pretended(q):
    with pytest.raises(NotImplementedError):
        kl_divergence(q, base(2))


def test_the_posterior_reads_mu_log_sigma_and_context_in_that_order():
    head = away(FlowPosterior(mlp([3, 6, 2 * 2 + 5]), iaf(2, 2, (12,), context_dim=5), dim=2))
    x = points(4, 3)
    q, out = head(x), head.network(x)
    torch.testing.assert_close(q.base.mean, out[:, :2])
    torch.testing.assert_close(q.base.stddev, out[:, 2:4].exp())
    assert torch.equal(q.context, out[:, 4:])


def test_the_prior_is_the_transformed_base():
    prior = FlowPrior(StandardNormal(2), made("maf", 2)).double()
    x = points(9, 2)
    z, log_det = prior.transform.inverse(x)
    torch.testing.assert_close(prior().log_prob(x), StandardNormal(2).double()().log_prob(z) + log_det)
    assert prior().batch_shape == ()


def test_inverted_twice_is_the_same_map():
    transform, z = made("mixed", 2), points(8, 2)
    assert torch.equal(Inverted(Inverted(transform))(z)[0], transform(z)[0])
