"""InfoGAN (Chen et al. 2016; section 9): a GAN whose codes c, a part of z, can be read off its images.

Maximised: E_{p(x,c)} log q(c|x) + H(c), a bound L_I <= MI_p(x; c) that falls short of it by E KL(p(c|x) || q(c|x))
(D15), less JSD(p_data, p_theta). The generator and q both raise the bound; the critic plays for the JSD alone. So with
perceptrons q has a network of its own; with convolutions its head stands on the critic's trunk, as in the paper, whose
trunk the bound moves too. Ours is the critic's alone.
"""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from dgm_tutor.components import mlp
from dgm_tutor.components.critics import Critic, Generator, mlp_critic
from dgm_tutor.components.dcgan import ImageMaker, ImageTrunk
from dgm_tutor.components.info_codes import CodeHead, InfoPrior
from dgm_tutor.models.adversarial import AdversarialModel
from dgm_tutor.models.base import Intractable, count
from dgm_tutor.models.gan import squashing
from dgm_tutor.models.pixelcnn import square
from dgm_tutor.objectives import adversarial, info_bound


class InfoGan(AdversarialModel):
    """``posterior(x)`` is q(y, c|x), over the codes alone: ``.y`` over classes, ``.z`` over c."""

    @torch.no_grad()
    def sample(self, n: int, codes: Tensor | None = None) -> Tensor:
        """n images (n, D), of drawn codes, or of the codes (y one-hot, c) given, (C,) or (n, C); noise is drawn."""
        z = self.prior().sample((count(n),))
        if codes is not None:
            size, codes = self.prior.codes, torch.as_tensor(codes).to(z)
            if codes.shape not in ((size,), (n, size)):
                raise ValueError(
                    f"codes: expected (y one-hot, c), {size} numbers or {n} rows of them, got {tuple(codes.shape)}"
                )
            z[:, :size] = codes
        return self.decoder(z).sample()

    @torch.no_grad()
    def traversal(self, values: Tensor, code: int = 0) -> Tensor:
        """Images (classes, m, D): each class beside the m values of continuous code number ``code``.

        The noise is one draw for all of them, and the other continuous codes are 0: what differs, the codes did.
        """
        classes, continuous = len(self.prior.logits), len(self.prior.one)
        if not 0 <= code < continuous:
            raise ValueError(f"code={code}: expected 0 to {continuous - 1}, the number of a continuous code")
        values = torch.as_tensor(values).flatten()
        z = self.prior().sample().repeat(classes, len(values), 1)
        z[..., : self.prior.codes] = 0
        z[..., :classes] = torch.eye(classes).to(z).unsqueeze(1)
        z[..., classes + code] = values.to(z)
        return self.decoder(z).sample()

    @torch.no_grad()
    def classify(self, x: Tensor) -> Tensor:
        """q(y|x): (n, classes). Which class is which digit nobody said: see ``evaluation.cluster_accuracy``."""
        return self.posterior(self.checked(x)).y.probs

    def log_prob(self, x: Tensor) -> Tensor:
        raise Intractable(self._no("log p(x)", "sample(n), and compare samples: objectives.squared_mmd"))

    def elbo(self, x: Tensor, samples: int = 1) -> Tensor:
        raise Intractable(self._no("elbo: q is over the codes alone", "sample(n), or posterior(x) for the codes"))

    def log_marginal(self, x: Tensor, samples: int = 64) -> Tensor:
        raise Intractable(self._no("importance-weighted bound: q is over the codes alone", "sample(n)"))


def info_gan(
    *,
    x_dim: int = 784,
    classes: int = 10,
    continuous: int = 2,
    noise: int = 62,
    hidden: Sequence[int] = (256, 256),
    channels: int = 0,
    weight: float = 1.0,
    sigma: float = 0.5,
    game: str = "non_saturating",
    output: str = "unit",
    critic_steps: int = 1,
    smooth: float = 0.0,
) -> InfoGan:
    """Loss: the game's term over x - weight * L_I; the critic has its own.

    Args:
        x_dim: dimensions of x.
        classes, continuous, noise: sizes of z = (y, c, noise).
        hidden: sizes of the hidden layers of the generator, the critic and q, where they are perceptrons.
        channels: 0 for perceptrons; else x is a square image, generator and critic convolve (``components.dcgan``), and
            q reads the critic's features. 64 in the paper.
        weight: of L_I; at 0 the model is ``gan`` and q learns nothing.
        sigma: the standard deviation of q(c|x): the smaller, the more the continuous codes weigh.
        game, output, critic_steps: as in ``gan``.
        smooth: of the critic's slope (R1), see ``objectives.adversarial``.
    """
    if not 0 <= weight < float("inf"):
        raise ValueError(f"weight={weight!r}: expected a number >= 0 (a negative one would hide the codes)")
    if classes < 2 or continuous < 1 or noise < 1:
        raise ValueError(f"classes={classes}, continuous={continuous}, noise={noise}: expected at least 2, 1 and 1")
    if not 0 < sigma < float("inf"):
        raise ValueError(f"sigma is a standard deviation and must be positive and finite, got {sigma}")
    if critic_steps < 1:
        raise ValueError(f"critic_steps={critic_steps}: expected 1 or more")
    if channels < 0:
        raise ValueError(f"channels={channels}: expected 0 for perceptrons, or the channels of the convolutions")
    if channels and (game == "wasserstein" or smooth):
        raise ValueError(
            "channels with game='wasserstein' or smooth > 0: batch normalisation ties a batch's points together, and "
            "their slopes cannot be penalised one by one. Take another game and smooth=0, or perceptrons (channels=0)"
        )
    prior = InfoPrior(classes, continuous, noise)
    z_dim, outputs = prior.codes + noise, classes + continuous
    if channels:
        size = square(x_dim)
        network, trunk = ImageMaker(z_dim, size, channels), ImageTrunk(size, channels)
        critic = Critic(nn.Sequential(trunk, nn.Linear(trunk.features, 1)))
        reader = nn.Sequential(trunk, nn.Linear(trunk.features, outputs))
    else:
        network, critic = mlp([z_dim, *hidden, x_dim]), mlp_critic(x_dim, hidden)
        reader = mlp([x_dim, *hidden, outputs])
    played = adversarial(game, "x", critic, smooth)
    bound = info_bound(prior.code_entropy, code=lambda z: z[..., : prior.codes])
    return InfoGan(
        prior=prior,
        decoder=Generator(nn.Sequential(network, squashing(output))),
        posterior=CodeHead(reader, classes, sigma),
        objective=played.term - float(weight) * bound,
        critics={"critic": (critic, played.critic)},
        x_dim=x_dim,
        player="generator",
        critic_steps=critic_steps,
    )
