"""The kernels of a VAE's terms in the interpreter, against the definitions: the same words, the same numbers."""

import pytest
import torch
import triton
import triton.language as tl
from torch import Tensor
from torch.autograd import gradcheck
from torch.library import opcheck

from dgm_tutor.kernels.elbo import log_bernoulli, op, oracle, sample_and_kl
from dgm_tutor.kernels.elbo import torch as twin
from dgm_tutor.kernels.elbo import triton as kernels
from dgm_tutor.kernels.elbo.triton import words
from tests.kernels.interpreter.meter import metered, poison
from tests.kernels.numbers import assert_close
from tests.kernels.problems import PHILOX, elbo, strided

ROWS, WIDEST = kernels.ROWS, kernels.WIDEST
SIZES = [(1, 1), (ROWS - 1, 7), (ROWS, 2), (ROWS + 1, 5), (2, WIDEST - 1), (2, WIDEST), (2, WIDEST + 1)]
RADIUS = (-2 * torch.tensor(2.0**-24).log()).sqrt().item()  # of the largest normal number that there can be


@pytest.fixture(autouse=True)
def _poisoned(monkeypatch):
    poison(monkeypatch)


def with_gradients(values: tuple[Tensor, ...], leaves: tuple[Tensor, ...]) -> list[Tensor]:
    """The values, and the gradients of a weighted sum of all of them."""
    upstream = [torch.linspace(-1, 2, t.numel()).view(t.shape).to(t) for t in values]
    return [*(t.detach() for t in values), *torch.autograd.grad(values, leaves, upstream)]


def check(mu, log_sigma, state, x, logits):
    """In float32 a normal number is off by its angle's half ulp, at most 2 pi 2^-24, times its radius."""
    dim, dtype = mu.shape[1], mu.dtype
    exact = [t.detach().double().requires_grad_() for t in (mu, log_sigma, x, logits)]
    ours = with_gradients(sample_and_kl(mu, log_sigma, state), (mu, log_sigma))
    truth = with_gradients(oracle.sample_and_kl(*exact[:2], state), tuple(exact[:2]))
    scale = RADIUS * exact[1].exp().square().max().item() + exact[0].square().max().item()
    for a, b in zip(ours, truth, strict=True):
        assert a.dtype == dtype
        assert_close(a, b, 4 + 2 * dim, scale=scale)
    ours = with_gradients((log_bernoulli(x, logits),), (x, logits))
    truth = with_gradients((oracle.log_bernoulli(*exact[2:]),), tuple(exact[2:]))
    for a, b in zip(ours, truth, strict=True):
        assert_close(a, b, 4 + 2 * dim, scale=exact[3].abs().max().item())


@triton.jit
def all_words(positions, state, out, SIZE: tl.constexpr):
    at = tl.arange(0, SIZE)
    found = words(tl.load(positions + at), state)
    for k in tl.static_range(4):
        tl.store(out + k * SIZE + at, found[k].to(tl.int64))


@pytest.mark.parametrize(("position", "seed", "offset", "published"), PHILOX)
def test_the_words_are_those_that_philox_s_authors_publish(position, seed, offset, published):
    """And the twin's, at positions on both sides of 2^32."""
    positions, state = torch.tensor([position, position + 1, 2**32 - 1, 2**32]), torch.tensor([seed, offset])
    out = torch.zeros(4, 4, dtype=torch.int64)
    all_words[(1,)](positions, state, out, SIZE=4)
    assert tuple(out[:, 0].tolist()) == published
    assert torch.equal(out, torch.stack(twin.philox(positions, *state)))


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32])
@pytest.mark.parametrize(("n", "dim"), SIZES)
def test_values_and_gradients_are_the_definition_s(n, dim, dtype):
    check(*elbo(n, dim, dtype, seed=n))


def test_rows_and_numbers_may_lie_apart():
    mu, log_sigma, state, x, logits = (t.detach() for t in elbo(ROWS + 1, 5))
    apart = [strided(t) for t in (mu, log_sigma)], [strided(t) for t in (x, logits)]
    wide = torch.stack([state, state + 1], 1)[:, 0]
    for a, b in zip(sample_and_kl(*apart[0], wide), sample_and_kl(mu, log_sigma, state), strict=True):
        assert torch.equal(a, b)
    assert torch.equal(log_bernoulli(*apart[1]), log_bernoulli(x, logits))


