"""One batch seen through the two joints q(x,z) = p_data(x) q(z|x) and p(x,z) = p(z) p(x|z), each part computed once.

Terms ask a draw for what they need: an expectation is ``draw.mean`` under q, ``draw.mean_p`` under p, and
``draw.q("z")``, ``draw.p("x")`` are the marginals, as points and a mean over them. An ``ExactDraw`` answers the same
questions by exact sums over a finite world.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor, nn
from torch.distributions import Distribution, Independent

from dgm_tutor.components.distributions import gaussian_of
from dgm_tutor.objectives.minibatch import gaussian_stratified, minibatch_stratified


@dataclass(frozen=True)
class Sample:
    """A distribution as points (n, d): draws, equally likely, or a whole finite support with its ``probs`` (n,)."""

    points: Tensor
    probs: Tensor | None = None

    def mean(self, values: Tensor) -> Tensor:
        """The expectation of values (n,) at the points: a scalar."""
        return values.mean(-1) if self.probs is None else (self.probs * values).sum(-1)

    def detach(self) -> "Sample":
        """The same points and probabilities, without their history."""
        return Sample(self.points.detach(), None if self.probs is None else self.probs.detach())


class Draw:
    """A batch x (n, D) and what a model makes of it; terms share it, so no network runs twice."""

    def __init__(self, model: nn.Module, x: Tensor):
        self.model, self.x = model, x
        self.held = False

    def again(self) -> "Draw":
        """The same batch with samples of its own, for a critic: ``q`` and ``p`` make them without a graph."""
        other = type(self)(self.model, self.x)
        other.held = True
        return other

    # under q: x ~ p_data, z ~ q(z|x)
    @cached_property
    def posterior(self) -> Distribution:
        """q(z|x), one per example."""
        return self._part("posterior")(self.x)

    @cached_property
    def z(self) -> Tensor:
        """One reparameterised sample of q(z|x) per example: gradients flow through it."""
        return self.posterior.rsample()

    @cached_property
    def likelihood(self) -> Distribution:
        """p(x|z) at the sampled z."""
        return self._part("decoder")(self.z)

    # under p: z ~ p(z), x ~ p(x|z)
    @cached_property
    def prior(self) -> Distribution:
        """p(z)."""
        return self._part("prior")()

    @cached_property
    def prior_z(self) -> Tensor:
        """z ~ p(z), as many as there are examples; with gradients where the prior has them."""
        shape = torch.Size([len(self.x)])
        return self.prior.rsample(shape) if self.prior.has_rsample else self.prior.sample(shape)

    @cached_property
    def model_x(self) -> Tensor:
        """x ~ p_theta(x), one from each ``prior_z``: gradients flow to the decoder.

        TypeError where gradients are wanted and p(x|z) has no reparameterised samples.
        """
        likelihood = self._part("decoder")(self.prior_z)
        if likelihood.has_rsample:
            return likelihood.rsample()
        if torch.is_grad_enabled():
            raise TypeError(
                f"no gradient flows through samples of {likelihood}: take a decoder with reparameterised samples, "
                "such as likelihood='gaussian' or components.critics.Generator"
            )
        return likelihood.sample()

    def q(self, over: str) -> Sample:
        """The marginal of q over "x", p_data, or over "z", the aggregate posterior q(z)."""
        with torch.set_grad_enabled(torch.is_grad_enabled() and not self.held):
            return Sample(self.x if over == "x" else self.z)

    def p(self, over: str) -> Sample:
        """The marginal of p over "x", p_theta(x), or over "z", the prior."""
        with torch.set_grad_enabled(torch.is_grad_enabled() and not self.held):
            return Sample(self.model_x if over == "x" else self.prior_z)

    def mean(self, per_example: Tensor) -> Tensor:
        """The average over the batch: (n,) -> scalar, or (models, n) -> (models,) for an ensemble."""
        return per_example if per_example.dim() == 0 else per_example.mean(-1)

    def mean_p(self, values: Tensor) -> Tensor:
        """E_{p(x,z)} of values (n,) at (``model_x``, ``prior_z``): a scalar."""
        return values.mean(-1)

    # the aggregate posterior at the draws z of q(z|x)
    def log_aggregate(self, size: int | None = None) -> Tensor:
        """log q(z), (n,) nats, estimated from the batch, one of ``size`` examples (None: the batch is the whole set).

        Biased low; see ``minibatch_stratified``.
        """
        gaussian = gaussian_of(self.posterior)
        if gaussian is not None:
            return gaussian_stratified(self.z, *gaussian, self._whole(size))
        return minibatch_stratified(self._pairs.sum(-1), self._whole(size))

    def log_aggregate_marginals(self, size: int | None = None) -> Tensor:
        """sum_j log q(z_j), (n,) nats, as ``log_aggregate``. TypeError unless q(z|x) has independent dimensions."""
        gaussian = gaussian_of(self.posterior)
        if gaussian is not None:
            return gaussian_stratified(self.z, *gaussian, self._whole(size), marginals=True).sum(-1)
        self.log_marginals(self.posterior, self.z)
        return minibatch_stratified(self._pairs, self._whole(size)).sum(-1)

    @staticmethod
    def log_marginals(distribution: Distribution, z: Tensor) -> Tensor:
        """log of each dimension's own density at z, (..., d); TypeError unless they are independent."""
        if not isinstance(distribution, Independent):
            raise TypeError(f"expected a distribution Independent over the dimensions of z, got {distribution}")
        return distribution.base_dist.log_prob(z)

    def _part(self, name: str) -> nn.Module:
        """The model's component of that name; TypeError where it has none."""
        part = getattr(self.model, name, None)
        if part is None:
            raise TypeError(f"{type(self.model).__name__} has no {name}, and a term of the objective asks for it")
        return part

    @cached_property
    def _pairs(self) -> Tensor:
        """log q(z_i|x_j), one density a dimension where there are such: (n, n, d), or (n, n, 1)."""
        z = self.z.unsqueeze(1)
        if isinstance(self.posterior, Independent):
            return self.log_marginals(self.posterior, z)
        return self.posterior.log_prob(z.expand(-1, len(self.x), -1)).unsqueeze(-1)

    def _whole(self, size: int | None) -> int:
        return len(self.x) if size is None else size


