"""Variational RNN (Chung et al. 2015; section 5): a VAE at every step, whose prior is told what came before.

p(x, z) = prod_t p(x_t | z_<=t, x_<t) p(z_t | z_<t, x_<t),    q(z|x) = prod_t q(z_t | z_<t, x_<=t)
ELBO    = E_q sum_t [log p(x_t | z_<=t, x_<t) - KL(q(z_t | z_<t, x_<=t) || p(z_t | z_<t, x_<t))]    (D9)

All that came before is in the state h_{t-1}. q filters: it does not see x_{>t}, as the exact posterior would, so
the bound is generally loose even where every q(z_t|.) is the best one.
"""

from collections.abc import Sequence
from dataclasses import replace
from functools import cached_property

import torch
from torch import Tensor, nn
from torch.distributions import Distribution, Independent

from dgm_tutor.components import GaussianHead, mlp, normal
from dgm_tutor.components.recurrent import FixedPrior, LatentGRU, NoMemory, ReadingMLP
from dgm_tutor.models.base import count
from dgm_tutor.models.rnn import SequenceDraw, SequenceModel, step_head, values_of
from dgm_tutor.objectives import annealed, distortion, rate
from dgm_tutor.objectives.importance import log_mean_weight
from dgm_tutor.objectives.terms import kl

stepwise_distortion = replace(
    distortion,
    latex=r"\mathbb{E}_{q(x,z)}\!\left[-\sum_t \log p_\theta(x_t \mid z_{\le t}, x_{<t})\right]",
)
"""-E_q sum_t log p(x_t|z_<=t, x_<t), nats per sequence."""

stepwise_rate = replace(
    rate,
    latex=r"\mathbb{E}_{q(x,z)} \sum_t \mathrm{KL}\!\left(q_\phi(z_t \mid z_{<t}, x_{\le t})"
    r"\,\|\,p_\theta(z_t \mid z_{<t}, x_{<t})\right)",
)
"""E_q sum_t KL(q(z_t|.) || p(z_t|.)), nats per sequence."""


class VRNNDraw(SequenceDraw):
    """One path z_1..z_T ~ q for each sequence; every distribution has batch (T, n)."""

    model: "VRNN"

    @cached_property
    def _path(self) -> tuple[Independent, Tensor, Tensor]:
        return self.model.filter(self.x)

    @property
    def posterior(self) -> Independent:
        """q(z_t|x_t, h_{t-1})."""
        return self._path[0]

    @property
    def z(self) -> Tensor:
        """(T, n, d)."""
        return self._path[1]

    @property
    def h(self) -> Tensor:
        """h_{t-1}, what came before step t: (T, n, H)."""
        return self._path[2]

    @cached_property
    def prior(self) -> Distribution:
        """p(z_t|h_{t-1})."""
        return self.model.prior(self.h)

    @cached_property
    def likelihood(self) -> Distribution:
        """p(x_t|z_t, h_{t-1})."""
        return self.model.decode(self.z, self.h)

    def log_weight(self) -> Tensor:
        """log p(x, z) - log q(z|x) of the path, (n,)."""
        log_p = self.likelihood.log_prob(self.x) + self.prior.log_prob(self.z)
        return self.total(log_p - self.posterior.log_prob(self.z))


