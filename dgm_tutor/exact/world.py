"""A world: the two joints p and q in closed form, and every quantity of the lecture by its definition."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Self

import torch
from torch import Tensor

from .distribution import Distribution, Factor, product
from .gaussian import Gaussian
from .table import Table


class Joint:
    """A joint distribution built from its factors. Ask it for any other: ``p("z | x")`` is its posterior."""

    def __init__(self, factors: Iterable[Distribution]):
        self.factors = tuple(factors)
        self._known: dict[tuple, Distribution] = {(frozenset(f.left), frozenset(f.given)): f for f in self.factors}
        self.table = product(self.factors)
        if self.table.given:
            raise ValueError(f"the factors {[str(f.factor) for f in self.factors]} leave {self.table.given} open")

    def __call__(self, factor: str | Factor) -> Distribution:
        """p(factor), by marginalising and conditioning; a factor it was built from comes back as it is."""
        factor = Factor.parse(factor)
        key = frozenset(factor.left), frozenset(factor.given)
        if key not in self._known:
            table = self.table
            found = table.conditional(factor.left, factor.given) if factor.given else table.marginal(factor.left)
            self._known[key] = found
        return self._known[key]

    @property
    def axes(self) -> tuple[str, ...]:
        return self.table.left


class World:
    """The joints p (prior times decoder) and q (data times posterior) over the same variables.

    q's first factor is the data distribution, and so names the observed variables x; the others are latent,
    z. Both may have any chain-rule structure: ``p=("z2", "z1 | z2", "x | z1")``, ``("z", "x1 | z", "x2 | z")``,
    a time series. Every quantity is in nats, of shape (*batch), and computed by its definition, so that an
    identity between two of them says something. Notation: Zhao, Song and Ermon (2017, 2018).
    """

    def __init__(self, p: Iterable[Distribution], q: Iterable[Distribution]):
        self.p, self.q = Joint(p), Joint(q)
        if set(self.p.axes) != set(self.q.axes):
            raise ValueError(f"p is over {self.p.axes}, q over {self.q.axes}: they must share their variables")
        self.x = self.q.factors[0].left
        self.z = tuple(a for a in self.q.axes if a not in self.x)

    @property
    def batch_shape(self) -> tuple[int, ...]:
        """One world (), or many side by side."""
        return torch.broadcast_shapes(*(f.batch_shape for f in self.p.factors + self.q.factors))

    def __getitem__(self, index: Any) -> Self:
        """The world(s) at ``index`` of the batch."""
        batch = self.batch_shape
        return type(self)(*([f.expand(batch)[index] for f in side.factors] for side in (self.p, self.q)))

    def __str__(self) -> str:
        sides = (("p", self.p), ("q", self.q))
        return "\n".join(str(f).replace("p(", f"{name}(") for name, side in sides for f in side.factors)

    # the distributions that the quantities are made of
    @property
    def p_joint(self) -> Distribution:
        return self.p.table

    @property
    def q_joint(self) -> Distribution:
        return self.q.table

    @property
    def data(self) -> Distribution:
        """p_data(x)."""
        return self.q(Factor(self.x, ()))

    @property
    def model(self) -> Distribution:
        """p_theta(x)."""
        return self.p(Factor(self.x, ()))

    @property
    def prior(self) -> Distribution:
        """p(z)."""
        return self.p(Factor(self.z, ()))

    @property
    def aggregate(self) -> Distribution:
        """q(z) = E_{p_data}[q(z|x)]."""
        return self.q(Factor(self.z, ()))

    @property
    def decoder(self) -> Distribution:
        """p(x|z)."""
        return self.p(Factor(self.x, self.z))

    @property
    def posterior(self) -> Distribution:
        """q(z|x)."""
        return self.q(Factor(self.z, self.x))

    @property
    def true_posterior(self) -> Distribution:
        """p(z|x)."""
        return self.p(Factor(self.z, self.x))

    @property
    def reverse_decoder(self) -> Distribution:
        """q(x|z) = p_data(x) q(z|x) / q(z)."""
        return self.q(Factor(self.x, self.z))

    # the evidence lower bound and its parts
    def elbo(self) -> Tensor:
        """E_q(x,z)[log p(x, z) - log q(z|x)]."""
        return self.q_joint.expect(self.p_joint.log() - self.posterior.log())

    def reconstruction(self) -> Tensor:
        """E_q(x,z)[log p(x|z)]."""
        return self.q_joint.expect(self.decoder.log())

    def distortion(self) -> Tensor:
        """-E_q(x,z)[log p(x|z)] (Alemi et al. 2018)."""
        return -self.reconstruction()

    def rate(self) -> Tensor:
        """E_{p_data}[KL(q(z|x) || p(z))] (Alemi et al. 2018)."""
        return self.data.expect(self.posterior.kl(self.prior))

    def log_likelihood(self) -> Tensor:
        """E_{p_data}[log p_theta(x)]."""
        return self.data.expect(self.model.log())

    # entropies
    def entropy_data(self) -> Tensor:
        """H(p_data)."""
        return self.data.entropy()

    def entropy_posterior(self) -> Tensor:
        """H_q(z|x) = -E_q[log q(z|x)]."""
        return self.data.expect(self.posterior.entropy())

    def entropy_reverse_decoder(self) -> Tensor:
        """H_q(x|z) = -E_q[log q(x|z)]."""
        return self.aggregate.expect(self.reverse_decoder.entropy())

    def entropy_prior(self) -> Tensor:
        """H(p(z))."""
        return self.prior.entropy()

    def entropy_aggregate(self) -> Tensor:
        """H(q(z))."""
        return self.aggregate.entropy()

    # mutual information
    def mi_q(self) -> Tensor:
        """MI_q(x; z) = KL(q(x,z) || p_data(x) q(z))."""
        return self.q_joint.kl(self.data * self.aggregate)

    def mi_p(self) -> Tensor:
        """MI_p(x; z) = KL(p(x,z) || p_theta(x) p(z))."""
        return self.p_joint.kl(self.model * self.prior)

    def total_correlation(self) -> Tensor:
        """KL(q(z) || prod_j q(z_j)) over the named axes z_j of z; 0 where there is one."""
        return self.aggregate.kl(product(self.q(Factor((axis,), ())) for axis in self.z))

    def info_bound(self) -> Tensor:
        """L_I = E_p(x,z)[log q(z|x)] + H(z) <= MI_p (InfoGAN's bound, D15)."""
        return self.p_joint.expect(self.posterior.log()) + self.entropy_prior()

    # divergences
    def kl_joint(self) -> Tensor:
        """KL(q(x,z) || p(x,z))."""
        return self.q_joint.kl(self.p_joint)

    def kl_data(self) -> Tensor:
        """KL(p_data || p_theta)."""
        return self.data.kl(self.model)

    def kl_data_reverse(self) -> Tensor:
        """KL(p_theta || p_data)."""
        return self.model.kl(self.data)

    def jsd_data(self) -> Tensor:
        """JSD(p_data, p_theta), with its halves. Raises NoClosedForm for Gaussians."""
        return self.data.jsd(self.model)

    def kl_aggregate(self) -> Tensor:
        """KL(q(z) || p(z))."""
        return self.aggregate.kl(self.prior)

    def kl_aggregate_reverse(self) -> Tensor:
        """KL(p(z) || q(z))."""
        return self.prior.kl(self.aggregate)

    def kl_posterior(self) -> Tensor:
        """E_{p_data}[KL(q(z|x) || p(z|x))]."""
        return self.data.expect(self.posterior.kl(self.true_posterior))

    def kl_posterior_reverse(self) -> Tensor:
        """E_{p_data}[KL(p(z|x) || q(z|x))]."""
        return self.data.expect(self.true_posterior.kl(self.posterior))

    def kl_posterior_model(self) -> Tensor:
        """E_{p_theta}[KL(p(z|x) || q(z|x))]: the gap of InfoGAN's bound (D15)."""
        return self.model.expect(self.true_posterior.kl(self.posterior))

    def kl_likelihood(self) -> Tensor:
        """E_q(z)[KL(q(x|z) || p(x|z))]."""
        return self.aggregate.expect(self.reverse_decoder.kl(self.decoder))


def _factors(side: Mapping[str, Any] | Iterable[Distribution]) -> Sequence[Distribution]:
    if isinstance(side, Mapping):
        return [Table(factor, probs) for factor, probs in side.items()]
    return list(side)


class FiniteWorld(World):
    """A world of finite tables, where everything is an exact sum; batched and differentiable.

    By hand: ``FiniteWorld(p={"z": prior, "x | z": decoder}, q={"x": p_data, "z | x": posterior})`` with
    tensors of shape (*batch, *axes in the order written), or sequences of ``Table``.
    """

    def __init__(self, p: Mapping[str, Any] | Iterable[Table], q: Mapping[str, Any] | Iterable[Table]):
        super().__init__(_factors(p), _factors(q))

    @classmethod
    def random(
        cls,
        p: Sequence[str] = ("z", "x | z"),
        q: Sequence[str] = ("x", "z | x"),
        sizes: Mapping[str, int] | int = 3,
        batch: tuple[int, ...] = (),
        generator: torch.Generator | None = None,
        spread: float = 1.5,
    ) -> FiniteWorld:
        """Random positive tables (``Table.random``). ``sizes``: a variable's values, by name or for all."""
        axes = {a for factor in (*p, *q) for a in Factor.parse(factor).axes}
        each = dict.fromkeys(axes, sizes) if isinstance(sizes, int) else dict(sizes)
        sides = ([Table.random(f, each, batch, generator, spread) for f in side] for side in (p, q))
        return cls(*sides)


class LinearGaussianWorld(World):
    """p(z) = N(0, I), p(x|z) = N(Wz + b, diag), q(z|x) = N(Ax + c, S), p_data = N(m, C): closed forms."""

    @classmethod
    def random(
        cls,
        dims: Mapping[str, int] | None = None,
        batch: tuple[int, ...] = (),
        generator: torch.Generator | None = None,
    ) -> LinearGaussianWorld:
        """A random world away from trivial parameters: nothing is zero, no identity but the prior's."""
        dims = dict(dims or {"x": 3, "z": 2})
        x, z = dims["x"], dims["z"]

        def normal(*shape: int) -> Tensor:
            return torch.randn(*batch, *shape, generator=generator, dtype=torch.float64)

        def covariance(n: int) -> Tensor:
            root = normal(n, n)
            return 0.3 * torch.eye(n, dtype=torch.float64) + root @ root.mT / n

        prior = Gaussian("z", dims, torch.zeros(z), torch.eye(z))
        decoder = Gaussian("x | z", dims, normal(x), torch.diag_embed(0.2 + normal(x).square()), normal(x, z))
        data = Gaussian("x", dims, normal(x), covariance(x))
        posterior = Gaussian("z | x", dims, normal(z), covariance(z), 0.7 * normal(z, x))
        return cls((prior, decoder), (data, posterior))