class ExactDraw(Draw):
    """Every x and every z of a finite world, weighted by p_data(x) q(z|x): terms become exact sums.

    Values under q and under p are (|z|, n), with ``z`` and ``prior_z`` the whole support.

    Args:
        model: its posterior must be able to enumerate its support (tables, or networks ending in a categorical).
        x: all symbols, one-hot, (n, n).
        p_data: their probabilities, (n,).
        axes: how many values each dimension of z takes, where a symbol z is a combination of them, the last varying
            fastest; None where q(z|x) and p(z) say it themselves, as ``Independent``.
    """

    def __init__(self, model: nn.Module, x: Tensor, p_data: Tensor, axes: Sequence[int] | None = None):
        super().__init__(model, x)
        self.p_data, self.axes = p_data, axes

    def again(self) -> "ExactDraw":
        """Itself: nothing in it is drawn."""
        return self

    @cached_property
    def z(self) -> Tensor:
        """The whole support, (|z|, n, |z|)."""
        return self.prior_z.expand(-1, len(self.x), -1)

    @cached_property
    def prior_z(self) -> Tensor:
        """The whole support, (|z|, 1, |z|)."""
        return self.prior.enumerate_support().unsqueeze(1)

    @cached_property
    def model_x(self) -> Tensor:
        """Every x beside every z: (|z|, n, n)."""
        return self.x.expand(len(self.prior_z), -1, -1)

    def q(self, over: str) -> Sample:
        if over == "x":
            return Sample(self.x, self.p_data)
        return Sample(self.prior_z.squeeze(1), (self.p_data * self._q_given_x).sum(-1))

    def p(self, over: str) -> Sample:
        if over == "x":
            return Sample(self.x, self._p_joint.sum(0))
        return Sample(self.prior_z.squeeze(1), self._p_joint.sum(1))

    def mean(self, per_example: Tensor) -> Tensor:
        """E_{p_data} of (n,), or E_{q(x,z)} of (|z|, n); a scalar is an expectation already."""
        if per_example.dim() == 2:
            per_example = (self._q_given_x * per_example).sum(0)
        return per_example if per_example.dim() == 0 else (self.p_data * per_example).sum()

    def mean_p(self, values: Tensor) -> Tensor:
        """E_{p(x,z)} of (|z|, n)."""
        return (self._p_joint * values).sum()

    def log_aggregate(self, size: int | None = None) -> Tensor:
        """log q(z), (|z|, 1), whatever the size."""
        return self._mixed(self.posterior.log_prob(self.z).unsqueeze(-1)).squeeze(-1)

    def log_aggregate_marginals(self, size: int | None = None) -> Tensor:
        """sum_j log q(z_j), (|z|, 1)."""
        return self._mixed(self.log_marginals(self.posterior, self.z)).sum(-1)

    def log_marginals(self, distribution: Distribution, z: Tensor) -> Tensor:
        """log of each axis' own probability at every z, (|z|, n, d)."""
        if self.axes is None:
            return super().log_marginals(distribution, z)
        table = distribution.log_prob(z).exp().unflatten(0, self.axes)  # (*axes, n)
        every = range(len(self.axes))
        marginals = (table.sum([i for i in every if i != j], keepdim=True) if len(every) > 1 else table for j in every)
        return torch.stack([m.expand(table.shape).flatten(0, len(every) - 1).log() for m in marginals], -1)

    def _mixed(self, log_q: Tensor) -> Tensor:
        """log E_{p_data} of densities (|z|, n, d): (|z|, 1, d)."""
        return (self.p_data.log().unsqueeze(-1) + log_q).logsumexp(1, keepdim=True)

    @cached_property
    def _q_given_x(self) -> Tensor:
        """q(z|x), (|z|, n)."""
        return self.posterior.log_prob(self.z).exp()

    @cached_property
    def _p_joint(self) -> Tensor:
        """p(x, z), (|z|, n)."""
        log_prior, log_likelihood = (
            self.prior.log_prob(self.prior_z),
            self.model.decoder(self.prior_z).log_prob(self.model_x),
        )
        return (log_prior + log_likelihood).exp()
