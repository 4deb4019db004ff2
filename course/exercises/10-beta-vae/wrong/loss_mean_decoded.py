# exercise: loss
# slip: the posterior's mean is decoded
# says: You decode the mean of q(z|x). The loss is an expectation over z: draw one.
# source: ARENA 3.0's test_vae accepts it in 20 of 20 seeds
from torch.distributions import kl_divergence


def beta_vae_loss(x, posterior, prior, decoder, beta):
    z = posterior.mean
    return (-decoder(z).log_prob(x) + beta * kl_divergence(posterior, prior)).mean()
