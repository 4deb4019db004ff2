# exercise: likelihood
# slip: the bound itself, not its negative
# says: This is what is maximised. The loss is its negative: turn every sign.
# source: lecture 12: sections 7-9 maximise, 10 minimises
likelihood = {"log_likelihood": 1, "kl_posterior": -1, "mi_q": "1 - beta", "kl_aggregate": "1 - beta"}
