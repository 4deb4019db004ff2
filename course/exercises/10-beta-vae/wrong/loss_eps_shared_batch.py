# exercise: loss
# slip: one noise for the whole batch
# says: Every example of the batch gets the same noise: right on average, far too noisy. Draw it per example.
# source: seen in teaching; the mean of the estimator cannot show it
import torch
from torch.distributions import kl_divergence


def beta_vae_loss(x, posterior, prior, decoder, beta):
    z = posterior.mean + posterior.stddev * torch.randn(posterior.event_shape)
    return (-decoder(z).log_prob(x) + beta * kl_divergence(posterior, prior)).mean()
