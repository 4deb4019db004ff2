"""MVAE (Wu and Goodman 2018; section 4): one z behind several modalities, any of which may be missing.

p(x_1, ..., x_M) = int p(z) prod_m p(x_m|z) dz,    q(z|x_S) proportional to p(z) prod_{i in S} q~_i(z|x_i)
"""

from collections.abc import Mapping, Sequence
from functools import cached_property

import torch
from torch import Tensor
from torch.distributions import Distribution

from dgm_tutor.components import CategoricalHead, StandardNormal, mlp
from dgm_tutor.components.experts import (
    ModalityDecoders,
    ProductOfExperts,
    log_prob_observed,
    observed,
    product_of_experts,
)
from dgm_tutor.models.latent import LatentVariableModel
from dgm_tutor.models.vae import decoder_head
from dgm_tutor.objectives import Draw, Loss, Objective, Term
from dgm_tutor.objectives.importance import log_mean_weight
from dgm_tutor.objectives.terms import kl

SETUPS = {
    "digit_label": {"digit": (784, "bernoulli"), "label": (10, "categorical")},
    "colour_grey_edges": {"colour": (2352, "gaussian"), "grey": (784, "gaussian"), "edges": (784, "gaussian")},
}
"""Modalities by name: (number of dimensions, likelihood)."""


class SubsetDraw(Draw):
    """A batch seen through S subsets of its modalities at once; every encoder runs once.

    ``subsets`` is bool, (S, M). A term gives values (n,), or (S, n), which are summed over the subsets.
    """

    def __init__(self, model: "MVAE", x: Tensor, subsets: Tensor):
        super().__init__(model, x)
        self.subsets = subsets
        self.present = subsets.unsqueeze(1) & observed(x, model.sizes)  # (S, n, M)

    @cached_property
    def posterior(self) -> Distribution:
        """q(z|x_S) for every subset, batch (S, n)."""
        return product_of_experts(*self.model.posterior.experts(self.x), self.present)

    def distortion(self, name: str) -> Tensor:
        """-log p(x_m|z) summed over the subsets that m is in, (n,); m is decoded for no other."""
        index = self.model.names.index(name)
        z = self.z[self.subsets[:, index]]
        block = self.x.split(self.model.sizes, -1)[index]
        return -log_prob_observed(self.model.decoder.heads[name](z), block).sum(0)

    def mean(self, per_example: Tensor) -> Tensor:
        return per_example.mean(-1).sum()


