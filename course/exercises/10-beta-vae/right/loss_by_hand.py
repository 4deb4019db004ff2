# exercise: loss
# how: noise drawn by hand, one dimension after the other, and the Gaussian KL written out
import torch


def beta_vae_loss(x, posterior, prior, decoder, beta):
    mean, std = posterior.base_dist.loc, posterior.base_dist.scale
    z = mean + std * torch.stack([torch.randn(len(mean)) for _ in range(mean.shape[1])], 1)
    p = prior.base_dist
    kl = (p.scale / std).log() + (std**2 + (mean - p.loc) ** 2) / (2 * p.scale**2) - 0.5
    total = -decoder(z).log_prob(x).sum() + beta * kl.sum()
    return total / len(x)
