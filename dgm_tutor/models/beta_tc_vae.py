"""beta-TCVAE (Chen et al. 2018; section 10): only the part of the rate that ties dimensions together is weighted.

rate = MI_q + KL(q(z) || prod_j q(z_j)) + sum_j KL(q(z_j) || p(z_j)); beta-VAE weighs all three by beta (D16).
"""

from collections.abc import Sequence

from dgm_tutor.models.latent import LatentVariableModel
from dgm_tutor.models.vae import vae
from dgm_tutor.objectives import dimension_kl, distortion, mi_q, total_correlation


def beta_tc_vae(
    *,
    beta: float = 6.0,
    examples: int = 10_000,
    x_dim: int = 784,
    z_dim: int = 20,
    hidden: Sequence[int] = (400,),
    likelihood: str = "bernoulli",
    sigma: float = 0.1,
) -> LatentVariableModel:
    """Loss: distortion + MI_q + beta total correlation + dimension KL, by minibatch estimates of log q(z).

    Args:
        beta: the weight of the total correlation; 1 is the VAE.
        examples: in the data set that batches are drawn from; the estimates' weights need it.
        x_dim, z_dim, hidden, likelihood, sigma: as in ``vae``.
    """
    if not 0 <= beta < float("inf"):
        raise ValueError(f"beta={beta!r}: expected a number >= 0 (a negative weight would maximise the correlation)")
    if not isinstance(examples, int) or examples < 2:
        raise ValueError(f"examples={examples!r}: expected the size of the data set, an integer of at least 2")
    model = vae(x_dim=x_dim, z_dim=z_dim, hidden=hidden, likelihood=likelihood, sigma=sigma)
    model.objective = distortion + mi_q(examples) + float(beta) * total_correlation(examples) + dimension_kl(examples)
    return model
