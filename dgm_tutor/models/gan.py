"""GAN (Goodfellow et al. 2014; sections 0 and 6): x = g(z), z ~ N(0, I), known by its samples only.

max_D V = 2 JSD(p_data, p_theta) - log 4 (D10): against the best critic the generator of the game "jsd" minimises the
JSD. By default it follows another gradient of the same critic, see ``objectives.adversarial.non_saturating``.
"""

from collections.abc import Sequence

from torch import nn

from dgm_tutor.components import StandardNormal, mlp
from dgm_tutor.components.critics import Generator, mlp_critic
from dgm_tutor.models.adversarial import AdversarialModel
from dgm_tutor.objectives import adversarial


def gan(
    *,
    x_dim: int = 784,
    z_dim: int = 64,
    hidden: Sequence[int] = (256, 256),
    game: str = "non_saturating",
    output: str = "unit",
    critic_steps: int = 1,
) -> AdversarialModel:
    """The generator's loss is the game's term over x; the critic has its own.

    Args:
        x_dim, z_dim: dimensions of x and z.
        hidden: sizes of the generator's hidden layers, and of the critic's.
        game: "jsd", "non_saturating", "least_squares", "wasserstein" or "kl", see ``objectives.adversarial``.
        output: "unit" for x in [0, 1] (grey levels), "real" for any.
        critic_steps: its moves for each of the generator's; "wasserstein" needs several, 5 in its paper.

    Raises:
        ValueError: a game or an output that there is not, or critic_steps below 1.
    """
    if critic_steps < 1:
        raise ValueError(f"critic_steps={critic_steps}: expected 1 or more")
    critic = mlp_critic(x_dim, hidden)
    played = adversarial(game, "x", critic)
    return AdversarialModel(
        prior=StandardNormal(z_dim),
        decoder=Generator(nn.Sequential(mlp([z_dim, *hidden, x_dim]), squashing(output))),
        posterior=None,
        objective=1.0 * played.term,
        critics={"critic": (critic, played.critic)},
        x_dim=x_dim,
        player="generator",
        critic_steps=critic_steps,
    )


def squashing(output: str) -> nn.Module:
    """What keeps a generator's x where it belongs. ValueError for an unknown name."""
    if output not in ("unit", "real"):
        raise ValueError(f"output={output!r}: expected 'unit' (x in [0, 1]) or 'real'")
    return nn.Sigmoid() if output == "unit" else nn.Identity()
