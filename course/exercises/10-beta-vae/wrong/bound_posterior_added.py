# exercise: bound
# slip: posterior with the wrong sign
# says: q(z|x) stands below in the weight: its log is subtracted.
# source: siddsax/Normalizing_Flows#1: signs of log q
import math


def importance_bound(x, posterior, prior, decoder, samples):
    z = posterior.rsample((samples,))
    return (decoder(z).log_prob(x) + prior.log_prob(z) + posterior.log_prob(z)).logsumexp(0) - math.log(samples)
