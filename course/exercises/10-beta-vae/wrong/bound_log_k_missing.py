# exercise: bound
# slip: log K left out
# says: You have the log of the sum of the weights; the mean divides by K, so take log K off.
# source: seen in teaching; loses log K nats, invisible in samples


def importance_bound(x, posterior, prior, decoder, samples):
    z = posterior.rsample((samples,))
    return (decoder(z).log_prob(x) + prior.log_prob(z) - posterior.log_prob(z)).logsumexp(0)
