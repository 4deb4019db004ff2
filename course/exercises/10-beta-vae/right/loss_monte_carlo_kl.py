# exercise: loss
# how: the KL by the same draw of z, log q(z|x) - log p(z)
def beta_vae_loss(x, posterior, prior, decoder, beta):
    z = posterior.rsample()
    kl = posterior.log_prob(z) - prior.log_prob(z)
    return torch.mean(beta * kl - decoder(z).log_prob(x))


import torch  # noqa: E402 (an import below its use is still right)
