# exercise: bound
# slip: mean of logs
# says: You average the log weights: that is the ELBO with more draws. Average the weights, then take the log.
# source: Burda et al. (2016), section 3; XCS236's test bands accept one constant


def importance_bound(x, posterior, prior, decoder, samples):
    z = posterior.rsample((samples,))
    return (decoder(z).log_prob(x) + prior.log_prob(z) - posterior.log_prob(z)).mean(0)
