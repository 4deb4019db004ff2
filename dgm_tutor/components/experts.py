"""Several modalities of one z: the product of Gaussian experts, and decoders side by side (Wu and Goodman 2018).

x is one tensor (..., D), the modalities next to each other; a modality that was not observed is NaN throughout.
"""

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor, nn
from torch.distributions import Distribution, Independent, OneHotCategorical

from dgm_tutor.components.distributions import normal


def product_of_experts(mu: Tensor, log_sigma: Tensor, present: Tensor) -> Independent:
    """The normalised product of N(0, I) and the experts N(mu_i, diag sigma_i^2) that are present (D8).

    With tau_i = 1 / sigma_i^2 its precision is 1 + sum_i tau_i, its mean sum_i tau_i mu_i / (1 + sum_i tau_i):
    an average in which every expert, the prior too, has its share of the precision. Shares are a softmax of
    log tau, so an expert however sure or unsure of itself neither overflows nor divides by zero.

    Args:
        mu, log_sigma: (..., n, M, d), finite for absent experts too.
        present: bool, (..., n, M); where none is, the product is the prior.
    """
    log_tau = torch.where(present.unsqueeze(-1), -2 * log_sigma, -torch.inf)
    log_tau = torch.cat([torch.zeros_like(log_tau[..., :1, :]), log_tau], -2)  # the prior's log precision is 0
    share = log_tau.softmax(-2)[..., 1:, :]
    return normal((share * mu).sum(-2), (-0.5 * log_tau.logsumexp(-2)).exp())


def observed(x: Tensor, sizes: Sequence[int]) -> Tensor:
    """Which modalities of x (..., sum(sizes)) are there: bool, (..., M). One value tells: all are NaN, or none."""
    return torch.stack([~block[..., 0].isnan() for block in x.split(list(sizes), -1)], -1)


def filled(x: Tensor) -> Tensor:
    """x with zeros where it is NaN: what a network may read, to be masked out behind it."""
    return x.nan_to_num(0.0, torch.inf, -torch.inf)


class ProductOfExperts(nn.Module):
    """q(z|x_S) for whatever subset S of the modalities x holds, proportional to p(z) prod_{i in S} q~_i(z|x_i).

    q~_i stands for p(z|x_i) / p(z), so one modality alone has the posterior p(z) q~_i (D7).

    Args:
        encoders: a network for each modality, in x's order, (n, size) -> (mu, log sigma), (n, 2d).
        sizes: the modalities' numbers of dimensions.
    """

    def __init__(self, encoders: Mapping[str, nn.Module], sizes: Sequence[int]):
        super().__init__()
        self.encoders = nn.ModuleDict(encoders)
        self.sizes = list(sizes)

    def experts(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """mu and log sigma of every q~_i, each (n, M, d); those of absent modalities mean nothing."""
        blocks = filled(x).split(self.sizes, -1)
        both = [encoder(block) for encoder, block in zip(self.encoders.values(), blocks, strict=True)]
        mu, log_sigma = torch.stack(both, -2).chunk(2, -1)
        return mu, log_sigma

    def forward(self, x: Tensor) -> Independent:
        return product_of_experts(*self.experts(x), observed(x, self.sizes))


class Modalities(Distribution):
    """prod_m p(x_m), the modalities next to each other; ``parts`` has each one's own distribution.

    ``log_prob(x)`` is log p of the modalities that x holds: one that is NaN is summed out, and adds nothing.
    """

    arg_constraints: dict = {}

    def __init__(self, parts: Mapping[str, Distribution]):
        self.parts = dict(parts)
        self.sizes = [part.event_shape[-1] for part in parts.values()]
        batch = next(iter(parts.values())).batch_shape
        super().__init__(batch, torch.Size([sum(self.sizes)]), validate_args=False)

    @property
    def mean(self) -> Tensor:
        return torch.cat([part.mean for part in self.parts.values()], -1)

    def log_prob(self, x: Tensor) -> Tensor:
        blocks = x.split(self.sizes, -1)
        return sum(log_prob_observed(part, block) for part, block in zip(self.parts.values(), blocks, strict=True))

    def sample(self, sample_shape: torch.Size = torch.Size()) -> Tensor:  # noqa: B008 (torch's own signature)
        return torch.cat([part.sample(sample_shape) for part in self.parts.values()], -1)


def log_prob_observed(part: Distribution, block: Tensor) -> Tensor:
    """log p(x_m) in nats, 0 where x_m (..., size) is NaN."""
    return torch.where(block[..., 0].isnan(), 0.0, part.log_prob(filled(block)))


class ModalityDecoders(nn.Module):
    """p(x_1, ..., x_M|z) = prod_m p(x_m|z): given z, the modalities are independent.

    Args:
        heads: a decoder for each modality, in x's order.
        sizes: the modalities' numbers of dimensions.
    """

    def __init__(self, heads: Mapping[str, nn.Module], sizes: Sequence[int]):
        super().__init__()
        self.heads = nn.ModuleDict(heads)
        self.sizes = list(sizes)

    def forward(self, z: Tensor) -> Modalities:
        return Modalities({name: head(z) for name, head in self.heads.items()})

    def refuse(self, x: Tensor) -> str | None:
        """What is wrong with x (n, D), by modality; NaN in a whole modality is not."""
        for (name, head), block in zip(self.heads.items(), x.split(self.sizes, -1), strict=True):
            missing = block.isnan()
            if missing.any():
                if (missing.any(-1) != missing.all(-1)).any():
                    return f"modality {name!r} is NaN in part: a modality is observed whole, or NaN throughout"
                block = block[~missing[:, 0]]
            if complaint := head.refuse(block):
                return f"modality {name!r}: {complaint}"
        return None


class SymbolsHead(nn.Module):
    """One symbol for each of several voices, one-hot and next to each other: independent given the condition.

    Args:
        network: gives all voices' logits, (..., sum(symbols)).
        symbols: how many each voice has.
    """

    def __init__(self, network: nn.Module, symbols: Sequence[int]):
        super().__init__()
        self.network = network
        self.symbols = list(symbols)

    def forward(self, *condition: Tensor) -> Modalities:
        logits = self.network(*condition).split(self.symbols, -1)
        return Modalities({str(i): OneHotCategorical(logits=own, validate_args=False) for i, own in enumerate(logits)})

    def refuse(self, x: Tensor) -> str | None:
        blocks = x.split(self.symbols, -1)
        if ((x == 0) | (x == 1)).all() and all((block.sum(-1) == 1).all() for block in blocks):
            return None
        return f"expected one-hot symbols of {len(blocks)} voices, {self.symbols} of them: see data.chorales.one_hot"
