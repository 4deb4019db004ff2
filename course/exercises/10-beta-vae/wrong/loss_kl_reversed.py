# exercise: loss
# slip: KL the other way round
# says: You measure KL(p(z) || q(z|x)). The bound has the posterior first: KL(q(z|x) || p(z)).
# source: seen in teaching; eriklindernoren/PyTorch-GAN#84 mixes directions too
from torch.distributions import kl_divergence


def beta_vae_loss(x, posterior, prior, decoder, beta):
    z = posterior.rsample()
    return (-decoder(z).log_prob(x) + beta * kl_divergence(prior, posterior)).mean()
