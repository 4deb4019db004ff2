# exercise: likelihood
# slip: beta on the information only
# says: beta multiplies the whole KL to the prior, so KL(q(z) || p(z)) is priced as well.
# source: lecture 12, 'beta-VAE'
likelihood = {"log_likelihood": -1, "kl_posterior": 1, "mi_q": "beta - 1"}
