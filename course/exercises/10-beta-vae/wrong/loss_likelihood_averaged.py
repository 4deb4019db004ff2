# exercise: loss
# slip: likelihood averaged over pixels
# says: Your log-likelihood is a mean over pixels while the KL is a sum, so beta means beta times the number of
#     pixels. Sum over pixels; average over examples only.
# source: wiseodd/generative-models#40; keras#3283
from torch.distributions import kl_divergence


def beta_vae_loss(x, posterior, prior, decoder, beta):
    z = posterior.rsample()
    likelihood = decoder(z).base_dist.log_prob(x).mean(-1)
    return (-likelihood + beta * kl_divergence(posterior, prior)).mean()
