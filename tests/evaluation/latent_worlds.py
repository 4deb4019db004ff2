"""Small latent-variable models whose every quantity is known: in closed form, by an exact sum, by quadrature."""

import itertools
import math
from functools import cached_property
from types import SimpleNamespace

import torch
from torch import tensor
from torch.distributions import (
    Bernoulli,
    Independent,
    MultivariateNormal,
    Normal,
    OneHotCategorical,
    kl_divergence,
)


def f64(values):
    return tensor(values, dtype=torch.float64)


class LinearGaussian:
    """z ~ N(0, I_2), x|z ~ N(W z + b, s^2 I_3); q(z|x) is the exact posterior or a wrong, diagonal one."""

    W, b, s = f64([[1.2, -0.4], [0.3, 0.9], [-0.7, 0.5]]), f64([0.5, -1.0, 0.2]), 0.6
    x = f64([[0.3, -1.4, 0.9], [2.1, 0.4, -1.2], [-0.6, -2.0, 0.1], [0.5, -1.0, 0.2]])

    def __init__(self, exact=False):
        self.exact = exact

    def prior(self):
        return Independent(Normal(torch.zeros(2, dtype=torch.float64), 1.0), 1)

    def decoder(self, z):
        return Independent(Normal(z @ self.W.T + self.b, self.s), 1)

    def posterior(self, x):
        true = self.true_posterior(x)
        if self.exact:
            return true
        return Independent(Normal(0.8 * true.loc + 0.1, f64([0.45, 0.7]).expand(len(x), 2)), 1)

    def true_posterior(self, x):
        precision = torch.eye(2, dtype=torch.float64) + self.W.T @ self.W / self.s**2
        mean = (x - self.b) @ self.W / self.s**2 @ torch.linalg.inv(precision)
        return MultivariateNormal(mean, precision_matrix=precision.expand(len(x), 2, 2))

    def log_prob(self, x):
        cov = self.W @ self.W.T + self.s**2 * torch.eye(3, dtype=torch.float64)
        return MultivariateNormal(self.b, cov).log_prob(x)

    def gap(self, x):
        """KL(q(z|x) || p(z|x)), closed form."""
        q = self.posterior(x).base_dist
        return kl_divergence(MultivariateNormal(q.loc, torch.diag_embed(q.scale**2)), self.true_posterior(x))


class Finite:
    """z one of 4 one-hot codes, x in {0, 1}^3: every expectation is a sum of 4 terms a point."""

    x = f64([[0, 0, 0], [0, 0, 1], [0, 1, 1], [1, 0, 1], [1, 1, 1]])
    A = f64([[1.5, -0.8, 0.3, -1.0], [-0.6, 1.1, -1.3, 0.7], [0.4, -1.9, 1.2, 0.9]])
    B = f64([[1.4, -0.9, 0.2], [-1.8, 1.1, 0.6], [0.3, -1.2, 2.0], [-0.4, 0.8, -1.5]])

    def prior(self):
        return OneHotCategorical(logits=f64([0.2, -0.5, 0.9, 0.0]))

    def posterior(self, x):
        return OneHotCategorical(logits=x @ self.A + f64([0.1, 0.4, -0.2, -0.6]))

    def decoder(self, z):
        return Independent(Bernoulli(logits=z @ self.B), 1)

    @cached_property
    def truth(self):
        """D16's terms as exact sums."""
        q, p = self.posterior(self.x).probs, self.prior().probs  # (N, 4), (4,)
        log_px_z = self.decoder(torch.eye(4, dtype=torch.float64)).log_prob(self.x.unsqueeze(1))  # (N, 4)
        return exact_terms(q.log(), q.mean(0).log(), p.log(), log_px_z, q)


class Plane:
    """z in R^2, Gaussian posteriors that overlap and lie on a slant, so that q(z) is correlated."""

    x = f64([[0.2, 0.9], [1.1, -0.3], [-0.8, 0.4], [0.5, 0.6], [-1.3, -0.9], [1.7, 1.2]])

    def prior(self):
        return Independent(Normal(torch.zeros(2, dtype=torch.float64), 1.0), 1)

    def posterior(self, x):
        mean = torch.stack([x.sum(1), 0.7 * x[:, 0] + 0.5 * x[:, 1].tanh()], 1)
        return Independent(Normal(mean, 0.3 + 0.2 * torch.sigmoid(x)), 1)

    def decoder(self, z):
        return Independent(Normal(torch.stack([z[..., 0].tanh(), z.sum(-1).sin()], -1), 0.8), 1)

    @cached_property
    def truth(self):
        """D16's terms and the rate's decomposition by quadrature on a fine grid."""
        axis = torch.linspace(-6, 6, 401, dtype=torch.float64)
        z = torch.cartesian_prod(axis, axis)
        q = self.posterior(self.x)
        log_each = q.base_dist.log_prob(z.unsqueeze(1))  # (G, N, 2)
        log_q = log_each.sum(-1).T  # (N, G)
        log_n = math.log(len(self.x))
        log_qz = log_q.logsumexp(0) - log_n
        log_qz_dims = (log_each.logsumexp(1) - log_n).sum(-1)
        log_px_z = self.decoder(z).log_prob(self.x.unsqueeze(1))
        weight = log_q.exp() * (axis[1] - axis[0]) ** 2
        terms = exact_terms(log_q, log_qz, self.prior().log_prob(z), log_px_z, weight)
        mean = weight.sum(0) / len(self.x)
        terms.total_correlation = (mean * (log_qz - log_qz_dims)).sum().item()
        terms.dimension_kl = (mean * (log_qz_dims - self.prior().log_prob(z))).sum().item()
        return terms


def exact_terms(log_q, log_qz, log_p, log_px_z, weight):
    """The terms from log-densities (N, G) on all of z's values, each of probability `weight` under q(z|x_n)."""
    points = len(log_q)
    log_qx_z = log_q - log_qz - math.log(points)
    terms = {
        "mi_q": log_q - log_qz,
        "kl_aggregate": (log_qz - log_p).expand_as(log_q),
        "kl_likelihood": log_qx_z - log_px_z,
        "rate": log_q - log_p,
        "distortion": -log_px_z,
        "entropy_data": torch.full_like(log_q, math.log(points)),
    }
    return SimpleNamespace(**{name: (weight * term).sum().item() / points for name, term in terms.items()})


def subsets_with(i, points, size):
    """Every batch of `size` of the points that begins with i."""
    others = [j for j in range(points) if j != i]
    return [(i, *rest) for rest in itertools.combinations(others, size - 1)]
