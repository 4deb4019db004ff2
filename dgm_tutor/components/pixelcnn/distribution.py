"""A PixelCNN held at its condition, as a distribution: densities in one parallel pass, samples pixel by pixel."""

import math
from itertools import repeat

import torch
from torch import Tensor, nn
from torch.distributions import Distribution

from dgm_tutor.components.pixelcnn.sampling import cached_sample

CHUNK = 512  # images a pass: bounds of many samples then need no more memory than a batch does


class PixelCNNDistribution(Distribution):
    """p(x | condition) over flattened images or maps: batch shape that of the condition, event (D,)."""

    arg_constraints = {}

    def __init__(self, network: nn.Module, condition: Tensor | None):
        batch = torch.Size() if condition is None else condition.shape[:-3]
        super().__init__(batch, torch.Size([network.inputs * math.prod(network.size)]), validate_args=False)
        self.network, self.condition = network, condition

    def log_prob(self, x: Tensor) -> Tensor:
        """log p(x) in nats of x (..., D), whose leading dimensions broadcast with the batch's. Parallel."""
        lead = torch.broadcast_shapes(x.shape[:-1], self.batch_shape)
        images = x.expand(*lead, -1).reshape(-1, x.shape[-1])
        condition = self._condition(lead)
        conditions = repeat(None) if condition is None else condition.split(CHUNK)
        log_p = [self._log_prob(*pair) for pair in zip(images.split(CHUNK), conditions, strict=False)]
        return torch.cat(log_p).reshape(lead)

    def _log_prob(self, images: Tensor, condition: Tensor | None) -> Tensor:
        raw, x = self.network.raw(images, condition), self.network.positions(images)
        return self.network.pixels.log_prob(raw, x).sum(-1)

    @torch.no_grad()
    def sample(self, sample_shape: torch.Size = torch.Size()) -> Tensor:  # noqa: B008 (torch's own signature)
        """Draws, position by position in raster order: sequential, through the cached sampler."""
        shape = self._extended_shape(sample_shape)
        noise = self.network.pixels.noise(next(self.network.parameters()).new_empty(shape)).reshape(-1, shape[-1])
        return cached_sample(self.network, noise, self._condition(shape[:-1])).reshape(shape)

    def _condition(self, lead: torch.Size) -> Tensor | None:
        """The condition once per image, (n, C, H, W)."""
        if self.condition is None:
            return None
        event = self.condition.shape[-3:]
        return self.condition.expand(*lead, *event).reshape(-1, *event)
