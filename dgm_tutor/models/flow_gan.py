"""FlowGAN (Grover, Dhar, Ermon 2018; section 6): a flow is also the generator of a GAN.

min_theta KL(p_data || p_theta) + lambda JSD(p_data, p_theta), here as (1 - t) KL + t JSD with lambda = t / (1 - t).
KL = 0 iff JSD = 0, but optimising one does not optimise the other.
"""

from collections.abc import Sequence

from torch import Tensor, nn

from dgm_tutor.components import StandardNormal
from dgm_tutor.components.critics import PointMass, mlp_critic
from dgm_tutor.components.flows import FlowPrior
from dgm_tutor.models.density import DensityModel
from dgm_tutor.models.flow import transform_named
from dgm_tutor.objectives import Draw, Game, Loss, Objective, Player, adversarial, negative_log_likelihood


class FlowGan(DensityModel):
    """x = f(z), z ~ N(0, I): ``log_prob`` is exact whatever the game, and gradients flow through samples.

    Args:
        density: density() is p(x), f of a normal base.
        critic, game: the critic's network, and what it and the flow minimise in the game over x.
        t: the game's share of the objective; at 0 there is no game, and the flow is the one player.
        critic_steps: how often the critic moves for each move of the flow, after the first time by fresh samples.
    """

    def __init__(self, density: FlowPrior, critic: nn.Module, game: Game, t: float, x_dim: int, critic_steps: int = 1):
        super().__init__(density, x_dim)
        self.critic, self.game, self.t, self.critic_steps = critic, game, t, critic_steps
        # KL(p_data || p_theta) is the negative log-likelihood less H(p_data), which no player moves.
        weights = {negative_log_likelihood: 1 - t, game.term: t}
        self.objective = Objective({term: weight for term, weight in weights.items() if weight > 0})

    def players(self) -> list[Player]:
        flow = Player("flow", list(self.density.parameters()), self._loss)
        parameters = list(self.critic.parameters())
        first = Player("critic", parameters, lambda x: self.game.critic(self.draw(x)), first=True)
        more = Player("critic", parameters, lambda x: self.game.critic(self.draw(x).again()), first=True)
        return [flow, first, *[more] * (self.critic_steps - 1)] if self.t > 0 else [flow]

    def draw(self, x: Tensor | Draw) -> Draw:
        """What the players see of a batch; a draw is one already."""
        return x if isinstance(x, Draw) else Draw(self, x)

    def _loss(self, x: Tensor | Draw) -> Loss:
        return self.objective(self.draw(x))

    @property
    def prior(self) -> nn.Module:
        """p(z), N(0, I)."""
        return self.density.base

    def decoder(self, z: Tensor) -> PointMass:
        """The generator: all mass on x = f(z)."""
        return PointMass(self.density.transform(z)[0])


def flow_gan(
    *,
    x_dim: int = 64,
    t: float = 0.5,
    game: str = "jsd",
    transform: str = "real_nvp",
    layers: int = 8,
    hidden: Sequence[int] = (64, 64),
    critic_hidden: Sequence[int] = (128, 128),
    critic_steps: int = 5,
) -> FlowGan:
    """Loss: (1 - t) times -log p(x), exact, plus t times the game's term over x.

    The paper's lambda multiplies the *likelihood*: with the standard game, whose optimum is 2 JSD - log 4 (D10), the
    lecture's lambda = t / (1 - t) is 2 / lambda_paper. With a Wasserstein critic, which the paper's experiments use,
    there is no such map, as W is no function of the JSD; there lambda_paper is (1 - t) / t.

    Args:
        x_dim: dimensions of x, and so of z. Images are dequantised first, ``data.dequantise``.
        t: 0 for MLE (the recipe ``flow``), 1 for ADV, 1/2 for lambda = 1.
        game: "jsd", "wasserstein" or another of ``objectives.adversarial``.
        transform: "real_nvp", or "multi_scale" for square images, fast both ways; or "maf", whose samples take x_dim
            passes, and a game draws samples in every step.
        layers, hidden: as in ``flow``.
        critic_hidden: sizes of the critic's hidden layers.
        critic_steps: its moves for each of the flow's.

    Raises:
        ValueError: t outside [0, 1], a game there is not, or a transform whose samples carry no gradient ("naf").
    """
    if not 0 <= t <= 1:
        raise ValueError(f"t={t}: expected 0 (maximum likelihood) to 1 (adversarial)")
    if critic_steps < 1:
        raise ValueError(f"critic_steps={critic_steps}: expected 1 or more")
    if transform == "naf":
        raise ValueError(
            "transform='naf': its samples come from a bisection, without gradients: take 'real_nvp' or 'maf'"
        )
    density = FlowPrior(StandardNormal(x_dim), transform_named(transform, x_dim, layers, hidden))
    critic = mlp_critic(x_dim, critic_hidden)
    return FlowGan(density, critic, adversarial(game, "x", critic), t, x_dim, critic_steps)
