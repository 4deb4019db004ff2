# exercise: loss
# slip: z drawn from the prior
# says: Your z comes from the prior, so the decoder hears nothing of x. Reconstruct from a draw of q(z|x).
# source: ARENA 3.0's test_vae accepts a decoder that ignores its z in 20 of 20 seeds
from torch.distributions import kl_divergence


def beta_vae_loss(x, posterior, prior, decoder, beta):
    z = prior.rsample((len(x),))
    return (-decoder(z).log_prob(x) + beta * kl_divergence(posterior, prior)).mean()
