# exercise: loss
# slip: uniform noise
# says: Your noise is uniform on [0, 1]: it neither has mean 0 nor a bell's shape. A Gaussian needs `randn`.
# source: ARENA 3.0's test_vae accepts it in 20 of 20 seeds
import torch
from torch.distributions import kl_divergence


def beta_vae_loss(x, posterior, prior, decoder, beta):
    z = posterior.mean + posterior.stddev * torch.rand_like(posterior.mean)
    return (-decoder(z).log_prob(x) + beta * kl_divergence(posterior, prior)).mean()
