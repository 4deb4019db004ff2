"""MADE, MAF, IAF and NAF: who sees whom, D3, sampling in small steps, and what one layer can fit (C6)."""

import math

import pytest
import torch
import torch.nn.functional as F
from torch.distributions import Normal

from dgm_tutor.components.flows import MADE, Affine, Autoregressive, DeepSigmoid, Flow, Gated, iaf, maf, naf
from dgm_tutor.exact import jacobian
from tests.components.flows.truth import away, points


def net(dim=5, context_dim=0, reverse=False, hidden=(16, 16), outputs=2):
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return away(MADE(dim, hidden, outputs, context_dim, reverse))


@pytest.mark.parametrize("reverse", [False, True])
@pytest.mark.parametrize("context_dim", [0, 3])
def test_output_i_sees_exactly_the_inputs_before_it(reverse, context_dim):
    made, x = net(5, context_dim, reverse), points(6, 5)
    context = points(6, context_dim, seed=2) if context_dim else None
    sees = jacobian(lambda x: made(x, context).flatten(1), x).abs().amax(0).unflatten(0, (5, 2)).amax(1) > 0
    before = torch.ones(5, 5).tril(-1).bool()
    assert torch.equal(sees, before.T if reverse else before)


def test_the_order_turns_at_each_layer():
    turned = [[0, 1, 2], [2, 1, 0], [0, 1, 2]]
    assert [layer.made.order for layer in maf(3, 3).transforms] == turned
    assert [step.transform.made.order for step in iaf(3, 3).transforms] == turned


def test_an_iaf_step_is_the_paper_s_gate():
    """z_t = sigma z_{t-1} + (1 - sigma) m, log |det| = sum log sigma, both read from z_{t-1} and the context."""
    step, z, context = away(iaf(5, 1, (16,), 3)).transforms[0], points(6, 5), points(6, 3, seed=2)
    m, s = step.transform.made(z, context).unbind(-1)
    sigma = 1 / (1 + (-s - 2).exp())
    x, log_det = step(z, context)
    torch.testing.assert_close(x, sigma * z + (1 - sigma) * m)
    torch.testing.assert_close(log_det, sigma.log().sum(-1))


def test_a_fresh_iaf_starts_close_to_the_identity():
    """Its gates are mostly open, so that q(z|x) begins as the encoder's own Gaussian, a little narrower."""
    torch.manual_seed(0)
    z, context = torch.randn(200, 20), torch.randn(200, 8)
    for step in iaf(20, 4, (64,), 8).transforms:
        x, log_det = step(z, context)
        assert (x - z).norm() < 0.25 * z.norm()
        assert (log_det > 20 * math.log(0.75)).all()
        z = x


def test_a_gate_keeps_its_log_det_where_it_is_all_but_shut_or_open():
    z, parameters = torch.zeros(3) + 0.5, torch.tensor([[0.0, -60.0], [0.0, 60.0], [0.0, -2.0]])
    x, log_slope = Gated().inverse(z, parameters)
    torch.testing.assert_close(x, torch.tensor([0.0, 0.5, 0.25]))
    torch.testing.assert_close(log_slope, torch.tensor([-58.0, 0.0, -math.log(2)]))


@pytest.mark.parametrize("dim", [1, 2, 5])
def test_context_reaches_every_conditional_the_first_one_too(dim):
    made, x = net(dim, 3), points(6, dim)
    sees = jacobian(lambda c: made(x, c).flatten(1), points(6, 3, seed=2)).abs().amax(0)
    assert (sees > 0).all()


def test_a_narrow_network_is_still_autoregressive():
    made, x = net(5, hidden=(2,)), points(6, 5)
    sees = jacobian(lambda x: made(x).flatten(1), x).abs().amax(0).unflatten(0, (5, 2)).amax(1)
    assert (sees.triu() == 0).all() and (sees > 0).any()


def test_d3_a_gaussian_autoregressive_model_is_one_affine_layer():
    """Conditionals one by one, each with the later coordinates unknown, against the flow's change of variables."""
    layer, x = Autoregressive(net(5), Affine()), points(20, 5)
    log_prob = torch.zeros(20, dtype=torch.float64)
    for i in range(5):
        past = torch.cat([x[:, :i], torch.full((20, 5 - i), 1e6, dtype=torch.float64)], -1)
        mu, alpha = layer.made(past)[:, i].unbind(-1)
        log_prob += Normal(mu, (5 * torch.tanh(alpha / 5)).exp()).log_prob(x[:, i])
    standard = torch.distributions.Independent(Normal(torch.zeros(5).double(), 1.0), 1)
    torch.testing.assert_close(Flow(standard, layer).log_prob(x), log_prob, rtol=0, atol=1e-12)


