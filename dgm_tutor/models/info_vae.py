"""InfoVAE (Zhao, Song and Ermon 2017; section 8): a VAE whose objective rewards information between x and z.

Maximised: E_q log p(x|z) - (1 - alpha) E KL(q(z|x) || p(z)) - (alpha + lambda - 1) D(q(z) || p(z)). With D = KL it is
alpha MI_q - lambda KL(q(z) || p(z)) - E_{q(z)} KL(q(x|z) || p(x|z)) - H(p_data) (D14): the VAE at alpha = 0,
lambda = 1, beta-VAE at 1 - beta, beta, the adversarial autoencoder at 1, 1.
"""

from collections.abc import Sequence

from dgm_tutor.components.critics import mlp_critic
from dgm_tutor.models.adversarial import AdversarialModel
from dgm_tutor.models.latent import LatentVariableModel
from dgm_tutor.models.vae import vae
from dgm_tutor.objectives import Objective, Term, adversarial, distortion, mmd, rate


def info_vae(
    *,
    alpha: float = 1.0,
    lam: float = 500.0,
    divergence: str = "mmd",
    x_dim: int = 784,
    z_dim: int = 20,
    hidden: Sequence[int] = (400,),
    likelihood: str = "bernoulli",
    sigma: float = 0.1,
    kernel: str = "rbf",
    game: str = "kl",
    smooth: float = 0.1,
) -> LatentVariableModel:
    """Loss: distortion + (1 - alpha) rate + (alpha + lambda - 1) D(q(z) || p(z)).

    Args:
        alpha: the reward of information, at most 1.
        lam: lambda, the weight of D(q(z) || p(z)) in the family; at least 1 - alpha. An MMD is a small number: weights
            of hundreds are usual.
        divergence: "mmd" (unbiased, bandwidth 2d) or "adversarial" (a critic of z, one more player).
        x_dim, z_dim, hidden, likelihood, sigma: as in ``vae``.
        kernel: of the MMD, "rbf" or "imq".
        game: of the critic, see ``objectives.adversarial``; "kl" is KL(q(z) || p(z)) by its density ratio.
        smooth: of the critic's slope (R1), as in ``aae``.
    """
    check_weights(alpha, lam)
    parts = vae(x_dim=x_dim, z_dim=z_dim, hidden=hidden, likelihood=likelihood, sigma=sigma)
    if divergence == "mmd":
        parts.objective = info_objective(alpha, lam, mmd("z", kernel))
        return parts
    if divergence != "adversarial":
        raise ValueError(f"divergence={divergence!r}: expected 'mmd' or 'adversarial'")
    critic = mlp_critic(z_dim)
    played = adversarial(game, "z", critic, smooth)
    return AdversarialModel(
        prior=parts.prior,
        decoder=parts.decoder,
        posterior=parts.posterior,
        objective=info_objective(alpha, lam, played.term),
        critics={"critic": (critic, played.critic)},
        x_dim=x_dim,
    )


def info_objective(alpha: float, lam: float, divergence: Term) -> Objective:
    """distortion + (1 - alpha) rate + (alpha + lambda - 1) divergence: the weights of the slide."""
    return distortion + (1 - alpha) * rate + (alpha + lam - 1) * divergence


def check_weights(alpha: float, lam: float) -> None:
    """ValueError where a divergence or the rate would be maximised."""
    if not alpha <= 1:
        raise ValueError(f"alpha={alpha!r}: expected at most 1, or the rate, weighted by 1 - alpha, would be maximised")
    if not 0 <= alpha + lam - 1 < float("inf"):
        raise ValueError(
            f"alpha={alpha!r} and lam={lam!r} give D(q(z) || p(z)) the weight alpha + lam - 1 = {alpha + lam - 1:.4g}: "
            "expected at least 0, or the divergence would be maximised; raise lam"
        )
