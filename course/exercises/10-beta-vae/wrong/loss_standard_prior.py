# exercise: loss
# slip: KL to a standard normal
# says: Your KL is measured to N(0, I) whatever prior is given. Use `prior`.
# source: Doersch (2016), eq. 7, is this special case; copied into code with learned priors
def beta_vae_loss(x, posterior, prior, decoder, beta):
    z = posterior.rsample()
    mean, std = posterior.mean, posterior.stddev
    kl = 0.5 * (mean**2 + std**2 - 1 - 2 * std.log()).sum(-1)
    return (-decoder(z).log_prob(x) + beta * kl).mean()