def test_an_expanded_gradient_is_a_gradient():
    """z.sum() hands every coordinate the same number in memory."""
    mu, log_sigma, state, x, logits = elbo(3, 5)
    z, kl = sample_and_kl(mu, log_sigma, state)
    (in_log_sigma,) = torch.autograd.grad(z.sum(), log_sigma, retain_graph=True)
    torch.testing.assert_close(in_log_sigma, (z - mu).detach())
    (in_mu,) = torch.autograd.grad(kl.sum(), mu)
    torch.testing.assert_close(in_mu, mu.detach())
    (in_logits,) = torch.autograd.grad(log_bernoulli(x, logits).sum(), logits)
    torch.testing.assert_close(in_logits, (x - logits.sigmoid()).detach())


def test_extremes_stay_finite():
    mu, log_sigma = torch.tensor([[-1e4, 0.0, 1e4]]), torch.tensor([[-40.0, 0.0, 10.0]])
    mu, log_sigma = mu.requires_grad_(), log_sigma.requires_grad_()
    logits = torch.tensor([[-1e4, 0.0, 1e4]], requires_grad=True)
    for values, leaves in (
        (sample_and_kl(mu, log_sigma, torch.tensor([1, 2])), (mu, log_sigma)),
        ((log_bernoulli(torch.ones(1, 3), logits),), (logits,)),
    ):
        assert all(torch.isfinite(t).all() for t in with_gradients(values, leaves))


def test_the_gradients_are_the_functions():
    mu, log_sigma, state, x, logits = elbo(3, 2)
    assert gradcheck(lambda *t: sample_and_kl(*t, state), (mu, log_sigma), fast_mode=True)
    assert gradcheck(log_bernoulli, (x, logits), fast_mode=True)


def test_the_operations_keep_torchs_rules():
    mu, log_sigma, state, x, logits = elbo(3, 2)
    opcheck(op._sample, (mu, log_sigma, state))
    opcheck(op._bernoulli, (x, logits))
    mu, log_sigma, x, logits = (t.detach() for t in (mu, log_sigma, x, logits))
    opcheck(op._sample_backward, (mu, mu[:, 0].clone(), mu, log_sigma, state))
    opcheck(op._bernoulli_backward, (x[:, 0].clone(), x, logits))


def test_traffic_is_within_its_budget(monkeypatch):
    """One launch each; every number crosses once, the noise never; two numbers of state a tile."""
    n, dim = 2 * ROWS + 1, WIDEST + 3
    mu, log_sigma, state, x, logits = (t.detach() for t in elbo(n, dim))
    g, numbers, of_state = mu[:, 0].clone(), n * dim, 2 * 3 * 2
    budgets = {
        lambda: kernels.sample_and_kl(mu, log_sigma, state): (2 * numbers + of_state, numbers + n),
        lambda: kernels.sample_and_kl_backward(mu, g, mu, log_sigma, state): (3 * numbers + n + of_state, 2 * numbers),
        lambda: kernels.log_bernoulli(x, logits): (2 * numbers, n),
        lambda: kernels.log_bernoulli_backward(g, x, logits): (2 * numbers + n, numbers),
    }
    total = 0
    for run, (reads, writes) in budgets.items():
        with metered(monkeypatch) as meter:
            run()
        assert (meter.launches, meter.read, meter.written) == (1, 8 * reads, 8 * writes)
        assert meter.twice == meter.back == 0
        total += meter.read + meter.written
    counted = [kernels.traffic(n, dim, term, size=8) for term in ("posterior", "likelihood")]
    assert total == sum(term["bytes"] for term in counted) + 8 * 2 * of_state


def test_nothing_in_gives_nothing_out():
    for n, dim in ((0, 3), (2, 0)):
        mu, log_sigma, state, x, logits = elbo(n, dim)
        z, kl = sample_and_kl(mu, log_sigma, state)
        assert z.shape == (n, dim) and torch.equal(kl, torch.zeros(n).double())
        assert torch.equal(log_bernoulli(x, logits), torch.zeros(n).double())
