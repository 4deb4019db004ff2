# exercise: loss
# slip: KL averaged over latent dimensions
# says: Your KL is a mean over the latent dimensions while the likelihood is a sum over pixels, so beta means
#     beta divided by their number. Sum over dimensions; average over examples only.
# source: wiseodd/generative-models#40; cs294-158-lvm `IAFPixelVAE.loss`
from torch.distributions import kl_divergence


def beta_vae_loss(x, posterior, prior, decoder, beta):
    z = posterior.rsample()
    kl = kl_divergence(posterior.base_dist, prior.base_dist).mean(-1)
    return (-decoder(z).log_prob(x) + beta * kl).mean()
