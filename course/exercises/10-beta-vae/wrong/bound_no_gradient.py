# exercise: bound
# slip: z drawn without a path for gradients
# says: The value is right and the decoder learns nothing: the draw and its weights were made under no_grad.
# source: ARENA 3.0: sampling under no_grad accepted in 20 of 20 seeds
import math

import torch


def importance_bound(x, posterior, prior, decoder, samples):
    with torch.no_grad():
        z = posterior.sample((samples,))
        log_weight = decoder(z).log_prob(x) + prior.log_prob(z) - posterior.log_prob(z)
    return log_weight.logsumexp(0) - math.log(samples)
