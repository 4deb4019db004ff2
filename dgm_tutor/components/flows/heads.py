"""Flows as components: a prior that is called without a condition, a posterior that is called on x."""

from torch import Tensor, nn

from dgm_tutor.components.distributions import normal
from dgm_tutor.components.flows.distribution import Flow
from dgm_tutor.components.flows.transform import Transform
from dgm_tutor.components.heads import not_finite


class FlowPrior(nn.Module):
    """p(z): a transform of another prior, both trained jointly with whatever they are the prior of (section 2)."""

    def __init__(self, base: nn.Module, transform: Transform):
        super().__init__()
        self.base, self.transform = base, transform

    def forward(self) -> Flow:
        return Flow(self.base(), self.transform)

    def refuse(self, x: Tensor) -> str | None:
        """What is wrong with x as an observation of a density, or None."""
        if (x == x.round()).all():
            return not_finite(x) or (
                "x holds whole numbers alone, on which a density grows without bound: "
                "spread them first, x + torch.rand_like(x)"
            )
        return not_finite(x)


class FlowPosterior(nn.Module):
    """q(z|x): z' ~ N(mu(x), diag sigma(x)^2), z = f(z'; context(x)) (section 3).

    Args:
        network: (n, D) -> (n, 2 dim + context_dim): mu, log sigma and the context of every transform.
        transform: f, fast in the forward direction.
        dim: of z.
    """

    def __init__(self, network: nn.Module, transform: Transform, dim: int):
        super().__init__()
        self.network, self.transform, self.dim = network, transform, dim

    def forward(self, x: Tensor) -> Flow:
        out = self.network(x)
        mu, log_sigma, context = out.tensor_split([self.dim, 2 * self.dim], -1)
        return Flow(normal(mu, log_sigma.exp()), self.transform, context)
