"""The mixture's density by torch.distributions, in float64: every pair at once."""

import torch
from torch import Tensor
from torch.distributions import Categorical, Independent, MixtureSameFamily, Normal


def log_mixture(z: Tensor, mean: Tensor, std: Tensor, bonus: float = 0.0, marginals: bool = False) -> Tensor:
    """log sum_j e^{bonus [i = j]} N(z_i; mean_j, std_j), (N,), or (N, d) for ``marginals``; differentiable."""
    z, mean, std = z.double(), mean.double(), std.double()
    if marginals:
        columns = zip(z.unbind(1), mean.unbind(1), std.unbind(1), strict=True)
        return torch.stack([log_mixture(a[:, None], b[:, None], c[:, None], bonus) for a, b, c in columns], 1)
    logits = bonus * torch.eye(len(z), len(mean), dtype=z.dtype)
    shape = (len(z), *mean.shape)
    components = Independent(Normal(mean.expand(shape), std.expand(shape)), 1)
    return MixtureSameFamily(Categorical(logits=logits), components).log_prob(z) + logits.logsumexp(1)
