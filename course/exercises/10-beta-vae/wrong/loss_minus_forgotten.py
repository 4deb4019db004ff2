# exercise: loss
# slip: the bound itself, not its negative
# says: You return the bound to be maximised. A loss is minimised: change the sign of both terms.
# source: seen in teaching; the lecture's sections 7-9 maximise, 6 and 10 minimise
from torch.distributions import kl_divergence


def beta_vae_loss(x, posterior, prior, decoder, beta):
    z = posterior.rsample()
    return (decoder(z).log_prob(x) - beta * kl_divergence(posterior, prior)).mean()
