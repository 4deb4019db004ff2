# exercise: loss
# slip: beta weighs the likelihood
# says: You multiply the reconstruction by beta. beta belongs to the KL.
# source: FlowGAN's paper weighs the likelihood where the lecture weighs the divergence; the same mix-up here
from torch.distributions import kl_divergence


def beta_vae_loss(x, posterior, prior, decoder, beta):
    z = posterior.rsample()
    return (-beta * decoder(z).log_prob(x) + kl_divergence(posterior, prior)).mean()
