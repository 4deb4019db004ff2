# exercise: loss
# slip: one noise for all latent dimensions
# says: All latent dimensions of an example share one noise. Each dimension needs its own.
# source: ARENA 3.0's test_vae accepts it in 17 of 20 seeds
import torch
from torch.distributions import kl_divergence


def beta_vae_loss(x, posterior, prior, decoder, beta):
    z = posterior.mean + posterior.stddev * torch.randn(len(x), 1)
    return (-decoder(z).log_prob(x) + beta * kl_divergence(posterior, prior)).mean()
