# exercise: likelihood
# slip: inference gap with the wrong sign
# says: Minus the ELBO is minus log p(x) plus the gap: a worse q makes the loss larger.
# source: siddsax/Normalizing_Flows#1
likelihood = {"log_likelihood": -1, "kl_posterior": -1, "mi_q": "beta - 1", "kl_aggregate": "beta - 1"}
