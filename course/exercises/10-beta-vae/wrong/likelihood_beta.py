# exercise: likelihood
# slip: beta for beta - 1
# says: Minus the ELBO already holds the KL to the prior once: only beta - 1 of it is left to add.
# source: seen in teaching
likelihood = {"log_likelihood": -1, "kl_posterior": 1, "mi_q": "beta", "kl_aggregate": "beta"}
