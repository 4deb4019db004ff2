# exercise: loss
# slip: z cut from the graph
# says: No gradient reaches the encoder through z. Draw it so that it stays a function of the posterior's parameters.
# source: ARENA 3.0's test_vae accepts it in 20 of 20 seeds
from torch.distributions import kl_divergence


def beta_vae_loss(x, posterior, prior, decoder, beta):
    z = posterior.rsample().detach()
    return (-decoder(z).log_prob(x) + beta * kl_divergence(posterior, prior)).mean()
