# exercise: loss
# slip: beta left out
# says: Your loss is the VAE's whatever beta is. Weigh the KL by beta.
# source: seen in teaching
from torch.distributions import kl_divergence


def beta_vae_loss(x, posterior, prior, decoder, beta):
    z = posterior.rsample()
    return (-decoder(z).log_prob(x) + kl_divergence(posterior, prior)).mean()
