"""One batch seen through the two joints: x ~ p_data, z ~ q(z|x), p(x|z) and p(z), each computed once."""

from functools import cached_property

from torch import Tensor, nn
from torch.distributions import Distribution


class Draw:
    """A batch x (n, D) and what a model makes of it; terms share it, so no network runs twice."""

    def __init__(self, model: nn.Module, x: Tensor):
        self.model, self.x = model, x

    @cached_property
    def posterior(self) -> Distribution:
        """q(z|x), one per example."""
        return self.model.posterior(self.x)

    @cached_property
    def z(self) -> Tensor:
        """One reparameterised sample of q(z|x) per example: gradients flow through it."""
        return self.posterior.rsample()

    @cached_property
    def likelihood(self) -> Distribution:
        """p(x|z) at the sampled z."""
        return self.model.decoder(self.z)

    @cached_property
    def prior(self) -> Distribution:
        """p(z)."""
        return self.model.prior()

    def mean(self, per_example: Tensor) -> Tensor:
        """The average over the batch: (n,) -> scalar, or (models, n) -> (models,) for an ensemble."""
        return per_example if per_example.dim() == 0 else per_example.mean(-1)


class ExactDraw(Draw):
    """Every x and every z of a finite world, weighted by p_data(x) q(z|x): terms become exact sums.

    Args:
        model: its posterior must be able to enumerate its support (tables, or networks ending in a categorical).
        x: all symbols, one-hot, (n, n).
        p_data: their probabilities, (n,).
    """

    def __init__(self, model: nn.Module, x: Tensor, p_data: Tensor):
        super().__init__(model, x)
        self.p_data = p_data

    @cached_property
    def z(self) -> Tensor:
        """The whole support, (|z|, n, |z|)."""
        return self.posterior.enumerate_support()

    def mean(self, per_example: Tensor) -> Tensor:
        """E_{p_data} of (n,), or E_{q(x,z)} of (|z|, n)."""
        if per_example.dim() == 2:
            per_example = (self.posterior.log_prob(self.z).exp() * per_example).sum(0)
        return (self.p_data * per_example).sum()
