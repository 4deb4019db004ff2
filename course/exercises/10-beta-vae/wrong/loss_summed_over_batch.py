# exercise: loss
# slip: summed over the batch
# says: You sum over the batch: the loss, and with it the step size, grows with the batch. Take the mean.
# source: wohlert/semi-supervised-pytorch#21
from torch.distributions import kl_divergence


def beta_vae_loss(x, posterior, prior, decoder, beta):
    z = posterior.rsample()
    return (-decoder(z).log_prob(x) + beta * kl_divergence(posterior, prior)).sum()
