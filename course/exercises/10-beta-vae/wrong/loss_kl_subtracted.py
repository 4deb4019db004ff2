# exercise: loss
# slip: KL subtracted
# says: Your loss rewards a large KL. The bound subtracts it, and the loss is minus the bound.
# source: mhw32/multimodal-vae-public#5; siddsax/Normalizing_Flows#1 ("negative KL learned")
from torch.distributions import kl_divergence


def beta_vae_loss(x, posterior, prior, decoder, beta):
    z = posterior.rsample()
    return (-decoder(z).log_prob(x) - beta * kl_divergence(posterior, prior)).mean()
