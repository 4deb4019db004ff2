"""The semi-supervised adversarial autoencoder (Makhzani et al. 2016): a code of class y and style z.

One critic matches q(y, z) to p(y) p(z), y one-hot: that makes y a choice, and z independent of it. Where an example's
label is known, q(y|x) is trained as a classifier too.
"""

from collections.abc import Sequence

import torch
from torch import Tensor

from dgm_tutor.components import mlp
from dgm_tutor.components.codes import CodePrior, SoftCodeHead
from dgm_tutor.components.critics import mlp_critic
from dgm_tutor.models.adversarial import AdversarialModel
from dgm_tutor.models.base import Intractable, Model
from dgm_tutor.models.vae import decoder_head
from dgm_tutor.objectives import Draw, Term, adversarial, distortion


class LabelledDraw(Draw):
    """A batch of pixels x (n, D) and labels (n, classes), one-hot or NaN."""

    labels: Tensor


def _cross_entropy(draw: LabelledDraw) -> Tensor:
    known = ~draw.labels.isnan().any(-1)
    if not known.any():
        return draw.x.new_zeros(())
    told = draw.posterior.y.point[known].clamp_min(1e-30).log()
    return -(draw.labels[known] * told).sum(-1).mean()


cross_entropy = Term(
    "cross_entropy", r"\mathbb{E}_{\text{labelled}}\!\left[-\log q_\phi(y \mid x)\right]", _cross_entropy
)
"""-E log q(y|x) over the batch's labelled examples, nats for each of them; 0 where there are none."""


class LabelledAAE(AdversarialModel):
    """Played on x and labels together: ``join(x, labels)``."""

    def __init__(self, *args, classes: int, **settings):
        super().__init__(*args, **settings)
        self.classes = classes

    def draw(self, x: Tensor | Draw) -> Draw:
        """What the players see of a batch as ``join`` makes it; the critic has no use for labels."""
        if isinstance(x, Draw):
            return x
        draw = LabelledDraw(self, x[:, : -self.classes])
        draw.labels = x[:, -self.classes :]
        return draw

    def join(self, x: Tensor, labels: Tensor | None = None) -> Tensor:
        """(n, D + classes): pixels and one-hot labels, from integers (n,), -1 where unknown; None: no label."""
        x = Model.checked(self, x)
        labels = torch.as_tensor([-1] * len(x) if labels is None else labels).to(x.device)
        if labels.shape != x.shape[:1] or labels.is_floating_point():
            given = f"{labels.dtype} of shape {tuple(labels.shape)}"
            raise ValueError(f"labels: expected {len(x)} integers, one an example, got {given}")
        labels = labels.long()
        if labels.min() < -1 or labels.max() >= self.classes:
            raise ValueError(
                f"labels: expected 0 to {self.classes - 1}, or -1 where unknown, got "
                f"{labels.min().item()} to {labels.max().item()}"
            )
        one_hot = torch.eye(self.classes, device=x.device, dtype=x.dtype)[labels]
        return torch.cat([x, one_hot.masked_fill((labels < 0).unsqueeze(1), torch.nan)], 1)

    def checked(self, x: Tensor) -> Tensor:
        """x (n, D + classes) as ``join`` makes it."""
        if isinstance(x, Tensor) and x.dim() > 1 and x.flatten(1).shape[1] != self.x_dim + self.classes:
            raise ValueError(
                f"{self.called}: expected {self.x_dim} pixels and {self.classes} labels an example, got "
                f"{x.flatten(1).shape[1]} values: pass model.join(x, labels), or model.join(x) without labels"
            )
        x = Model.checked(self, x)
        return torch.cat([super().checked(x[:, : -self.classes]), x[:, -self.classes :]], 1)

    def log_prob(self, x: Tensor) -> Tensor:
        raise Intractable(self._no("log p(x)", "classify(x) and sample(n)"))

    def elbo(self, x: Tensor, samples: int = 1) -> Tensor:
        raise Intractable(self._no("elbo: q(y|x) is a point, and has no density", "classify(x) and sample(n)"))

    def log_marginal(self, x: Tensor, samples: int = 64) -> Tensor:
        raise Intractable(self._no("importance-weighted bound: q(y|x) has no density", "classify(x) and sample(n)"))

    @torch.no_grad()
    def classify(self, x: Tensor) -> Tensor:
        """q(y|x) of pixels x (n, D): (n, classes)."""
        return self.posterior(super().checked(x)).y.point


def labelled_aae(
    *,
    classes: int = 10,
    label_weight: float = 10.0,
    x_dim: int = 784,
    z_dim: int = 10,
    hidden: Sequence[int] = (400,),
    likelihood: str = "bernoulli",
    sigma: float = 0.1,
    game: str = "non_saturating",
    weight: float = 10.0,
    smooth: float = 0.1,
) -> LabelledAAE:
    """Loss: distortion + weight * the game's term over (y, z) + label_weight * cross-entropy of the labels known.

    Args:
        classes: values of y.
        label_weight: of the cross-entropy.
        x_dim, z_dim, hidden, likelihood, sigma, game, weight, smooth: as in ``aae``; z is the style alone.
    """
    if classes < 2:
        raise ValueError(f"classes={classes}: expected 2 or more")
    if not (0 <= weight < float("inf") and 0 <= label_weight < float("inf")):
        raise ValueError(f"weight={weight!r}, label_weight={label_weight!r}: expected numbers >= 0")
    critic = mlp_critic(classes + z_dim)
    played = adversarial(game, "z", critic, smooth)
    return LabelledAAE(
        prior=CodePrior(classes, z_dim),
        decoder=decoder_head(mlp([classes + z_dim, *reversed(hidden), x_dim]), likelihood, sigma),
        posterior=SoftCodeHead(mlp([x_dim, *hidden, classes + 2 * z_dim]), classes),
        objective=distortion + float(weight) * played.term + float(label_weight) * cross_entropy,
        critics={"critic": (critic, played.critic)},
        x_dim=x_dim,
        classes=classes,
    )
