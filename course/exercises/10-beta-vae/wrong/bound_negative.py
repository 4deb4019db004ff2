# exercise: bound
# slip: a loss, not a bound
# says: You return minus the bound. The question asks for the bound.
# source: seen in teaching
import math


def importance_bound(x, posterior, prior, decoder, samples):
    z = posterior.rsample((samples,))
    return math.log(samples) - (decoder(z).log_prob(x) + prior.log_prob(z) - posterior.log_prob(z)).logsumexp(0)