class MVAE(LatentVariableModel):
    """A latent-variable model of x = (x_1, ..., x_M), and of every subset of it.

    x is a dict from a modality's name to (n, size), a modality left out where it is missing for all; or, for
    ``training.fit``, one tensor (n, D) as ``join`` makes it, with NaN where a modality is missing for some.
    The loss is the sum of -ELBO over the subsets {all}, {1}, ..., {M} and ``random_subsets`` further ones, of
    two or more modalities, drawn anew at every step. Where x lacks a modality, a subset loses it too.
    """

    decoder: ModalityDecoders
    posterior: ProductOfExperts

    def __init__(
        self,
        prior: StandardNormal,
        decoder: ModalityDecoders,
        posterior: ProductOfExperts,
        objective: Objective,
        random_subsets: int = 1,
        subsampled: bool = True,
    ):
        super().__init__(prior, decoder, posterior, objective, x_dim=sum(decoder.sizes))
        self.names, self.sizes = list(decoder.heads), decoder.sizes
        self.random_subsets, self.subsampled = random_subsets, subsampled

    def _loss(self, x: Tensor) -> Loss:
        return self.objective(SubsetDraw(self, x, self.subsets().to(x.device)))

    def subsets(self) -> Tensor:
        """The subsets that one step trains on, bool (S, M)."""
        count = len(self.names)
        everything = torch.ones(1, count, dtype=torch.bool)
        if not self.subsampled:
            return everything
        every_subset = torch.cartesian_prod(*[torch.tensor([False, True])] * count)
        others = every_subset[(every_subset.sum(-1) >= 2) & (every_subset.sum(-1) < count)]
        drawn = others[torch.randperm(len(others))[: self.random_subsets]]
        return torch.cat([everything, torch.eye(count, dtype=torch.bool), drawn])

    def join(self, parts: Mapping[str, Tensor | None]) -> Tensor:
        """Modalities (n, ...) next to each other, (n, D) float; those that are None or left out are NaN."""
        if unknown := set(parts) - set(self.names):
            raise ValueError(f"{self.called}: unknown modality {', '.join(sorted(unknown))}; it has {self.names}")
        there = {name: part.flatten(1) for name, part in parts.items() if part is not None}
        if not there:
            raise ValueError(f"{self.called}: expected at least one modality of {self.names}; sample(n) needs none")
        for name, part in there.items():
            if not part.is_floating_point():
                raise TypeError(
                    f"{self.called}: modality {name!r} is {part.dtype}, expected floats; labels as one-hot rows"
                )
        first = next(iter(there.values()))
        sizes = dict(zip(self.names, self.sizes, strict=True))
        return torch.cat([there.get(name, first.new_full((len(first), sizes[name]), torch.nan)) for name in sizes], -1)

    def split(self, x: Tensor) -> dict[str, Tensor]:
        """The modalities of x (..., D), by name."""
        return dict(zip(self.names, x.split(self.sizes, -1), strict=True))

    def without(self, x: Tensor, name: str, rows: Tensor) -> Tensor:
        """x (n, D), as ``join`` makes it, with modality ``name`` missing in the rows where ``rows`` (n,) is True."""
        parts = self.split(x)
        if name not in parts:
            raise ValueError(f"{self.called}: unknown modality {name}; it has {self.names}")
        return self.join({**parts, name: parts[name].masked_fill(rows.unsqueeze(-1), torch.nan)})

    def infer(self, x: Mapping[str, Tensor] | Tensor) -> Distribution:
        """q(z|x_S) for the modalities that x holds."""
        return self.posterior(self.checked(x))

    @torch.no_grad()
    def generate(self, x: Mapping[str, Tensor] | Tensor) -> dict[str, Tensor]:
        """Every modality anew, given those that x holds: z ~ q(z|x_S), x_m ~ p(x_m|z), each (n, size)."""
        return self.split(self.decoder(self.infer(x).sample()).sample())

    @torch.no_grad()
    def elbo(self, x: Mapping[str, Tensor] | Tensor, samples: int = 1) -> Tensor:
        """The bound on log p(x_S), S the modalities that x holds: (n,) nats."""
        x = self.checked(x)
        q = self.posterior(x)
        z = q.sample((samples,))
        return (self.decoder(z).log_prob(x) - kl(q, self.prior(), z)).mean(0)

    @torch.no_grad()
    def log_marginal(self, x: Mapping[str, Tensor] | Tensor, samples: int = 64) -> Tensor:
        """The importance-weighted bound on log p(x_S), S the modalities that x holds: (n,) nats."""
        x = self.checked(x)
        q, prior = self.posterior(x), self.prior()

        def log_weights(count: int) -> Tensor:
            z = q.sample((count,))
            return self.decoder(z).log_prob(x) + prior.log_prob(z) - q.log_prob(z)

        return log_mean_weight(log_weights, samples, at_once=max(1, 8192 // len(x)))

    def checked(self, x: Mapping[str, Tensor] | Tensor) -> Tensor:
        """x as (n, D), joined if it was a dict; refuses what its modalities have no density for."""
        return super().checked(self.join(x) if isinstance(x, Mapping) else x)


def mvae(
    *,
    modalities: str | Mapping[str, Sequence] = "digit_label",
    z_dim: int = 32,
    hidden: Sequence[int] = (400,),
    weights: Mapping[str, float] | None = None,
    random_subsets: int = 1,
    subsampled: bool = True,
    sigma: float = 0.1,
) -> MVAE:
    """Loss: the sum over subsets of sum_m weight_m distortion_m + rate.

    One modality the label, missing in most rows, and ``subsampled=False``: a semi-supervised VAE, which trains the ELBO
    of (x, y) where there is a y and that of x where there is none. The MVAE adds the ELBOs of the single modalities.

    Args:
        modalities: "digit_label", "colour_grey_edges", or name -> (dimensions, likelihood), the likelihood one of
            "bernoulli", "gaussian", "categorical".
        z_dim, hidden, sigma: as in ``vae``, the same for every modality.
        weights: of the distortions, by name, 1 where not given: a modality of few dimensions is otherwise easily
            outvoted (the paper's lambda_m). ``elbo`` and ``log_marginal`` are never weighted.
        random_subsets: drawn at each step beside the whole and the single ones; two modalities have no others.
        subsampled: False trains the ELBO of what each row holds and of no subset of it: single experts are then held
            to nothing but the rows that hold them alone.
    """
    if isinstance(modalities, str):
        if modalities not in SETUPS:
            raise ValueError(f"unknown modalities {modalities!r}: expected {', '.join(SETUPS)}, or a dict")
        modalities = SETUPS[modalities]
    if len(modalities) < 2:
        raise ValueError(f"modalities: expected two or more, got {list(modalities)}; for one, create a vae")
    weights = dict(weights or {})
    if unknown := set(weights) - set(modalities):
        raise ValueError(f"weights: unknown modality {', '.join(sorted(unknown))}; there are {', '.join(modalities)}")
    if not all(0 <= weight < float("inf") for weight in weights.values()):
        raise ValueError(f"weights: expected numbers >= 0, got {weights}")
    sizes = [int(size) for size, _ in modalities.values()]
    heads = {
        name: _head([z_dim, *reversed(hidden), int(size)], likelihood, sigma)
        for name, (size, likelihood) in modalities.items()
    }
    encoders = {name: mlp([size, *hidden, 2 * z_dim]) for name, size in zip(modalities, sizes, strict=True)}
    return MVAE(
        prior=StandardNormal(z_dim),
        decoder=ModalityDecoders(heads, sizes),
        posterior=ProductOfExperts(encoders, sizes),
        objective=Objective({_distortion(m): float(weights.get(m, 1.0)) for m in modalities}) + subset_rate,
        random_subsets=random_subsets,
        subsampled=subsampled,
    )


def _head(sizes: Sequence[int], likelihood: str, sigma: float):
    return CategoricalHead(mlp(sizes)) if likelihood == "categorical" else decoder_head(mlp(sizes), likelihood, sigma)


def _distortion(name: str) -> Term:
    latex = rf"\sum_{{S \ni \text{{{name}}}}} \mathbb{{E}}\!\left[-\log p_\theta(x_{{\text{{{name}}}}} \mid z)\right]"
    return Term(f"distortion of {name}", latex, lambda draw: draw.distortion(name))


subset_rate = Term(
    "rate",
    r"\sum_S \mathbb{E}_{p_{\text{data}}}\,\mathrm{KL}\!\left(q_\phi(z \mid x_S)\,\|\,p(z)\right)",
    lambda draw: kl(draw.posterior, draw.prior, draw.z),
)
"""sum_S E_{p_data} KL(q(z|x_S) || p(z))."""
