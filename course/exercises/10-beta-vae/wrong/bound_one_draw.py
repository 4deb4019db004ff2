# exercise: bound
# slip: one draw for all K weights
# says: All K weights come from one z, so their mean is one weight: draw K times.
# source: seen in teaching: expand in the place of rsample((K,))
import math


def importance_bound(x, posterior, prior, decoder, samples):
    z = posterior.rsample().expand(samples, -1, -1)
    return (decoder(z).log_prob(x) + prior.log_prob(z) - posterior.log_prob(z)).logsumexp(0) - math.log(samples)
