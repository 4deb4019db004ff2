# exercise: bound
# slip: prior left out
# says: Your weight is p(x|z) / q(z|x): the prior p(z) is missing.
# source: mhw32/multimodal-vae-public#5: an expert left out
import math


def importance_bound(x, posterior, prior, decoder, samples):
    z = posterior.rsample((samples,))
    return (decoder(z).log_prob(x) - posterior.log_prob(z)).logsumexp(0) - math.log(samples)
