"""A VAE's terms as operations: the noise, number by number and as a whole; twin, compiler, kernels; their traffic."""

import pytest
import torch
from torch import Tensor

from dgm_tutor.kernels.elbo import log_bernoulli, new_state, op, oracle, sample_and_kl
from dgm_tutor.kernels.elbo import torch as twin
from tests.kernels import linux
from tests.kernels.problems import PHILOX, elbo

MANY = 2**18


def standard(state: Tensor, n: int = MANY) -> Tensor:
    return twin.noise(torch.empty(n, dtype=torch.float64), state)


@pytest.mark.parametrize(("position", "seed", "offset", "words"), PHILOX)
def test_the_words_are_those_that_philox_s_authors_publish(position, seed, offset, words):
    assert oracle.philox(position, seed, offset) == words
    given = torch.tensor([position, seed, offset])
    assert tuple(int(w) for w in twin.philox(*given)) == words


def test_the_noise_is_normal():
    """Kolmogorov and Smirnov's distance, and four moments, each within 4 of its standard errors."""
    x = standard(torch.tensor([3, 5])).sort().values
    steps = torch.arange(MANY + 1, dtype=torch.float64) / MANY
    cdf = torch.special.ndtr(x)
    distance = torch.maximum((cdf - steps[:-1]).abs().max(), (steps[1:] - cdf).abs().max())
    assert distance * MANY**0.5 < 1.95  # passed by chance once in 1,000
    for power, (mean, variance) in {1: (0, 1), 2: (1, 2), 3: (0, 15), 4: (3, 96)}.items():
        assert abs((x**power).mean() - mean) < 4 * (variance / MANY) ** 0.5


def test_neighbours_in_position_seed_and_offset_know_nothing_of_each_other():
    x = standard(torch.tensor([3, 5]))
    others = [x.roll(1), standard(torch.tensor([4, 5])), standard(torch.tensor([3, 6])), standard(torch.tensor([5, 3]))]
    for other in others:
        for f in (lambda t: t, lambda t: t.square() - 1):
            scale = f(x).std() * f(other).std()
            assert ((f(x) * f(other)).mean() / scale).abs() < 4 / MANY**0.5


def test_offsets_share_no_noise():
    """Not one pair of words comes twice, neither within an offset nor between them."""
    positions, seed = torch.arange(2**16), torch.tensor(3)
    words = [twin.philox(positions, seed, torch.tensor(offset))[:2] for offset in (-1, 0, 1, 2**32)]
    pairs = torch.cat([(a << 32) + b for a, b in words])
    assert len(pairs.unique()) == len(pairs)


@pytest.mark.parametrize("tile", [4, 2**15])
def test_the_twin_is_the_definition(tile, monkeypatch):
    monkeypatch.setattr(twin, "TILE", tile)
    mu, log_sigma, state, x, logits = elbo(5, 3)
    for ours, truth, leaves in (
        (sample_and_kl(mu, log_sigma, state), oracle.sample_and_kl(mu, log_sigma, state), (mu, log_sigma)),
        ((log_bernoulli(x, logits),), (oracle.log_bernoulli(x, logits),), (x, logits)),
    ):
        upstream = [torch.randn_like(t) for t in truth]
        results = ((*t, *torch.autograd.grad(t, leaves, upstream)) for t in (ours, truth))
        for a, b in zip(*results, strict=True):
            torch.testing.assert_close(a, b, rtol=0, atol=1e-12)


def test_torch_s_seed_decides_and_each_step_has_noise_of_its_own():
    """Though the state moves on between a step and its gradient."""
    mu, log_sigma, *_ = elbo(4, 2)
    runs = []
    for _ in range(2):
        torch.manual_seed(11)
        state = new_state()
        first, _ = sample_and_kl(mu, log_sigma, state)
        state[1] += 1
        second, _ = sample_and_kl(mu, log_sigma, state)
        runs.append((first, *torch.autograd.grad(first.sum(), log_sigma)))
        assert (first - second).abs().min() > 1e-3
    for a, b in zip(*runs, strict=True):
        assert torch.equal(a, b)
    torch.testing.assert_close(runs[0][1], runs[0][0] - mu)  # sigma eps


def test_the_compiler_takes_it_whole_and_changes_nothing():
    mu, log_sigma, state, x, logits = elbo(4, 3)

    def loss(mu, log_sigma, logits):
        z, kl = sample_and_kl(mu, log_sigma, state)
        return (kl - log_bernoulli(x, logits * z.sin())).mean()

    leaves = (mu, log_sigma, logits)
    compiled = torch.compile(loss, fullgraph=True, backend="aot_eager")
    plain, whole = (torch.autograd.grad(f(*leaves), leaves) for f in (loss, compiled))
    torch.testing.assert_close(whole, plain)


def test_opcheck():
    mu, log_sigma, state, x, logits = elbo(3, 2)
    torch.library.opcheck(op._sample, (mu, log_sigma, state))
    torch.library.opcheck(op._bernoulli, (x, logits))


def test_a_second_derivative_is_refused():
    mu, log_sigma, state, x, logits = elbo(3, 2)
    z, _ = sample_and_kl(mu, log_sigma, state)
    for value, leaf, name in ((z, log_sigma, "sample_and_kl"), (log_bernoulli(x, logits), logits, "log_bernoulli")):
        (gradient,) = torch.autograd.grad(value.sum(), leaf, create_graph=True)
        with pytest.raises(RuntimeError, match=f"cannot be differentiated twice.*kernels.elbo.oracle.{name}"):
            gradient.sum().backward()


def test_what_does_not_fit_is_refused():
    mu, log_sigma, state, x, logits = (t.detach() for t in elbo(3, 2))
    for wrong in ((mu[0], log_sigma[0]), (mu, log_sigma[:2]), (mu.float(), log_sigma), (mu.half(), log_sigma.half())):
        with pytest.raises(ValueError, match="float32 or float64, tensors of one float type, got"):
            sample_and_kl(*wrong, state)
        with pytest.raises(ValueError, match=r"expected x and logits \(N, D\)"):
            log_bernoulli(*wrong)
    for wrong in (state[:1], state.double()):
        with pytest.raises(ValueError, match="see new_state"):
            sample_and_kl(mu, log_sigma, wrong)


@linux
@pytest.mark.slow
def test_the_kernels_in_the_interpreter(interpreter):
    interpreter("elbo")


@linux
@pytest.mark.parametrize(("term", "arrays"), [("posterior", 8), ("likelihood", 5)])
def test_two_launches_a_term_and_no_noise_in_memory(term, arrays):
    from dgm_tutor.kernels.elbo.triton import traffic

    counted = traffic(128, 20, term)
    assert counted["launches"] == 2
    assert counted["bytes"] <= 1.03 * 4 * 128 * 20 * arrays
