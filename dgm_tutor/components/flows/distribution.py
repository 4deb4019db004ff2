"""Flows as distributions: a base distribution pushed through a transform."""

import torch
from torch import Size, Tensor
from torch.distributions import Distribution, constraints

from dgm_tutor.components.flows.transform import Transform


class Flow(Distribution):
    """x = f(z), z ~ base: log p_X(x) = log p_Z(f^-1(x)) + log |det d f^-1(x)/dx| (section 2).

    The base may be a flow itself: that is one flow with a longer stack (D4). ``log_prob`` runs the inverse
    direction and sampling the forward one; a value that this object has itself just drawn is recognised, and its
    density taken along the way it came (the reparameterised sample's own log q(z|x), section 3), so that a transform
    with a slow inverse, such as IAF, never runs it in a variational bound. Gradients of that density flow to the
    parameters, not to the drawn value.

    Args:
        base: event (d,).
        transform: f.
        context: (n, c), what f depends on besides z; the batch is then (n,).
    """

    arg_constraints = {}
    support = constraints.real_vector
    has_rsample = True

    def __init__(self, base: Distribution, transform: Transform, context: Tensor | None = None):
        self.base = base if context is None else base.expand(context.shape[:-1])
        self.transform, self.context = transform, context
        self._drawn: tuple[Tensor, int, Tensor, bool] | None = None
        super().__init__(self.base.batch_shape, self.base.event_shape, validate_args=False)

    def expand(self, batch_shape: Size, _instance: Distribution | None = None) -> "Flow":
        context = self.context if self.context is None else self.context.expand(*batch_shape, -1)
        return Flow(self.base.expand(batch_shape), self.transform, context)

    def log_prob(self, value: Tensor) -> Tensor:
        """log p_X(value), (...,) nats for value (..., d)."""
        if self._drew(value):
            return self._drawn[2]
        z, log_det = self.transform.inverse(value, self.context)
        return self.base.log_prob(z) + log_det

    def rsample(self, sample_shape: Size = Size()) -> Tensor:  # noqa: B008 (torch's own signature)
        return self.rsample_with_log_prob(sample_shape)[0]

    def rsample_with_log_prob(self, sample_shape: Size = Size()) -> tuple[Tensor, Tensor]:  # noqa: B008
        """Reparameterised draws (*sample_shape, *batch, d) and their log-densities, by the forward direction alone."""
        z = self.base.rsample(sample_shape)
        x, log_det = self.transform(z, self.context)
        log_prob = self.base.log_prob(z) - log_det
        self._drawn = x, x._version, log_prob, torch.is_grad_enabled()
        return x, log_prob

    def _drew(self, value: Tensor) -> bool:
        """Whether value is the last draw, unchanged, and its density still has the gradients that are wanted."""
        if self._drawn is None:
            return False
        x, version, _, with_gradients = self._drawn
        return value is x and value._version == version and (with_gradients or not torch.is_grad_enabled())