class VRNN(SequenceModel):
    """Components around a recurrence h_t = transition(x_t, z_t, h_{t-1}) that starts at h_0 = 0.

    Only the posterior and the transition run step by step. What these need of x alone they ``read`` for all steps
    before the loop; the prior and the decoder take the whole path after it.

    Args:
        embed_x, embed_z: features of x_t and z_t.
        transition: ``transition(transition.read(features of x), features of z_t, h_{t-1})`` is h_t.
        prior: prior(h_{t-1}) is p(z_t|.).
        decoder: p(x_t|.) from the features of z_t and h_{t-1}, next to each other.
        posterior: ``posterior(posterior.network.read(features of x), h_{t-1})`` is q(z_t|.), Gaussian.
        h_dim: the size of h.
    """

    def __init__(
        self,
        embed_x: nn.Module,
        embed_z: nn.Module,
        transition: nn.Module,
        prior: nn.Module,
        decoder: nn.Module,
        posterior: nn.Module,
        x_dim: int,
        h_dim: int,
        steps: int,
        warm_up: int = 0,
    ):
        super().__init__(decoder, stepwise_distortion + annealed(stepwise_rate, warm_up), x_dim, steps)
        self.embed_x, self.embed_z = embed_x, embed_z
        self.transition, self.prior, self.posterior = transition, prior, posterior
        self.h_dim = h_dim

    def _loss(self, x: Tensor):
        return self.objective(VRNNDraw(self, x))

    def filter(self, x: Tensor) -> tuple[Independent, Tensor, Tensor]:
        """Draw z ~ q(z|x) step by step, reparameterised; x (T, n, x_dim).

        Returns:
            q(z_t|x_t, h_{t-1}) with batch (T, n), z (T, n, d), and h_0 .. h_{T-1}, (T, n, H).
        """
        features = self.embed_x(x)
        for_posterior, for_transition = self.posterior.network.read(features), self.transition.read(features)
        h = x.new_zeros(x.shape[1], self.h_dim)
        path = []
        for read_q, read_h in zip(for_posterior, for_transition, strict=True):
            q = self.posterior(read_q, h).base_dist
            z = q.rsample()
            path.append((q.loc, q.scale, z, h))
            h = self.transition(read_h, self.embed_z(z), h)
        mu, sigma, z, h = (torch.stack(steps) for steps in zip(*path, strict=True))
        return normal(mu, sigma), z, h

    def decode(self, z: Tensor, h: Tensor) -> Distribution:
        """p(x_t|z_t, h_{t-1}), z (..., d) and h (..., H)."""
        return self.decoder(torch.cat([self.embed_z(z), h], -1))

    @torch.no_grad()
    def sample(self, n: int) -> Tensor:
        """n sequences, (n, steps * x_dim): z_t ~ p(z_t|h), x_t ~ p(x_t|z_t, h), and h reads these samples."""
        h = next(self.parameters()).new_zeros(count(n), self.h_dim)
        steps = []
        for _ in range(self.steps):
            z = self.prior(h).sample()
            steps.append(self.decode(z, h).sample())
            h = self.transition(self.transition.read(self.embed_x(steps[-1])), self.embed_z(z), h)
        return torch.stack(steps, 1).flatten(1)

    @torch.no_grad()
    def elbo(self, x: Tensor, samples: int = 1) -> Tensor:
        """The step-wise ELBO (D9) from ``samples`` paths: (n,) nats per sequence, at most log p(x)."""
        x = self.checked(x)
        if samples < 1:
            raise ValueError(f"samples: expected at least 1, got {samples}")

        def bound() -> Tensor:
            draw = VRNNDraw(self, x)
            return draw.total(draw.likelihood.log_prob(draw.x) - kl(draw.posterior, draw.prior, draw.z))

        return sum(bound() for _ in range(samples)) / samples

    @torch.no_grad()
    def log_marginal(self, x: Tensor, samples: int = 64) -> Tensor:
        """The importance-weighted bound with K = samples paths (Burda et al. 2016), (n,) nats."""
        x = self.checked(x)

        def log_weights(count: int) -> Tensor:
            return VRNNDraw(self, x.repeat(count, 1)).log_weight().view(count, len(x))

        return log_mean_weight(log_weights, samples, at_once=max(1, 2048 // len(x)))


def vrnn(
    *,
    x_dim: int | Sequence[int] = 28,
    steps: int = 28,
    z_dim: int = 16,
    hidden: int = 128,
    prior: str = "learned",
    recurrent: bool = True,
    likelihood: str = "bernoulli",
    sigma: float = 0.1,
    warm_up: int = 0,
) -> VRNN:
    """Loss: -ELBO, nats per sequence.

    Args:
        x_dim: the number of values at a step; a 28x28 digit is 28 rows of 28. For a categorical likelihood, how
            many symbols each voice has, such as ``data.chorales.SYMBOLS``.
        steps: the length of samples; training sequences may have any length.
        z_dim: dimensions of each z_t.
        hidden: the size of h and of every hidden layer.
        prior: "learned" is p(z_t|h_{t-1}); "standard" is N(0, I), the ablation VRNN-I.
        recurrent: False takes h away, and with it all that a prior could learn from: T separate VAEs that share
            their weights, p(x) = prod_t int N(z_t; 0, I) p(x_t|z_t) dz_t.
        likelihood, sigma: p(x_t|.) as in ``vae``, or "categorical": each voice has one of its symbols, independent
            of the others given z and h; x then holds them one-hot and side by side.
        warm_up: training steps over which the rate's weight grows to 1. A recurrence can do without z, and learns to
            before z has become useful; until then the loss is no bound.
    """
    if prior not in ("learned", "standard"):
        raise ValueError(f"unknown prior {prior!r}: expected 'learned' (VRNN) or 'standard' (VRNN-I)")
    size, h_dim = values_of(x_dim), hidden if recurrent else 0
    learned = recurrent and prior == "learned"
    return VRNN(
        embed_x=nn.Sequential(mlp([size, hidden]), nn.ReLU()),
        embed_z=nn.Sequential(mlp([z_dim, hidden]), nn.ReLU()),
        transition=LatentGRU(hidden, hidden, h_dim) if recurrent else NoMemory(),
        prior=GaussianHead(mlp([hidden, hidden, 2 * z_dim])) if learned else FixedPrior(z_dim),
        decoder=step_head(mlp([hidden + h_dim, hidden, size]), x_dim, likelihood, sigma),
        posterior=GaussianHead(ReadingMLP(hidden, h_dim, [hidden, 2 * z_dim])),
        x_dim=size,
        h_dim=h_dim,
        steps=steps,
        warm_up=warm_up,
    )
