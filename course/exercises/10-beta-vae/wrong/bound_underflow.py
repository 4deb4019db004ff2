# exercise: bound
# slip: weights not kept in logs
# says: You exponentiate before averaging: right near 0, but exp(-300) is 0 and its log minus infinity. Use logsumexp.
# source: emited/VariationalRecurrentNeuralNetwork#2: NaN from log 0


def importance_bound(x, posterior, prior, decoder, samples):
    z = posterior.rsample((samples,))
    return (decoder(z).log_prob(x) + prior.log_prob(z) - posterior.log_prob(z)).exp().mean(0).log()