@pytest.mark.parametrize("reverse", [False, True])
@pytest.mark.parametrize("context_dim", [0, 3])
@pytest.mark.parametrize("monotone", [Affine(), DeepSigmoid(4), Gated()], ids=["maf", "naf", "iaf"])
@pytest.mark.parametrize("hidden", [(16,), (16, 7, 16), (3,)], ids=str)
def test_small_steps_sample_what_whole_passes_sample(reverse, context_dim, monotone, hidden):
    made, z = net(5, context_dim, reverse, hidden, monotone.count), points(3, 4, 5)
    context = points(4, context_dim, seed=2) if context_dim else None

    def advance(z_i, parameters):
        return monotone.forward(z_i, parameters)[0]

    slow, quick = made.sequential(advance, z, context), made.incremental(advance, z, context)
    torch.testing.assert_close(quick, slow, rtol=0, atol=1e-10)
    torch.testing.assert_close(Autoregressive(made, monotone).inverse(quick, context)[0], z, rtol=0, atol=1e-9)


def test_sampling_takes_the_small_steps_where_no_gradient_is_wanted():
    layer = Autoregressive(net(5), Affine())
    layer.made.sequential = None
    with torch.no_grad():
        assert layer(points(3, 5))[0].shape == (3, 5)
    layer.made.sequential, layer.made.incremental = MADE.sequential.__get__(layer.made), None
    assert layer(points(3, 5))[0].requires_grad


@pytest.mark.parametrize("reverse", [False, True])
@pytest.mark.parametrize("hidden", [(256, 300), (8,)], ids=str)
def test_products_in_blocks_are_the_masked_products_with_exact_gradients(reverse, hidden):
    """Wide layers are multiplied block by block: values, first and second derivatives against the plain product."""
    made, x = net(5, reverse=reverse, hidden=hidden, outputs=60), points(2, 3, 5).requires_grad_()
    assert [bool(layer.blocks) for layer in made.layers] == ([False, True, True] if len(hidden) == 2 else [False] * 2)

    def plain(x):
        h = x
        for k, layer in enumerate(made.layers):
            h = F.linear(F.elu(h) if k else h, layer.weight * layer.mask, layer.bias)
        return h.unflatten(-1, (5, 60))

    inputs = [x, *made.parameters()]
    for function in (made, plain):
        y = function(x)
        first = torch.autograd.grad(y.square().mean(), inputs, create_graph=True)
        again = torch.autograd.grad(function(x).square().mean(), inputs)  # the way that training takes
        second = torch.autograd.grad(sum(g.square().sum() for g in first), inputs)
        if function is made:
            ours = [y, *first, *again, *second]
    for a, b in zip(ours, [y, *first, *again, *second], strict=True):
        torch.testing.assert_close(a, b, rtol=1e-9, atol=1e-12)


def test_products_in_blocks_skip_what_no_row_sees():
    layer = net(64, hidden=(512, 512)).layers[1]
    area = sum((rows.stop - rows.start) * (seen.stop - seen.start) for rows, seen in layer.blocks)
    assert layer.mask.sum() < area < 0.65 * layer.mask.numel()


def two_arms(n, seed):
    """x1 ~ N(0, 1), x2 = x1 / 2 +- 2 + 0.4 noise; and E log p(x2|x1), by the mixture's density."""
    generator = torch.Generator().manual_seed(seed)
    x1, noise = torch.randn(2, n, generator=generator)
    side = 4 * torch.randint(2, (n,), generator=generator) - 2
    x = torch.stack([x1, x1 / 2 + side + 0.4 * noise], -1)
    modes = Normal((x1 / 2)[:, None] + torch.tensor([-2.0, 2.0]), 0.4)
    return x, (modes.log_prob(x[:, 1:]).logsumexp(-1) - math.log(2)).mean()


def fitted(transform, x, steps):
    standard = torch.distributions.Independent(Normal(torch.zeros(2), 1.0), 1)
    optimizer = torch.optim.Adam(transform.parameters(), lr=0.02)
    for step in range(steps):
        batch = x[torch.arange(256) + 256 * (step % (len(x) // 256))]
        loss = -Flow(standard, transform).log_prob(batch).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return transform


def log_p2(transform, x):
    """E log p(x2|x1): log p(x) less the first coordinate's own log p(x1)."""
    layers = list(transform.transforms)
    with torch.no_grad():
        point, total = x, torch.zeros(len(x))
        for layer in reversed(layers):
            z, log_slope = layer.monotone.inverse(point, layer.made(point))
            point, total = z, total + log_slope[:, 1]
        return (Normal(0.0, 1.0).log_prob(point[:, 1]) + total).mean()


def test_c6_one_naf_layer_fits_a_bimodal_conditional_and_no_affine_stack_in_one_order_can():
    torch.manual_seed(0)
    (train, _), (test, truth) = two_arms(8192, 1), two_arms(8192, 2)
    best_gaussian = -0.5 * math.log(2 * math.pi * math.e * (4 + 0.4**2))
    affine = maf(2, 3, (16,))
    for layer in affine.transforms:  # three layers, all in the order x1, x2
        layer.made = MADE(2, (16,), 2)
    neural, affine = fitted(naf(2, 1, (16,), 4), train, 400), fitted(affine, train, 150)
    assert log_p2(affine, test) < best_gaussian + 0.03  # 0.03: the test set's own error
    assert log_p2(neural, test) > truth - 0.15
    assert truth - best_gaussian > 0.9
