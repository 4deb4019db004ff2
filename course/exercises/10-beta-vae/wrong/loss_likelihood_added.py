# exercise: loss
# slip: the log-likelihood added, not subtracted
# says: Your loss falls when x becomes less likely. The distortion is -log p(x|z): a minus is missing.
# source: seen in a student's first attempt
from torch.distributions import kl_divergence


def beta_vae_loss(x, posterior, prior, decoder, beta):
    z = posterior.rsample()
    return (decoder(z).log_prob(x) + beta * kl_divergence(posterior, prior)).mean()
