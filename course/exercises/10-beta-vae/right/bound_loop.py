# exercise: bound
# how: one draw at a time, largest weight taken out by hand
import torch


def importance_bound(x, posterior, prior, decoder, samples):
    log_weights = []
    for _ in range(samples):
        z = posterior.rsample()
        log_weights.append(prior.log_prob(z) - posterior.log_prob(z) + decoder(z).log_prob(x))
    log_weights = torch.stack(log_weights, dim=1)
    largest = log_weights.max(dim=1, keepdim=True).values
    return (largest + (log_weights - largest).exp().mean(dim=1, keepdim=True).log()).squeeze(1)
