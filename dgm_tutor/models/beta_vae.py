"""beta-VAE (Higgins et al. 2017; section 10): a VAE whose rate is weighted by beta.

loss = -E_q log p(x|z) + beta KL(q(z|x) || p(z))
     = (beta - 1) MI_q + beta KL(q(z) || p(z)) + E_{q(z)} KL(q(x|z) || p(x|z)) + H(p_data)    (D16)
"""

import math
from collections.abc import Sequence

from dgm_tutor.components import FiLM, GaussianHead, StandardNormal
from dgm_tutor.models.conditional import ConditionalBetaVAE
from dgm_tutor.models.latent import LatentVariableModel
from dgm_tutor.models.vae import decoder_head, vae
from dgm_tutor.objectives import distortion, rate


def beta_vae(
    *,
    beta: float | tuple[float, float] = 4.0,
    x_dim: int = 784,
    z_dim: int = 20,
    hidden: Sequence[int] = (400,),
    likelihood: str = "bernoulli",
    sigma: float = 0.1,
) -> LatentVariableModel | ConditionalBetaVAE:
    """One beta-VAE, or, for a pair (lowest, highest), one network for every beta between them.

    Args:
        beta: the weight of the rate; 1 is the VAE. A pair gives a loss-conditional model: ``model.at(beta)``.
        x_dim, z_dim, hidden, likelihood, sigma: as in ``vae``.
    """
    if isinstance(beta, (tuple, list)):
        low, high = beta
        if not 0 < low < high < math.inf:
            raise ValueError(f"beta={beta!r}: expected 0 < lowest < highest")
        return ConditionalBetaVAE(
            prior=StandardNormal(z_dim),
            decoder=decoder_head(FiLM([z_dim, *reversed(hidden), x_dim]), likelihood, sigma),
            posterior=GaussianHead(FiLM([x_dim, *hidden, 2 * z_dim])),
            low=low,
            high=high,
            x_dim=x_dim,
        )
    if not 0 <= beta < math.inf:
        raise ValueError(f"beta={beta!r}: expected a number >= 0 (a negative weight would maximise the rate)")
    model = vae(x_dim=x_dim, z_dim=z_dim, hidden=hidden, likelihood=likelihood, sigma=sigma)
    model.objective = distortion + float(beta) * rate
    return model
