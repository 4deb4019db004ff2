# exercise: bound
# how: noise drawn by hand, draws folded into the batch
import torch


def importance_bound(x, posterior, prior, decoder, samples):
    base = posterior.base_dist
    noise = torch.randn(samples * len(x), base.loc.shape[-1])
    repeat = [tensor.repeat(samples, 1) for tensor in (x, base.loc, base.scale.expand_as(base.loc))]
    z = repeat[1] + repeat[2] * noise
    log_q = torch.distributions.Normal(repeat[1], repeat[2]).log_prob(z).sum(-1)
    log_weight = decoder(z).log_prob(repeat[0]) + prior.log_prob(z) - log_q
    return torch.logsumexp(log_weight.view(samples, len(x)), 0) - torch.tensor(float(samples)).log()
