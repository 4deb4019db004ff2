"""VAE + GAN (section 7): the ELBO - w JSD(p_data, p_theta) is maximised, for sharper samples.

The ELBO is regularised maximum likelihood (D11); the game, played over x, is weighed against it.
"""

from collections.abc import Sequence
from functools import cached_property

from torch import Tensor

from dgm_tutor.components.critics import mlp_critic
from dgm_tutor.models.adversarial import AdversarialModel
from dgm_tutor.models.vae import vae
from dgm_tutor.objectives import Draw, adversarial


class MeanDraw(Draw):
    """A batch whose generated x are mean images, which is what is looked at."""

    @cached_property
    def model_x(self) -> Tensor:
        """The mean of p(x|z), z ~ p(z), (n, D): gradients flow to the decoder."""
        return self.model.decoder(self.prior_z).mean


class VaeGan(AdversarialModel):
    """A VAE, its bounds included, whose critic of x sees p(x|z)'s means.

    N(mean, sigma^2 I) is the ELBO's tolerance, not a part of the picture: noise of one size in every pixel gives a
    generated x away whatever its mean, the JSD is then log 2, and the game has no gradient that sharpens the mean.
    ``sample`` still draws from p_theta, with the noise; ``decoder(z).mean`` is the image without it.
    """

    def draw(self, x: Tensor | Draw) -> Draw:
        return x if isinstance(x, Draw) else MeanDraw(self, x)


def vae_gan(
    *,
    x_dim: int = 784,
    z_dim: int = 20,
    hidden: Sequence[int] = (400,),
    sigma: float = 0.1,
    game: str = "non_saturating",
    weight: float = 10.0,
    critic_hidden: Sequence[int] = (256, 256),
) -> VaeGan:
    """Loss: distortion + rate + weight * the game's term over x; the critic of x has its own.

    Args:
        x_dim, z_dim, hidden, sigma: as in ``vae``; p(x|z) is Gaussian.
        game: "non_saturating", "jsd" (the lecture's), "kl", "least_squares" or "wasserstein", see
            ``objectives.adversarial``.
        weight: of the game's term; at 0 there is no critic, and the model is ``vae``. A JSD is at most log 2, and the
            ELBO a sum over all of x: weights that tell are large, the larger the smaller sigma; too large a one leaves
            the game alone.
        critic_hidden: sizes of the critic's hidden layers.

    Raises:
        ValueError: a weight that is negative or not finite, or a game that there is not.
    """
    if not 0 <= weight < float("inf"):
        raise ValueError(f"weight={weight!r}: expected a number >= 0 (a negative one would drive p_theta from p_data)")
    parts = vae(x_dim=x_dim, z_dim=z_dim, hidden=hidden, likelihood="gaussian", sigma=sigma)
    critic = mlp_critic(x_dim, critic_hidden)
    played = adversarial(game, "x", critic)
    return VaeGan(
        prior=parts.prior,
        decoder=parts.decoder,
        posterior=parts.posterior,
        objective=parts.objective + float(weight) * played.term if weight else parts.objective,
        critics={"critic": (critic, played.critic)} if weight else {},
        x_dim=x_dim,
    )
