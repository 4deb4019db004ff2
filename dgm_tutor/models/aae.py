"""Adversarial autoencoder (Makhzani et al. 2016; section 7): q(z) is matched to any p(z) by a critic of z.

Maximised: E_q log p(x|z) - D(q(z) || p(z)). With D = KL this is the ELBO + MI_q (D11): no price on information.
"""

from collections.abc import Sequence

from torch import nn

from dgm_tutor.components import GaussianHead, mlp
from dgm_tutor.components.critics import mlp_critic
from dgm_tutor.components.priors import prior_named
from dgm_tutor.models.adversarial import AdversarialModel
from dgm_tutor.models.vae import decoder_head
from dgm_tutor.objectives import adversarial, distortion

NARROW = 0.05  # what q(z|x)'s standard deviation starts from


def aae(
    *,
    x_dim: int = 784,
    z_dim: int = 20,
    hidden: Sequence[int] = (400,),
    likelihood: str = "bernoulli",
    sigma: float = 0.1,
    prior: str | nn.Module = "standard",
    game: str = "non_saturating",
    weight: float = 30.0,
    smooth: float = 0.1,
) -> AdversarialModel:
    """Loss: distortion + weight * the game's term over z; the critic of z has its own.

    q(z|x) starts narrow, at ``NARROW``. A wide one is already a blurred p(z) for every x: the game finds little to
    mend, keeps it wide for its own sake, and neither x is told nor a shape matched.

    Args:
        x_dim, z_dim, hidden, likelihood, sigma: as in ``vae``.
        prior: "standard", "swiss_roll", "mixture" or another shape of ``components.priors`` (z_dim=2), or a module
            whose call is a distribution; it need only sample.
        game: "non_saturating", "jsd", "kl", "least_squares" or "wasserstein", see ``objectives.adversarial``.
        weight: of the divergence; the distortion is a sum over all of x, many times larger.
        smooth: of the critic's slope (R1), see ``objectives.adversarial``; at 0 the game circles and does not settle.
    """
    if not 0 <= weight < float("inf"):
        raise ValueError(f"weight={weight!r}: expected a number >= 0 (a negative one would drive q(z) from p(z))")
    critic = mlp_critic(z_dim, (128, 128))
    played = adversarial(game, "z", critic, smooth)
    return AdversarialModel(
        prior=prior_named(prior, z_dim),
        decoder=decoder_head(mlp([z_dim, *reversed(hidden), x_dim]), likelihood, sigma),
        posterior=GaussianHead(mlp([x_dim, *hidden, 2 * z_dim]), scale=NARROW),
        objective=distortion + float(weight) * played.term,
        critics={"critic": (critic, played.critic)},
        x_dim=x_dim,
    )
